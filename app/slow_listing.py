"""`punnet slow`: what all processes noted of slow operations, for people and for machines."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import orjson
from rich.table import Table

from app.clock import SystemClock
from app.database import PostgresDatabase
from models.ports import Database
from models.slow_operations import clear, slow_since

NUMBERS = ("runs", "total s", "mean ms", "longest ms", "statements")
WORDS = ("viewer", "errors", "last seen (UTC)")

Rows = Sequence[Mapping[str, Any]]


async def slow_operations(url: str, hours: float) -> Rows:
    """The operations that were slow in the last `hours`; their numbers go back to `first_seen`."""
    async with _opened(url) as database:
        return await slow_since(database, SystemClock().now() - timedelta(hours=hours))


async def clear_slow_operations(url: str) -> None:
    """Forget all of them."""
    async with _opened(url) as database:
        await clear(database)


def as_json(rows: Rows) -> str:
    """One JSON array; times in ISO 8601."""
    return orjson.dumps([dict(row) for row in rows], option=orjson.OPT_INDENT_2).decode()


def as_table(rows: Rows, hours: float) -> Table:
    """A table for the terminal, those first that took most time in all."""
    table = Table(title=f"Slow operations of the last {hours:g} hours")
    table.add_column("operation")
    for heading in NUMBERS:
        table.add_column(heading, justify="right")
    for heading in WORDS:
        table.add_column(heading)
    table.add_column("document", no_wrap=True, ratio=1)
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"{row['kind']} {row['name'] or '(no name)'}",
        f"{row['count']:,}",
        f"{row['total_ms'] / 1_000:,.1f}",
        f"{row['total_ms'] / row['count']:,.0f}",
        f"{row['max_ms']:,}",
        f"{row['statements']:,}",
        row["viewer"],
        " ".join(row["codes"]),
        f"{row['last_seen']:%Y-%m-%d %H:%M:%S}",
        f"{row['hash'][:12]} {' '.join(row['document'].split())}",
    )


@asynccontextmanager
async def _opened(url: str) -> AsyncGenerator[Database, None]:
    database = PostgresDatabase(url, size=1)
    await database.open()
    try:
        yield database
    finally:
        await database.close()
