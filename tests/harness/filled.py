"""Filled databases: see tests.harness.filling for what is in them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg

from app.postgres import EmbeddedPostgres
from models.base import Record
from tests.harness.filling import START, Filling, Size, far
from tests.harness.filling_accounts import add_orgs

EVENT_BATCHES = 40
_LINK_IMPORTS = """
UPDATE project_import i SET message_id = (
    SELECT m.id FROM message m WHERE m.project_id = i.project_id ORDER BY m.order_id LIMIT 1);
UPDATE attachment a SET import_id = i.id FROM message m JOIN project_import i USING (project_id)
WHERE m.id = a.message_id AND i.source = 'FIGMA'"""
SIZE = Size()


@contextmanager
def filled_database(
    postgres: EmbeddedPostgres, template: str, size: Size = SIZE
) -> Iterator[tuple[str, Filling]]:
    """The name of a new filled database, dropped at the end; for fixtures of a module."""
    name = f"full_{uuid.uuid4().hex}"
    postgres.create_database(name, template)
    with ThreadPoolExecutor(1) as thread:  # pytest-asyncio has a loop of its own in this one
        filling = thread.submit(asyncio.run, fill(postgres.url(name), size)).result()
    yield name, filling
    postgres.drop_database(name)


async def fill(url: str, size: Size = SIZE) -> Filling:
    """Fill a migrated, empty database; returns what it was filled with.

    One that an older version migrated gets what it has tables and columns for.
    """
    filling = Filling(size)
    for number in range(size.owners):
        filling.owner(number)
    add_orgs(filling, START)
    for number in range(size.visitors):
        filling.visitor(number)
    connection = await asyncpg.connect(url)
    try:
        for model, rows in filling.rows.items():
            await _fill_table(connection, model, rows)
        owners = filling.users
        await _fill_log(connection, owners)
        await _fill_keys(connection, owners)
        if await connection.fetchval("SELECT to_regclass('import_mark')") is not None:
            await _fill_marks(connection, owners)
            await connection.execute(_LINK_IMPORTS)
        await _fill_chunks(connection, filling)
        await _fill_slow(connection)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return filling


async def _fill_table(
    connection: asyncpg.Connection, model: type[Record], rows: list[tuple[Any, ...]]
) -> None:
    there = await connection.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_name = $1", model.table()
    )
    known = {row["column_name"] for row in there}
    kept = [place for place, name in enumerate(model.columns()) if name in known]
    if kept:
        await connection.copy_records_to_table(
            model.table(),
            columns=[model.columns()[place] for place in kept],
            records=[[row[place] for place in kept] for row in rows],
        )


async def _fill_log(connection: asyncpg.Connection, owners: list[str]) -> None:
    """Events of many transactions, as a running system has them."""
    names = ["owner_id", "verb", "at", "changes"]
    for _ in range(EVENT_BATCHES):
        now = datetime.now(UTC)
        rows = [(owner, "Project.update", now, "[]") for owner in owners]
        await connection.copy_records_to_table("event_log", columns=names, records=rows)


async def _fill_keys(connection: asyncpg.Connection, owners: list[str]) -> None:
    names = ["viewer_id", "mutation", "key", "hash", "expires_at"]
    rows = [(o, "SendMessageInput", f"k{n}", "0" * 64, far(1)) for o in owners for n in range(20)]
    await connection.copy_records_to_table("idempotency_key", columns=names, records=rows)


async def _fill_marks(connection: asyncpg.Connection, owners: list[str]) -> None:
    names = ["row_id", "digest", "row_updated_at", "source"]
    rows = [(owner, "0" * 64, far(-1), "users") for owner in owners]
    await connection.copy_records_to_table("import_mark", columns=names, records=rows)


async def _fill_chunks(connection: asyncpg.Connection, filling: Filling) -> None:
    names = ["message_id", "epoch", "part", "start", "kind", "text"]
    running = filling.running
    rows = [(id, 1, 0, 10 * n, "text", "ten chars.") for id in running for n in range(30)]
    await connection.copy_records_to_table("message_chunk", columns=names, records=rows)


async def _fill_slow(connection: asyncpg.Connection) -> None:
    if await connection.fetchval("SELECT to_regclass('slow_operation')") is None:
        return
    await connection.execute(
        "INSERT INTO slow_operation (hash, name, kind, document, viewer, codes, statements, count,"
        " total_ms, max_ms, first_seen, last_seen) SELECT n, 'Q', 'query', '{ me { id } }', 'user',"
        " '[]', 3, 2, n, n, now(), now() FROM generate_series(1, 500) n"
    )
