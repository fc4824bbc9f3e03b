"""`punnet grant-operator` and `revoke-operator`, for who holds the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from app.running import refusals_shown, run

if TYPE_CHECKING:
    from app.config import Settings
    from models.accounts.users import User
    from models.verbs import Actor

    Office = Callable[[Actor, str], Awaitable[User]]

Who = Annotated[str, typer.Argument(help="The user's id, or the subject of their token.")]


def grant_operator(who: Who) -> None:
    """Make a user an operator, who reads what belongs to nobody."""
    from models.accounts import operators

    typer.echo(f"{_appointed(operators.grant_operator, who)} is an operator now.")


def revoke_operator(who: Who) -> None:
    """Make an operator a user like any other."""
    from models.accounts import operators

    typer.echo(f"{_appointed(operators.revoke_operator, who)} is no operator any more.")


def _appointed(office: Office, who: str) -> str:
    """The id of a user who was given an office, or lost it; ends the command if there is none."""
    with refusals_shown():
        user: User = run(lambda settings, url: _appoint(settings, url, office, who))
        return user.id


async def _appoint(settings: Settings, url: str, office: Office, who: str) -> User:
    from app.assembly import connect
    from app.process import running
    from models.verbs import Actor
    from models.viewer import SIGNED_OUT

    services = connect(settings, url)
    async with running(services, worker=False):
        ports = services.ports
        actor = Actor(SIGNED_OUT, ports.database, ports.clock, ports.bus, ports.models)
        return await office(actor, who)
