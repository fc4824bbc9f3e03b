"""The tables that are printed, and the file that is kept."""

from __future__ import annotations

import subprocess
from pathlib import Path

import orjson
from rich import box
from rich.console import Console
from rich.table import Table

from bench.budget import Budgeted
from bench.growth import Grown
from bench.importing import Imported
from bench.memory import Kept
from bench.processes import ROOT
from bench.results import Compared, Results, Served

FOLDER = ROOT / "bench" / "results"
MEGABYTE = 1 << 20


def commit() -> str:
    """The short name of the commit that is measured; `+` marks changes on top of it."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
        return name + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own argument list, no shell
        ["git", *arguments],  # noqa: S607 - whichever git is in use here
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def keep(results: Results, path: Path | None) -> Path:
    """Write the results to a file, by default one named after the day and the commit."""
    path = path or FOLDER / f"{results.date[:10]}-{results.commit.rstrip('+')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(results.as_json(), option=orjson.OPT_INDENT_2) + b"\n")
    return path


def show(results: Results, console: Console) -> None:
    """Print what was measured."""
    if results.operations:
        console.print(_operations(results.operations))
        console.print(
            f"For {results.requests:,} requests Punnet parsed and validated "
            f"{results.documents_checked} documents.\n"
        )
    if results.budgeted is not None:
        console.print(_budgeted(results.budgeted))
    if results.kept:
        console.print(_kept(results.kept))
    if results.grown:
        console.print(_grown(results.grown))
    if results.subscribers:
        console.print(_subscribers(results))
    if results.imported is not None:
        console.print(_imported(results.imported))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number > 1 else "left", no_wrap=True)
    return table


def _operations(operations: list[Compared]) -> Table:
    table = _table(
        "Operations over HTTP, beside the floor",
        "operation", "server", "CPU ms", "requests/s", "p50 ms", "p99 ms", "p99 crowd",
        "statements", "MB", "ratio",
    )  # fmt: skip
    for one in operations:
        ours, floor = (f"{crowded:.0f}" for crowded in one.crowded)
        ratio = f"[bold]{one.ratio:.2f}[/bold]"
        table.add_row(one.title, "punnet", *_served(one.ours, ours), ratio)
        table.add_row("", "fields", *_served(one.fields, ""), f"{one.fields_ratio:.1f}")
        table.add_row("", "floor", *_served(one.floor, floor), "1", end_section=True)
    return table


def _served(served: Served, crowded: str) -> list[str]:
    return [
        f"{served.cpu_ms:.2f}",
        f"{served.requests_per_second:,.0f}",
        f"{served.p50_ms:.1f}",
        f"{served.p99_ms:.1f}",
        crowded,
        str(served.statements),
        f"{served.memory / MEGABYTE:.0f}",
    ]


def _budgeted(budgeted: Budgeted) -> Table:
    table = _table("A project, with a budget for its cost", "", "CPU µs", "without", "ratio")
    table.add_row(
        "least of the rounds",
        f"{budgeted.with_us:.0f}",
        f"{budgeted.without_us:.0f}",
        f"[bold]{budgeted.ratio:.3f}[/bold]",
    )
    return table


def _kept(kept: list[Kept]) -> Table:
    table = _table(
        "Memory after different documents", "documents", "MB", "connections", "MB each at most"
    )
    for one in kept:
        table.add_row(
            f"{one.documents:,}",
            f"{one.process / MEGABYTE:.0f}",
            str(one.connections),
            f"{one.connection / MEGABYTE:.1f}",
        )
    return table


def _grown(grown: list[Grown]) -> Table:
    table = _table(
        "A page of few and of many, with PostgreSQL's part",
        "page", "of few", "of many", "CPU ms, few", "many", "statements", "many", "ratio",
    )  # fmt: skip
    for one in grown:
        table.add_row(
            one.page,
            f"{one.few:,}",
            f"{one.many:,}",
            f"{one.few_ms:.2f}",
            f"{one.many_ms:.2f}",
            str(one.few_statements),
            str(one.many_statements),
            f"[bold]{one.ratio:.2f}[/bold]",
        )
    return table


def _subscribers(results: Results) -> Table:
    table = _table(
        "Subscribers to running messages",
        "subscribers", "server", "events", "per s", "CPU µs each", "per core s", "p50 ms late",
        "p99 ms late", "p99 ms passing", "MB", "ratio",
    )  # fmt: skip
    for one in results.subscribers:
        table.add_row(
            f"{one.subscribers:,} to {'one' if one.shared else 'one each'}",
            one.server,
            f"{one.events:,}",
            f"{one.events_per_second:,}",
            f"{one.cpu_us:.1f}",
            f"{1e6 / one.cpu_us:,.0f}",
            f"{one.p50_ms:.1f}",
            f"{one.p99_ms:.1f}",
            f"{one.passing_ms:.2f}" if one.passing_ms else "",
            f"{one.memory / MEGABYTE:.0f}",
            f"{one.ratio:.2f}",
            end_section=one.server == "bare",
        )
    return table


def _imported(imported: Imported) -> Table:
    table = _table(
        "Import of a Convex snapshot", "rows", "seconds", "rows/s", "CPU µs each", "MB at most"
    )
    table.add_row(
        f"{imported.documents:,}",
        f"{imported.seconds:.1f}",
        f"{imported.rows_per_second:,.0f}",
        f"{imported.cpu_us:.0f}",
        f"{imported.memory / MEGABYTE:.0f}",
    )
    return table
