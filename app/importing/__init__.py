"""`punnet import …`: loading data from elsewhere into this database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.config import Settings
from app.convex import AppName
from app.migrations import migrate
from app.running import refusals_shown, run

if TYPE_CHECKING:
    from app.chats.findings import Findings
    from app.chats.importing import Product
    from app.own_imports.merging import Came

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


User = Annotated[str, typer.Option(help="The user's proven address, or id.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Write nothing.")]


@importing.command()
def chatgpt(
    file: Annotated[Path, typer.Argument(help="A `conversations.json`, or its ZIP.", exists=True)],
    user: User,
    dry_run: DryRun = False,
) -> None:
    """Add the chats of a data export of ChatGPT; a second run adds only what is new in it."""
    from app.chats.importing import CHATGPT

    _import_chats(CHATGPT, file, user, dry_run=dry_run)


@importing.command()
def claude(
    file: Annotated[Path, typer.Argument(help="A `conversations.json`, or its ZIP.", exists=True)],
    user: User,
    dry_run: DryRun = False,
) -> None:
    """Add the chats of a data export of Claude; a second run adds only what is new in it."""
    from app.chats.importing import CLAUDE

    _import_chats(CLAUDE, file, user, dry_run=dry_run)


@importing.command()
def own(
    file: Annotated[Path, typer.Argument(help="What `exportMyData` gave a user.", exists=True)],
    user: User,
) -> None:
    """Add what a user took along to an account, which is made for an address that nobody has."""
    from app.files.store import open_store
    from app.own_imports.importing import import_own

    async def work(settings: Settings, url: str) -> Mapping[str, Came]:
        await migrate(url)
        return await import_own(url, open_store(settings), file, user)

    with refusals_shown():
        for name, came in run(work).items():
            rest = f"{came.here:,} here already, {came.left_out:,} left out"
            typer.echo(f"{came.added:>12,}  {name} ({rest})")


def _import_chats(product: Product, file: Path, user: str, *, dry_run: bool) -> None:
    from app.chats.importing import import_chats

    async def work(_settings: Settings, url: str) -> Findings:
        await migrate(url)
        return await import_chats(url, product, file, user, dry_run=dry_run)

    with refusals_shown():
        for line in run(work).lines():
            typer.echo(line)
