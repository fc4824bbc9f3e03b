"""The tokens of users' connections, renewed by one process at a time and kept at all costs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import structlog

from app.oauth.answers import GrantRefused
from models.accounts.connecting import (
    RENEWAL,
    Renewal,
    claim_renewal,
    hand_back_renewal,
    keep_renewed,
    note_refusal,
)
from models.accounts.oauth_connections import EARLY, OAuthConnection, OAuthProvider, connection_of
from models.errors import NotConnected, Unavailable

if TYPE_CHECKING:
    from app.connections.providers import Service
    from models.ports import Vault
    from models.verbs import Actor

PATIENCE = 15.0  # seconds for a token, also where another process gets it
POLL = 0.2  # seconds between looks at what another process got
RETRY = 0.5  # seconds between tries to keep what a provider gave

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Held:
    """A connection with its tokens opened."""

    row: OAuthConnection
    access: str = field(repr=False)
    refresh: str | None = field(repr=False)


class OAuthConnections:
    """The port `Connections`. `actor` acts for the system."""

    def __init__(
        self, actor: Actor, vault: Vault, services: Mapping[OAuthProvider, Service]
    ) -> None:
        self._actor = actor
        self._vault = vault
        self._services = services
        self._renewals: set[asyncio.Task[str | None]] = set()

    async def token(self, user_id: str, provider: str, *, instead_of: str | None = None) -> str:
        """See models.ports.Connections."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    held = await self._held(user_id, OAuthProvider(provider))
                    found = await self._usable(held, refused=held.access == instead_of)
                    if found is not None:
                        return found
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise _slow() from None

    async def close(self) -> None:
        """Let what is being renewed be kept."""
        if self._renewals:
            await asyncio.wait(self._renewals, timeout=PATIENCE)

    async def _held(self, user_id: str, provider: OAuthProvider) -> Held:
        row = await connection_of(self._actor.database, user_id, provider)
        if row is None or provider not in self._services:
            raise NotConnected("Connect this service first.")
        access = row.open_token(self._vault)
        if row.refused_at is not None or access is None:
            raise _refused()
        return Held(row, access, row.open_token(self._vault, "refresh_token"))

    async def _usable(self, held: Held, *, refused: bool) -> str | None:
        """A token that holds; None while somebody else renews it."""
        now = self._actor.clock.now()
        if not refused and held.row.lasts_until(now + EARLY):
            return held.access
        if held.refresh is None:
            if not refused and held.row.lasts_until(now):
                return held.access
            await note_refusal(self._actor, held.row.id, held.access, self._vault)
            raise _refused()
        renewal = Renewal(held.row.id, held.row.user_id, held.row.provider, held.refresh)
        if not await claim_renewal(self._actor, renewal, self._vault):
            return None
        task = asyncio.create_task(self._renewed(held, renewal, refused=refused))
        self._renewals.add(task)
        task.add_done_callback(self._ended)
        # Shielded: a refresh token that was spent must be replaced, whoever hangs up.
        return await asyncio.shield(task)

    async def _renewed(self, held: Held, renewal: Renewal, *, refused: bool) -> str | None:
        """A new token, kept; None where the connection is another by now."""
        actor, vault = self._actor, self._vault
        try:
            new = await self._services[renewal.provider].renewed(renewal.spent)
        except GrantRefused:
            await _surely(lambda: note_refusal(actor, renewal.id, renewal.spent, vault))
            return None
        except Unavailable:
            await hand_back_renewal(actor, renewal, vault)
            if not refused and held.row.lasts_until(actor.clock.now()):
                return held.access
            raise
        kept = await _surely(lambda: keep_renewed(actor, renewal, new, vault))
        return new.access if kept else None

    def _ended(self, renewal: asyncio.Task[str | None]) -> None:
        self._renewals.discard(renewal)
        if not renewal.cancelled() and renewal.exception() is not None:
            log.info("connection.not_renewed", error=type(renewal.exception()).__name__)


async def _surely(keep: Callable[[], Awaitable[T]]) -> T:
    """Keep what can't be had again, also where the database is away for a moment."""
    for _ in range(int(RENEWAL.total_seconds() / RETRY)):
        try:
            return await keep()
        except Unavailable:
            log.warning("database.lost")
            await asyncio.sleep(RETRY)
    return await keep()


def _refused() -> NotConnected:
    return NotConnected("The service does not take this connection any more; connect it anew.")


def _slow() -> Unavailable:
    return Unavailable("The provider does not answer as it should.", retry_after=5)
