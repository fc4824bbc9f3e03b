"""A migrated database is what the models declare, whatever it held and whoever migrated it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget

from app.database import credentials
from app.migrations import FOLDER, migrate, write_migrations
from models import catalogue
from models.fields import DigestColumn, SecretColumn
from models.indexes import Index
from models.packages import record_models, table_models
from tests.harness.filled import fill
from tests.harness.filling import Size
from tests.harness.postgres import NewDatabase

COLUMNS = """\
SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
    NOT a.attnotnull AS null, l.collname AS collation, a.attidentity <> '' AS identity,
    pg_get_expr(d.adbin, d.adrelid) AS default, col_description(c.oid, a.attnum) AS comment
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
AND NOT a.attisdropped AND c.relname <> 'tortoise_migrations'"""
FOREIGN_KEYS = """\
SELECT c.relname AS table, a.attname AS name, f.relname AS target, b.attname AS key,
    k.confdeltype AS on_delete, k.confupdtype AS on_update, k.convalidated AS valid,
    k.condeferrable AS deferrable
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ALL (k.conkey)
JOIN pg_attribute b ON b.attrelid = f.oid AND b.attnum = ALL (k.confkey)
WHERE k.contype = 'f'"""
TYPES = {
    'TEXT COLLATE "C"': ("text", "C"),
    "TEXT": ("text", "default"),
    "TIMESTAMPTZ(3)": ("timestamp(3) with time zone", None),
    "BIGINT": ("bigint", None),
    "INT": ("integer", None),
    "BOOLEAN": ("boolean", None),
    "JSONB": ("jsonb", None),
    "NUMERIC(18,4)": ("numeric(18,4)", None),
    "NUMERIC(20,10)": ("numeric(20,10)", None),
    "XID8": ("xid8", None),
}
# The indexes of the sources (the seeds' tables and what the entities merge), by table. An index
# that begins with these columns serves as well.
SOURCES: dict[str, list[tuple[str, ...]]] = {
    "project": [("user_id",), ("user_id", "created_at"), ("framework",)],
    "message": [
        ("project_id",),
        ("project_id", "created_at"),
        ("conversation_id",),
        ("conversation_id", "role"),
        ("conversation_id", "order_id"),
        ("parent_id",),
    ],
    "fragment": [("message_id",)],
    "fragment_draft": [("project_id",)],
    "attachment": [("message_id",), ("conversation_id",)],
    "anonymous_usage": [("anonymous_id",)],
    "usage": [("user_id",), ("expire",)],
    "rate_limit": [("key",), ("window_start",)],
    "subscription": [("user_id",), ("polar_subscription_id",), ("customer_id",), ("status",)],
    "polar_customer": [("user_id",), ("polar_customer_id",)],
    "project_import": [("user_id",), ("project_id",), ("status",)],
    "oauth_connection": [("user_id",), ("user_id", "provider")],
    "webhook_event": [("event_id",), ("status",), ("event_type",), ("created_at",)],
    "pending_subscription": [("polar_subscription_id",), ("customer_id",), ("status",)],
    "agent_run": [
        ("project_id",),
        ("project_id", "status"),
        ("status",),
        ("project_id", "created_at"),
    ],
    "user_account": [("clerk_id",), ("email",)],
    "session": [("token_hash",), ("user_id",)],
    "account": [("provider_id", "account_id")],
    "conversation": [("user_id",), ("user_id", "pinned"), ("project_id",)],
    "user_preferences": [],
    "org": [],
    "org_member": [("org_id", "user_id")],
    # The owner of what an organisation has is the organisation.
    "usage_event": [
        ("billing_period", "owner_id"),
        ("billing_period", "agent_id"),
        ("user_id", "created_at"),
    ],
    "invoice": [],
    "audit_log": [],
    "user_key": [("user_id", "provider")],
    "feedback": [],
    "message_feedback": [],
}


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection for a moment."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def there(database: str) -> AsyncIterator[asyncpg.Connection]:
    """A migrated database."""
    async with connected(database) as connection:
        yield connection


def test_the_seeds_name_these_tables_and_no_other_of_ours() -> None:
    assert set(SOURCES) <= set(catalogue.tables())
    assert set(catalogue.tables()) - set(SOURCES) == {
        "api_token",
        "credit_budget",
        "credit_ledger",
        "credit_reservation",
        "deletion_job",
        "event_log",
        "file_snapshot",
        "generation",
        "idempotency_key",
        "import_mark",
        "mail",
        "message_chunk",
        "oauth_revocation",
        "share_link",
        "slow_operation",
        "stored_file",
        "tool_call",
        "verification",
    }, "a table of a source needs its source's indexes here"


async def test_indexes_and_checks_are_as_declared(there: asyncpg.Connection) -> None:
    assert await catalogue.differences(there) == []  # type: ignore[arg-type]


async def test_columns_are_as_declared(there: asyncpg.Connection) -> None:
    found = {(row["table"], row["name"]): row for row in await there.fetch(COLUMNS)}
    declared: set[tuple[str, str]] = set()
    for model in table_models():
        meta = model._meta  # noqa: SLF001 - Tortoise keeps it nowhere else
        for name in meta.fields_db_projection:
            column, row = meta.fields_map[name], found[(meta.db_table, name)]
            declared.add((meta.db_table, name))
            where = f"{meta.db_table}.{name}"
            sql_type = column.get_for_dialect("postgres", "SQL_TYPE")
            assert (row["type"], row["collation"]) == TYPES[sql_type], where
            assert row["null"] == column.null, where
            made_by_database = column.generated or name == "xid"
            assert (row["default"] is not None or row["identity"]) == made_by_database, where
            assert row["comment"] == column.description, where
    assert declared == set(found)


async def test_foreign_keys_are_as_declared_and_indexed(there: asyncpg.Connection) -> None:
    found = {(row["table"], row["name"]): row for row in await there.fetch(FOREIGN_KEYS)}
    declared: set[tuple[str, str]] = set()
    for model in record_models():
        for name in model._meta.fk_fields:  # noqa: SLF001 - Tortoise keeps it nowhere else
            key = (model.table(), f"{name}_id")
            declared.add(key)
            row = found[key]
            assert (row["target"], row["key"]) == (model.referenced(name).table(), "id"), key
            assert (row["on_delete"], row["on_update"]) == (b"a", b"a"), f"{key}: NO ACTION"
            assert (row["valid"], row["deferrable"]) == (True, False), key
            assert _serves(model.indexes, (key[1],)), f"{key}: removing its target would scan"
    assert declared == set(found)


def _serves(indexes: tuple[Index, ...], columns: tuple[str, ...]) -> bool:
    """Whether one of the indexes, over all rows, begins with the columns."""
    return any(one.columns[: len(columns)] == columns and not one.where for one in indexes)


def test_every_index_of_the_sources_exists() -> None:
    for model in record_models():
        for columns in SOURCES.get(model.table(), ()):
            assert _serves(model.indexes, columns), f"{model.table()}: {columns}"


def test_no_index_is_the_beginning_of_another() -> None:
    for model in table_models():
        indexes: tuple[Index, ...] = model.indexes  # type: ignore[attr-defined]
        for one in indexes:
            for other in indexes:
                longer = other is not one and other.columns[: len(one.columns)] == one.columns
                assert one.unique or not longer or one.where != other.where, (one, other)


def test_no_index_holds_a_secret() -> None:
    """The columns of indexes are also what the event log tells of a row."""
    secrets = 0
    for model in record_models():
        indexed = {column.split()[0] for index in model.indexes for column in index.columns}
        for name in model.columns():
            if isinstance(model.column(name), DigestColumn):
                assert name not in model().index_keys()
            elif isinstance(model.column(name), SecretColumn):
                secrets += 1
                assert name not in indexed
    assert secrets == 8


async def test_a_filled_database_is_migrated(new_database: NewDatabase) -> None:
    url = await new_database(empty=True)
    await _migrate_to(url, "0001_initial")
    await fill(url, Size(owners=2, projects=1, messages=20, more=1, visitors=3))
    async with connected(url) as connection:
        # Of a later version.
        await connection.execute(
            "UPDATE generation SET state = 'DONE' WHERE state LIKE 'AWAITING%'"
        )
        columns = await _columns(connection)
        before = await _contents(connection, columns)
        assert await catalogue.differences(connection) != [], "the rest adds indexes"  # type: ignore[arg-type]
        await migrate(url)
        assert await catalogue.differences(connection) == []  # type: ignore[arg-type]
        assert await _contents(connection, columns) == before
        assert all(before.values())


async def _migrate_to(url: str, name: str) -> None:
    """Stop at a migration, as an older version of Punnet would."""
    modules = sorted({model.__module__ for model in table_models()})
    app = {"models": modules, "migrations": "models.migrations", "default_connection": "default"}
    connection = {"engine": "tortoise.backends.asyncpg", "credentials": credentials(url)}
    async with TortoiseContext() as context:
        await context.init({"connections": {"default": connection}, "apps": {"models": app}})
        executor = MigrationExecutor(context.db(), {"models": app})
        await executor.migrate([MigrationTarget("models", name)])


async def _columns(connection: asyncpg.Connection) -> dict[str, list[str]]:
    """Table → the names of its columns."""
    found: dict[str, list[str]] = {}
    for row in await connection.fetch(COLUMNS):
        found.setdefault(row["table"], []).append(row["name"])
    return found


async def _contents(
    connection: asyncpg.Connection, columns: dict[str, list[str]]
) -> dict[str, Any]:
    """A digest of what these columns of each table hold."""
    digest = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM (SELECT {} FROM {}) t"
    return {
        table: await connection.fetchval(digest.format(", ".join(names), table))
        for table, names in columns.items()
    }


async def test_several_may_migrate_at_once(new_database: NewDatabase) -> None:
    url = await new_database(empty=True)
    await asyncio.gather(*(migrate(url) for _ in range(3)))
    async with connected(url) as connection:
        assert await catalogue.differences(connection) == []  # type: ignore[arg-type]
        applied = await connection.fetch("SELECT name FROM tortoise_migrations ORDER BY name")
        assert [row["name"] for row in applied] == _written()
        locks = await connection.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert locks == 0
    await migrate(url)


async def test_the_migrations_say_all_that_the_models_say(new_database: NewDatabase) -> None:
    before = _written()
    made = await write_migrations(await new_database(empty=True))
    try:
        assert [path.read_text() for path in made] == []
        assert _written() == before
    finally:
        for path in made:
            path.unlink()


def _written() -> list[str]:
    return sorted(path.stem for path in Path(FOLDER).glob("[0-9]*.py"))
