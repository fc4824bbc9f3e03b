"""`punnet export`: all rows, or those of one user, into a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.running import refusals_shown, run

if TYPE_CHECKING:
    from app.config import Settings
    from app.exporting import Manifest


def export(
    file: Annotated[Path, typer.Argument(help="The ZIP to write; replaced when there is one.")],
    user: Annotated[
        str | None, typer.Option(help="Only what this user owns: a proven address, or an id.")
    ] = None,
) -> None:
    """Write every row to a file, secrets left out; nobody needs to stop meanwhile."""
    from app.exporting import show_tables, write_export
    from app.files.store import open_store
    from app.own_exports import export_user

    async def work(settings: Settings, url: str) -> Manifest:
        store = open_store(settings)
        if user is None:
            return await write_export(url, store, file)
        return await export_user(url, store, user, file)

    with refusals_shown():
        show_tables(run(work))
