"""Asking other servers: `fetch` for what fits into memory, `opened` for more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver
from yarl import URL

from app.outgoing.addresses import Gate
from app.outgoing.failures import AddressRefused, Failure, OutgoingFailed
from app.outgoing.redirects import STATUSES, checked_url, kept_headers, next_url

HEADER_BYTES = 8 << 10  # of one line; there are 128 at most
PER_HOST = 20  # connections
AGENT = {"User-Agent": "Punnet"}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an answer is taken: `size` in bytes once unpacked, the rest in seconds.

    `total` is for all of it, redirects too; `silence` for connecting, and between two bytes.
    `redirects` is how many are followed.
    """

    size: int = 1 << 20
    total: float = 10.0
    silence: float = 5.0
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """What its body says. Raises OutgoingFailed for what is no JSON."""
        try:
            return orjson.loads(self.body)
        except ValueError:
            raise OutgoingFailed(Failure.GARBLED) from None


class Arriving:
    """An answer whose body is still to be read, once."""

    def __init__(self, response: ClientResponse, limits: Limits, deadline: float) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._size = limits.size
        self._deadline = deadline

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Its body, unpacked. Raises OutgoingFailed."""
        host, left = self._response.url.host, self._size
        if (self._response.content_length or 0) > self._size:
            raise _failed(Failure.TOO_LARGE, host)
        while True:
            with _told(host):
                async with asyncio.timeout_at(self._deadline):
                    chunk = await self._response.content.readany()
            if not chunk:
                return
            left -= len(chunk)
            if left < 0:
                raise _failed(Failure.TOO_LARGE, host)
            yield chunk


class Outgoing:
    """The client. Close it at the end.

    `resolver` finds the addresses of names; default: as the system does.
    """

    def __init__(self, gate: Gate, resolver: AbstractResolver | None = None) -> None:
        self._gate = gate
        self._resolver = resolver
        self._session: ClientSession | None = None

    async def fetch(
        self, method: str, url: str, *, limits: Limits | None = None, **request: Any
    ) -> Fetched:
        """The whole answer; `request` is `headers`, and `data` or `json` to send.

        Raises OutgoingFailed.
        """
        async with self.opened(method, url, limits=limits, **request) as arriving:
            body = b"".join([chunk async for chunk in arriving.chunks()])
            return Fetched(arriving.status, arriving.headers, body)

    @asynccontextmanager
    async def opened(
        self, method: str, url: str, *, limits: Limits | None = None, **request: Any
    ) -> AsyncGenerator[Arriving]:
        """The answer as it arrives. Redirects are followed for GET and HEAD alone.

        Raises OutgoingFailed.
        """
        limits = limits or Limits()
        deadline = asyncio.get_running_loop().time() + limits.total
        target = checked_url(url)
        with _told(target.host):
            async with asyncio.timeout_at(deadline):
                response = await self._ask(method, target, limits, request)
        try:
            yield Arriving(response, limits, deadline)
        finally:
            response.close()

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(
        self, method: str, url: URL, limits: Limits, request: dict[str, Any]
    ) -> ClientResponse:
        """The first answer that does not lead elsewhere."""
        timeout = ClientTimeout(sock_connect=limits.silence, sock_read=limits.silence)
        headers: Mapping[str, str] = request.pop("headers", {})
        for _ in range(limits.redirects + 1):
            response = await self._client().request(
                method, url, headers=headers, timeout=timeout, allow_redirects=False, **request
            )
            if response.status not in STATUSES:
                return response
            response.close()
            target = next_url(method, url, response.headers.get("Location"))
            url, headers = target, kept_headers(headers, url, target)
        raise OutgoingFailed(Failure.REDIRECTED)

    def _client(self) -> ClientSession:
        if self._session is None:
            connector = TCPConnector(
                resolver=self._resolver,
                use_dns_cache=False,
                socket_factory=self._gate.socket_for,
                limit_per_host=PER_HOST,
            )
            self._session = ClientSession(
                connector=connector,
                cookie_jar=DummyCookieJar(),
                headers=AGENT,
                trust_env=False,  # a proxy would connect to what is refused here
                max_line_size=HEADER_BYTES,
                max_field_size=HEADER_BYTES,
            )
        return self._session


@contextmanager
def _told(host: str | None) -> Generator[None, None, None]:
    """Turn what goes wrong into OutgoingFailed."""
    try:
        yield
    except OutgoingFailed as error:
        raise _failed(error.failure, host) from None
    except TimeoutError:
        raise _failed(Failure.SLOW, host) from None
    except (ClientError, OSError, ValueError) as error:
        raise _failed(_failure_of(error), host) from None


def _failure_of(error: Exception) -> Failure:
    if isinstance(error, ClientConnectorError):
        refused = isinstance(error.os_error, AddressRefused)
        return Failure.ADDRESS if refused else Failure.UNREACHABLE
    if isinstance(error, InvalidURL):
        return Failure.ADDRESS
    if isinstance(error, ClientConnectionError | OSError):
        return Failure.UNREACHABLE
    return Failure.GARBLED


def _failed(failure: Failure, host: str | None) -> OutgoingFailed:
    # Never the path, the query or what was said: they may hold tokens.
    log.info("outgoing.failed", failure=failure, host=host)
    return OutgoingFailed(failure)
