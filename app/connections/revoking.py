"""Telling providers of tokens that are not used any more.

A token that has ended revokes nothing, while its refresh token lives on: so it is renewed first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import structlog

from app.oauth.answers import GrantRefused
from app.waiting import woken
from models.accounts.oauth_revocations import (
    TRIES,
    OAuthRevocation,
    forget_revocation,
    keep_for_revocation,
    take_revocations,
)
from models.errors import Unavailable

if TYPE_CHECKING:
    from app.connections.providers import Service
    from models.accounts.oauth_connections import OAuthProvider
    from models.ports import Vault
    from models.verbs import Actor

POLL = 5.0  # seconds, when nothing wakes it
BATCH = 10

log = structlog.get_logger()


class Revoker:
    """Has tokens forgotten, whoever ended their connections."""

    def __init__(
        self, actor: Actor, vault: Vault, services: Mapping[OAuthProvider, Service]
    ) -> None:
        self._actor = actor
        self._vault = vault
        self._services = services
        self._woken = asyncio.Event()

    def changed(self, _owner: str, change: Mapping[str, Any]) -> None:
        """Follow the event log: a new one."""
        if change["id"].startswith(f"{OAuthRevocation.prefix}_") and change["op"] == "add":
            self._woken.set()

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            await woken(self._woken, POLL)
            try:
                while taken := await take_revocations(self._actor, BATCH):
                    await asyncio.gather(*(self._tell(one) for one in taken))
            except Unavailable:
                log.warning("revocation.lost")

    async def _tell(self, revocation: OAuthRevocation) -> None:
        service = self._services.get(revocation.provider)
        try:
            if service is not None:
                await self._revoke(service, revocation)
        except Unavailable:
            given_up = revocation.tries >= TRIES
            log.warning("revocation.failed", revocation=revocation.id, given_up=given_up)
            if not given_up:
                return
        await forget_revocation(self._actor, revocation.id)

    async def _revoke(self, service: Service, revocation: OAuthRevocation) -> None:
        try:
            token = await self._live_token(service, revocation)
        except GrantRefused:
            return
        if token is not None:
            await service.revoke(token)

    async def _live_token(self, service: Service, revocation: OAuthRevocation) -> str | None:
        """A token that can be revoked; None where none can be read. Raises GrantRefused."""
        refresh = revocation.open_token(self._vault, "refresh_token")
        ends = revocation.expires_at
        if refresh is None or ends is None or ends > self._actor.clock.now():
            return revocation.open_token(self._vault)
        new = await service.renewed(refresh)
        # The refresh token may be spent by now: another try must not need it.
        await keep_for_revocation(self._actor, revocation.id, new, self._vault)
        return new.access
