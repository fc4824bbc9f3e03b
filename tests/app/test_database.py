"""The pool: what goes over a connection, and that one user of it leaves nothing to the next."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.database import PostgresDatabase
from models.ports import Connection

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def pool(database: str) -> AsyncIterator[PostgresDatabase]:
    """A pool of one connection, so that whoever comes next gets the same."""
    made = PostgresDatabase(database, size=1)
    await made.open()
    yield made
    await made.close()


async def last_statement(pool: PostgresDatabase, database: str) -> str:
    """What the connection of the pool has sent last, as PostgreSQL saw it."""
    pid = (await pool.fetch("SELECT pg_backend_pid() AS pid"))[0]["pid"]
    connection = await asyncpg.connect(database)
    try:
        await asyncio.sleep(0.05)
        return await connection.fetchval("SELECT query FROM pg_stat_activity WHERE pid = $1", pid)
    finally:
        await connection.close()


async def test_giving_a_connection_back_sends_nothing(
    pool: PostgresDatabase, database: str
) -> None:
    assert await last_statement(pool, database) == "SELECT pg_backend_pid() AS pid"


async def fail(connection: Connection) -> None:
    """Have a statement fail, which leaves a transaction good for nothing but a rollback."""
    with pytest.raises(asyncpg.DivisionByZeroError):
        await connection.fetch("SELECT 1 / 0")


async def is_fresh(pool: PostgresDatabase) -> bool:
    """Whether the connection is outside of any transaction, and nothing of one was kept."""
    first, second = [await pool.fetch("SELECT txid_current() AS id") for _ in range(2)]
    kept = await pool.fetch("SELECT to_regclass('left_over') AS found")
    return first[0]["id"] != second[0]["id"] and kept[0]["found"] is None


async def test_a_failed_transaction_is_over_for_the_next_user(pool: PostgresDatabase) -> None:
    async def fail_inside() -> None:
        async with pool.transaction() as connection:
            await connection.execute("CREATE TABLE left_over (id int)")
            await fail(connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_inside()
    assert await is_fresh(pool)


async def test_a_transaction_that_was_begun_by_hand_is_rolled_back(pool: PostgresDatabase) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    async with pool.connection() as connection:
        await connection.execute("BEGIN")
        await connection.execute("CREATE TABLE left_over (id int)")
        await fail(connection)
    assert await is_fresh(pool)
    assert len(told) == 1, "asyncpg complains, as it should"


async def test_a_cancelled_transaction_is_over_for_the_next_user(pool: PostgresDatabase) -> None:
    async def hang() -> None:
        async with pool.transaction() as connection:
            await connection.execute("CREATE TABLE left_over (id int)")
            await connection.execute("SELECT pg_sleep(30)")

    task = asyncio.create_task(hang())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await is_fresh(pool)


CHUNKS = 2_000
FILL = """\
INSERT INTO message_chunk (message_id, epoch, part, start, kind, text)
SELECT 'msg_' || n, 1, 0, 0, 'text', 'text' FROM generate_series(1, $1::int) n"""
FIND = """\
SELECT c.row_id FROM unnest($1::text[]) AS wanted (id)
JOIN LATERAL (SELECT row_id FROM message_chunk WHERE message_id = wanted.id) c ON true"""
SCANNED = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'message_chunk'"


async def test_a_plan_made_for_an_empty_table_serves_a_full_one(pool: PostgresDatabase) -> None:
    """PostgreSQL keeps plans; chunks come and go long before it looks at the table again."""
    async with pool.connection() as connection:
        await connection.execute("VACUUM ANALYZE message_chunk")
        for _ in range(10):
            assert await connection.fetch(FIND, ["msg_1"]) == []
        await connection.execute(FILL, CHUNKS)
        before = await connection.fetchval(SCANNED)
        wanted = [f"msg_{number}" for number in range(1, 101)]
        assert len(await connection.fetch(FIND, wanted)) == len(wanted)
        await connection.fetch("SELECT pg_stat_force_next_flush()")
        assert await connection.fetchval(SCANNED) == before


STAYS = re.compile(
    r"\b(?:UNLISTEN|LISTEN \w|pg_(?:try_)?advisory_lock|set_config|DECLARE \w|PREPARE \w"
    r"|SET (?:SESSION|ROLE|[a-z_]+ (?:=|TO) '?\w+'?$)|CREATE (?:TEMP|TEMPORARY))\b"
)
OWN_CONNECTION = ("app/migrations.py", "app/convex/", "app/own_imports/")
"""The guard of migrations locks for its session; imports stage their rows in temporary tables."""


def test_no_statement_leaves_anything_behind_in_its_session() -> None:
    found = {
        file.relative_to(ROOT).as_posix()
        for package in ("app", "graphql_schema", "models")
        for file in (ROOT / package).rglob("*.py")
        if "migrations" not in file.parent.parts and STAYS.search(file.read_text())
    }
    assert {name for name in found if not name.startswith(OWN_CONNECTION)} == set()
    assert "app/migrations.py" in found, "the search finds what there is"


async def test_idle_connections_are_handed_on_and_closed_at_the_end(database: str) -> None:
    made = PostgresDatabase(database, size=3)
    await made.open()
    pids = {(await made.fetch("SELECT pg_backend_pid() AS pid"))[0]["pid"] for _ in range(20)}
    assert len(pids) == 1
    slow = [made.fetch("SELECT pg_backend_pid() AS pid, pg_sleep(0.05)") for _ in range(20)]
    pids |= {rows[0]["pid"] for rows in await asyncio.gather(*slow)}
    assert len(pids) == 3, "as many as may be, and those who wait get one in turn"
    await made.close()
    connection = await asyncpg.connect(database)
    gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY ($1::int[])"
    async with asyncio.timeout(5):
        while await connection.fetchval(gone, list(pids)):
            await asyncio.sleep(0.01)
    await connection.close()


async def test_a_connection_that_was_lost_while_idle_is_replaced(
    pool: PostgresDatabase, database: str
) -> None:
    (row,) = await pool.fetch("SELECT pg_backend_pid() AS pid")
    connection = await asyncpg.connect(database)
    await connection.execute("SELECT pg_terminate_backend($1)", row["pid"])
    await connection.close()
    await asyncio.sleep(0.1)
    (other,) = await pool.fetch("SELECT pg_backend_pid() AS pid")
    assert other["pid"] != row["pid"]
