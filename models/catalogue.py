"""The declared indexes and checks against those that a database has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from models.indexes import checks_of
from models.packages import record_models, table_models

if TYPE_CHECKING:
    from models.ports import Connection

_INDEXES = """\
SELECT i.indexname AS name, i.tablename AS table, i.indexdef AS sql FROM pg_indexes i
WHERE i.schemaname = 'public' AND i.tablename = ANY ($1::text[])
AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)"""
_CHECKS = """\
SELECT c.conname AS name, t.relname AS table, pg_get_expr(c.conbin, c.conrelid) AS condition
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
WHERE c.contype = 'c' AND t.relname = ANY ($1::text[])"""


def tables() -> list[str]:
    """The names of all tables that models declare."""
    return [model._meta.db_table for model in table_models()]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - kept nowhere else


def declared() -> dict[str, tuple[str, str]]:
    """Name → (table, statement) of every declared index and check."""
    return {name: (table, sql) for name, table, sql in _declared()}


def _declared() -> Iterator[tuple[str, str, str]]:
    for model, table in zip(table_models(), tables(), strict=True):
        for index in getattr(model, "indexes", ()):
            yield index.name(table), table, index.sql(table)
    for model in record_models():
        for check in checks_of(model):
            yield check.name, model.table(), check.sql(model.table())


async def present(connection: Connection) -> dict[str, tuple[str, str]]:
    """Name → (table, statement) of every index and check the database has."""
    found = {
        row["name"]: (row["table"], row["sql"])
        for row in await connection.fetch(_INDEXES, tables())
    }
    for row in await connection.fetch(_CHECKS, tables()):
        table, name = row["table"], row["name"]
        added = f"ALTER TABLE public.{table} ADD CONSTRAINT {name} CHECK {row['condition']}"
        found[name] = (table, added)
    return found


async def differences(connection: Connection) -> list[str]:
    """The statements that would make the database as declared; none when it is."""
    want, have = declared(), await present(connection)
    same = {name for name in want if have.get(name) == want[name]}
    drops = [_drop(name, *have[name]) for name in have if name not in same]
    return drops + [sql for name, (_, sql) in want.items() if name not in same]


def _drop(name: str, table: str, sql: str) -> str:
    if sql.startswith("ALTER"):
        return f"ALTER TABLE public.{table} DROP CONSTRAINT {name}"
    return f"DROP INDEX public.{name}"
