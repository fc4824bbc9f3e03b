"""`punnet import …`: loading data from elsewhere into this database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.running import refusals_shown, run

importing = typer.Typer(name="import", help="Load data from elsewhere.", no_args_is_help=True)


@importing.command("punnet")
def import_punnet(
    file: Annotated[Path, typer.Argument(help="What `punnet export` wrote.", exists=True)],
) -> None:
    """Load an export of another Punnet into an empty database."""
    from app.exporting import show_tables
    from app.importing.exports import load_export

    with refusals_shown():
        show_tables(run(lambda _settings, url: load_export(url, file)))
