"""`punnet import …`: loading data from elsewhere into this database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.config import Settings
from app.convex import AppName
from app.migrations import migrate
from app.running import refusals_shown, run

importing = typer.Typer(name="import", help="Load data from elsewhere.", no_args_is_help=True)


@importing.command("punnet")
def import_punnet(
    file: Annotated[Path, typer.Argument(help="What `punnet export` wrote.", exists=True)],
) -> None:
    """Load an export of another Punnet into an empty database."""
    from app.exporting import show_tables
    from app.files.store import open_store
    from app.importing.exports import load_export

    with refusals_shown():
        show_tables(run(lambda settings, url: load_export(url, open_store(settings), file)))


@importing.command()
def convex(
    snapshot: Annotated[Path, typer.Argument(help="What `npx convex export` wrote.", exists=True)],
    app: Annotated[AppName | None, typer.Option("--app", help="Which app it is of.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse flaws.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
) -> None:
    """Merge a snapshot of a Convex deployment into the database; a second run changes nothing."""
    from app.convex.command import import_snapshot

    async def work(settings: Settings, url: str) -> None:
        await migrate(url)
        await import_snapshot(settings, url, snapshot, app=app, strict=strict, dry_run=dry_run)

    with refusals_shown():
        run(work)
