"""The command: `python -m bench [--quick] [--output FILE]`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.report import keep, show
from bench.run import QUICK, WHOLE
from bench.run import run as measure

WIDTH = 120  # columns of a table that goes to a file


def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="Seconds instead of minutes; proves that it runs.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(help="The file of the results; default: bench/results/<date>-<commit>.json."),
    ] = None,
) -> None:
    """Measure Punnet beside the floor, print the numbers and keep them as JSON."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    with tempfile.TemporaryDirectory(prefix="punnet-bench-") as folder:
        results = measure(QUICK if quick else WHOLE, Path(folder), console.print)
    show(results, console)
    if output is not None or not quick:
        console.print(f"Kept in {keep(results, output)}")


if __name__ == "__main__":
    typer.run(main)
