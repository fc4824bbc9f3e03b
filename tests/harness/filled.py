"""Filled databases: see tests.harness.filling for what is in them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import asyncpg

from app.postgres import EmbeddedPostgres
from tests.harness.filling import Filling, Size, far

EVENT_BATCHES = 40
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
    """Fill a migrated, empty database; returns what it was filled with."""
    filling = Filling(size)
    for number in range(size.owners):
        filling.owner(number)
    for number in range(size.visitors):
        filling.visitor(number)
    connection = await asyncpg.connect(url)
    try:
        for model, rows in filling.rows.items():
            names = model.columns()
            await connection.copy_records_to_table(
                model.table(),
                columns=names,
                records=rows,
            )
        owners = filling.users
        await _fill_log(connection, owners)
        await _fill_keys(connection, owners)
        await _fill_chunks(connection, filling)
        await _fill_slow(connection)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return filling


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
