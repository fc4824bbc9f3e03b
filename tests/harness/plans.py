"""The plans that PostgreSQL really followed for statements, and what they read.

`replay` runs captured statements again, in order, in one transaction that is rolled back, on a
copy of the database as it was before them; auto_explain tells the plan of each, and of the
foreign keys' checks that it set off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import asyncpg
import orjson

from app.database import use_json

Mode = Literal["force_custom_plan", "force_generic_plan"]
MODES: tuple[Mode, ...] = ("force_custom_plan", "force_generic_plan")
Statement = tuple[str, Sequence[Any]]

CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SELECT pg_advisory", "RESET")
BY_TEST = "/* by the test */"
"""Begins statements that are replayed but not judged."""

NEXT = "SELECT 'next'"  # a plan is told when the next statement takes its place
SETTINGS = """
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_analyze = on;
SET auto_explain.log_timing = off;
SET auto_explain.log_format = json;
SET auto_explain.log_nested_statements = on;
SET client_min_messages = log;
"""


@dataclass(frozen=True, slots=True)
class Scan:
    """One node that reads a table, or an index for a bitmap."""

    kind: str
    table: str
    condition: str | None
    reads: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What one statement read and returned; `parents` is the length of its first argument."""

    sql: str
    parents: int
    returned: float
    scans: list[Scan]

    @property
    def bound(self) -> float:
        """How many rows of a table it may read: twice the returned, and one per parent."""
        return 2 * self.returned + self.parents

    def beyond(self) -> Iterator[Scan]:
        """The scans without an Index Cond, and those that read too much."""
        yield from (s for s in self.scans if s.condition is None or s.reads > self.bound)


async def replay(url: str, statements: Sequence[Statement], mode: Mode) -> list[Plan]:
    """The plans of the statements, in order; foreign keys' checks follow what set them off."""
    connection = await asyncpg.connect(url)
    told: list[str] = []
    connection.add_log_listener(lambda _, message: told.append(message.message))
    try:
        await use_json(connection)
        await connection.execute(SETTINGS + f"SET plan_cache_mode = {mode}")
        transaction = connection.transaction()
        await transaction.start()
        found: list[Plan] = []
        for sql, args in statements:
            if not sql.lstrip().startswith(CONTROL):
                told.clear()
                await connection.fetch(sql, *args)
                await connection.execute(NEXT)
                await asyncio.sleep(0)  # listeners are called soon, not at once
                plans = [_plan(sql, args, text) for text in told if "plan:" in text]
                found += [plan for plan in plans if not plan.sql.startswith((NEXT, BY_TEST))]
        await transaction.rollback()
    finally:
        await connection.close()
    return found


def _plan(sql: str, args: Sequence[Any], told: str) -> Plan:
    document = orjson.loads(told[told.index("{") :])
    own = document["Query Text"] == sql
    parents = len(args[0]) if own and args and isinstance(args[0], list) else 1
    root = document["Plan"]
    return Plan(document["Query Text"], parents, _returned(root), list(_scans(root)))


def _returned(node: dict[str, Any]) -> float:
    """The rows that come out, or are changed where nothing comes out."""
    rows: float = node["Actual Rows"]
    if node["Node Type"] in ("ModifyTable", "Aggregate") and not rows:
        return max(_returned(child) for child in node["Plans"])
    return rows


def _scans(node: dict[str, Any]) -> Iterator[Scan]:
    kind: str = node["Node Type"]
    table = node.get("Relation Name") or node.get("Index Name", "pg_")
    if "Scan" in kind and not table.startswith("pg_"):
        condition = node.get("Index Cond") or node.get("Recheck Cond")
        seen = node["Actual Rows"] + sum(
            value for name, value in node.items() if name.startswith("Rows Removed by")
        )
        yield Scan(kind, table, condition, seen * node["Actual Loops"])
    for child in node.get("Plans", ()):
        yield from _scans(child)
