"""The identity provider's keys over HTTP: fetched once for all, kept fresh, outliving an outage."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog
from aiohttp import ClientError, ClientResponse, ClientSession
from yarl import URL

from app.auth.key_set import KeySet, SigningKey
from app.auth.signing import Algorithms, UnverifiedToken
from models.errors import Unauthenticated, Unavailable
from models.ports import Clock

# Seconds.
RENEW_AFTER = 480.0
MAX_AGE = 600.0
STALE_AFTER = 86_400.0
RETRY_AFTER = 10.0
RETRY_EMPTY_AFTER = 1.0
FETCH_TIMEOUT = 5.0

MAX_BYTES = 256 << 10
MAX_REDIRECTS = 3

_REDIRECTS = {301, 302, 303, 307, 308}

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Jwks:
    """The keys at one URL.

    One fetch is under way at a time and everybody waits for the same one; it belongs to nobody,
    so a cancelled waiter does not stop it. Past RENEW_AFTER a fetch starts in the background,
    past MAX_AGE callers wait for it. Where it fails, the old keys serve until STALE_AFTER and
    a new try starts every RETRY_AFTER seconds (RETRY_EMPTY_AFTER with no keys to serve).
    """

    def __init__(
        self,
        url: str,
        new_session: Callable[[], ClientSession],
        clock: Clock,
        timeout: float = FETCH_TIMEOUT,
    ) -> None:
        self._url = URL(url)
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise ValueError("not an http(s) URL")
        self._new_session = new_session
        self._clock = clock
        self._timeout = timeout
        self._session: ClientSession | None = None
        self._keys: KeySet | None = None
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._failed = False
        self._fetch: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def failed(self) -> bool:
        """Whether the latest fetch failed, so that the keys at hand may be old."""
        return self._failed

    async def current(self) -> KeySet:
        """The keys to judge by now. Raises Unavailable when there are none young enough."""
        age = self._since(self._fetched_at)
        if age >= STALE_AFTER or (age >= MAX_AGE and not self._failed):
            await self.refetch()
        elif age >= RENEW_AFTER:
            self._start_fetch()
        if self._keys is None or self._since(self._fetched_at) >= STALE_AFTER:
            raise Unavailable(
                "The identity provider's keys cannot be fetched.", retry_after=RETRY_EMPTY_AFTER
            )
        return self._keys

    async def refetch(self) -> None:
        """Wait for a fetch: the one under way, or a new one unless the latest is too recent."""
        fetch = self._start_fetch()
        if fetch is None:
            return
        # Not `await fetch` nor shield: neither the waiter's nor the fetch's end by
        # cancellation may look like the other's.
        await asyncio.wait({fetch})
        if not fetch.cancelled():
            fetch.result()

    async def key_for(self, token: UnverifiedToken, algorithms: Algorithms) -> SigningKey:
        """The key that must have signed a token. Raises Unauthenticated, Unavailable."""
        key = (await self.current()).find(token.kid, token.algorithm, algorithms)
        if key is None:
            await self.refetch()
            key = (await self.current()).find(token.kid, token.algorithm, algorithms)
        if key is not None:
            return key
        if self._failed:
            # The key may be a new one: not the token's fault, so the client should keep it.
            raise Unavailable(
                "The identity provider's keys cannot be fetched.", retry_after=RETRY_AFTER
            )
        raise Unauthenticated("The token's signing key is unknown.")

    async def close(self) -> None:
        """Stop a fetch under way and close the connection."""
        self._closed = True
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.wait({self._fetch})
        if self._session is not None:
            await self._session.close()

    def _since(self, moment: datetime | None) -> float:
        """Seconds since; infinite for never. After the clock was set back a fetch is due."""
        if moment is None:
            return float("inf")
        seconds = (self._clock.now() - moment).total_seconds()
        return seconds if seconds >= 0 else MAX_AGE

    def _start_fetch(self) -> asyncio.Task[None] | None:
        if self._fetch is not None and not self._fetch.done():
            return self._fetch
        gap = RETRY_EMPTY_AFTER if self._since(self._fetched_at) >= STALE_AFTER else RETRY_AFTER
        if self._closed or self._since(self._tried_at) < gap:
            return None
        self._tried_at = self._clock.now()
        self._fetch = asyncio.create_task(self._fetch_keys())
        return self._fetch

    async def _fetch_keys(self) -> None:
        # The age counts from the request, so a key removed while it travels is not overlooked.
        started = self._clock.now()
        try:
            async with asyncio.timeout(self._timeout):
                keys = KeySet.from_json(await self._download())
        except (ClientError, OSError, ValueError) as error:
            self._failed = True
            log.warning("jwks_fetch_failed", host=self._url.host, reason=repr(error)[:200])
            return
        self._keys, self._fetched_at, self._failed = keys, started, False

    async def _download(self) -> bytes:
        if self._session is None:
            self._session = self._new_session()
        url = self._url
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        for _ in range(MAX_REDIRECTS + 1):
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status == 200:
                    return await _read(response)
                if response.status not in _REDIRECTS:
                    raise ValueError(f"status {response.status}")
                url = url.join(URL(response.headers.get("Location", "")))
                # The issuer's host is what the operator trusts; no other may speak for it.
                if url.origin() != self._url.origin():
                    raise ValueError("redirected to another host")
        raise ValueError("too many redirects")


async def _read(response: ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(16 << 10):
        body += chunk
        if len(body) > MAX_BYTES:
            raise ValueError("too large")
    return bytes(body)
