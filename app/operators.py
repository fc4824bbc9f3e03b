"""Appointing operators, for who holds the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app.config import Settings
from app.process import connect, running
from models.accounts.users import User
from models.verbs import Actor
from models.viewer import SIGNED_OUT

Office = Callable[[Actor, str], Awaitable[User]]
"""`models.accounts.operators.grant_operator` or `revoke_operator`."""


async def appoint(settings: Settings, url: str, office: Office, who: str) -> User:
    """Give the user of an id or a subject an office, or take it. Raises DomainError."""
    services = connect(settings, url)
    async with running(services, worker=False):
        ports = services.ports
        actor = Actor(SIGNED_OUT, ports.database, ports.clock, ports.bus, ports.models)
        return await office(actor, who)
