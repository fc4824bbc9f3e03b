"""`punnet slow`: what all processes noted of slow operations, for people and for machines."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
import orjson
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from app.clock import SystemClock
from app.database import PostgresDatabase
from models.ports import Database
from models.slow_operations import clear, slow_since

NUMBERS = ("runs", "total s", "max ms", "SQL")
WORDS = ("last (UTC)", "for")
BEGINNING = 40  # characters of a document

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
    title = f"Slow operations of the last {hours:g} hours"
    caption = "Whole documents: punnet slow --json"
    table = Table(title=title, caption=caption, box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("operation", overflow="fold")
    for heading in NUMBERS:
        table.add_column(heading, justify="right")
    for heading in WORDS:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Mapping[str, Any]) -> tuple[Text | str, ...]:
    return (
        Text(_title(row)),
        f"{row['count']:,}",
        f"{row['total_ms'] / 1_000:,.1f}",
        f"{row['max_ms']:,}",
        f"{row['statements']:,}",
        f"{row['last_seen']:%m-%d %H:%M}",
        " ".join((row["viewer"], *row["codes"])),
    )


def _title(row: Mapping[str, Any]) -> str:
    """Kind and name; of an operation without a name, how its document begins."""
    if row["name"]:
        return f"{row['kind']} {row['name']}"
    document = " ".join(row["document"].split())
    return document if len(document) <= BEGINNING else f"{document[:BEGINNING]}…"


@asynccontextmanager
async def _opened(url: str) -> AsyncGenerator[Database, None]:
    database = PostgresDatabase(url, size=1)
    await database.open()
    try:
        yield database
    except asyncpg.UndefinedTableError as error:
        raise SystemExit("The database is older than this: run `punnet migrate` first.") from error
    finally:
        await database.close()
