"""`punnet runs …`: what who holds the database may do with agent runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from app.running import refusals_shown, run

if TYPE_CHECKING:
    from app.config import Settings
    from models.builder.held import Release, Which

runs = typer.Typer(name="runs", help="Look after agent runs.", no_args_is_help=True)


@runs.command()
def release(
    project: Annotated[str | None, typer.Option(help="Only the runs of this project's id.")] = None,
    user: Annotated[str | None, typer.Option(help="Only the runs of this user's id.")] = None,
) -> None:
    """Let the runs that an import held be carried out."""
    from models.builder.held import Which

    which = Which(project_id=project, owner_id=user)
    with refusals_shown():
        _show(run(lambda settings, url: _release_all(settings, url, which)))


async def _release_all(settings: Settings, url: str, which: Which) -> Counter[Release]:
    from app.assembly import connect
    from app.process import running
    from models.builder.held import release_runs
    from models.verbs import Actor
    from models.viewer import SIGNED_OUT

    services = connect(settings, url)
    became: Counter[Release] = Counter()
    async with running(services, worker=False):
        ports = services.ports
        actor = Actor(SIGNED_OUT, ports.database, ports.clock, ports.bus, ports.models)
        last: str | None = ""
        while last is not None:
            batch = await release_runs(actor, which, last)
            became += batch.became
            last = batch.last
    return became


def _show(became: Counter[Release]) -> None:
    from models.builder.held import Release

    typer.echo(f"{became[Release.QUEUED]:>8,}  released to the server's workers")
    typer.echo(f"{became[Release.CLAIMABLE]:>8,}  released, to be claimed by browsers")
    typer.echo(f"{became[Release.WAITING]:>8,}  still held, until the answer before them has ended")
    typer.echo(f"{became[Release.DELETED]:>8,}  still held, in deleted projects")
