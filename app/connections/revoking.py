"""Telling providers of tokens that are not used any more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import structlog

from app.waiting import woken
from models.accounts.oauth_revocations import (
    TRIES,
    OAuthRevocation,
    forget_revocation,
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
        token = revocation.open_token(self._vault)
        try:
            if service is not None and token is not None:
                await service.revoke(token)
        except Unavailable:
            given_up = revocation.tries >= TRIES
            log.warning("revocation.failed", revocation=revocation.id, given_up=given_up)
            if not given_up:
                return
        await forget_revocation(self._actor, revocation.id)
