"""Operations that took long, added up by document and name; no Record, since nobody owns them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from tortoise import Model
from tortoise.fields import BigIntField

from models import fields
from models.indexes import index, unique

if TYPE_CHECKING:
    from models.ports import Database

MOST = 2_000
"""Rows that are kept."""

NAME = 100
DOCUMENT = 4_000
"""Characters that are kept of a name and of a document."""


class SlowOperation(Model):
    """The slow runs of one operation, in all processes."""

    row_id: int = BigIntField(primary_key=True, generated=True)
    hash: str = fields.key("SHA-256 of the whole document without its literals.")
    name: str = fields.key("The operation's name; empty for one without.")
    kind: str = fields.key("query or mutation.")
    document: str = fields.text("The document without its literals.", limit=DOCUMENT)
    viewer: str = fields.key("The kind of the latest viewer: signed out, guest or user.")
    codes: list[str] = fields.json("The codes of the latest run's errors.")
    statements: int = fields.integer("The most statements that one run sent.")
    count: int = fields.integer("Slow runs.", most=2**63 - 1)
    total_ms: int = fields.integer("Milliseconds that these took together.", most=2**63 - 1)
    max_ms: int = fields.integer("Milliseconds of the longest.")
    first_seen: datetime = fields.moment("When the first one ended.")
    last_seen: datetime = fields.moment("When the latest one ended.")

    indexes = (unique("hash", "name"), index("last_seen"))

    class Meta:
        table = "slow_operation"


@dataclass(slots=True)
class SlowRuns:
    """Slow runs of one operation, not yet noted; the fields are the table's columns."""

    hash: str
    name: str
    kind: str
    document: str
    viewer: str
    codes: list[str]
    statements: int
    count: int
    total_ms: int
    max_ms: int
    first_seen: datetime
    last_seen: datetime

    def add(self, later: SlowRuns) -> None:
        """Count later runs of the same operation among these, as _NOTE does."""
        self.viewer, self.codes, self.last_seen = later.viewer, later.codes, later.last_seen
        self.statements = max(self.statements, later.statements)
        self.count += later.count
        self.total_ms += later.total_ms
        self.max_ms = max(self.max_ms, later.max_ms)


_NOTE = """\
INSERT INTO slow_operation AS kept (hash, name, kind, document, viewer, codes, statements, count,
    total_ms, max_ms, first_seen, last_seen)
SELECT r.hash, r.name, r.kind, r.document, r.viewer, to_jsonb(string_to_array(r.codes, ' ')),
    r.statements, r.count, r.total_ms, r.max_ms, r.first_seen, r.last_seen
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::timestamptz[], $12::timestamptz[])
    AS r (hash, name, kind, document, viewer, codes, statements, count, total_ms, max_ms,
    first_seen, last_seen)
ON CONFLICT (hash, name) DO UPDATE SET viewer = excluded.viewer, codes = excluded.codes,
    statements = greatest(kept.statements, excluded.statements),
    count = kept.count + excluded.count, total_ms = kept.total_ms + excluded.total_ms,
    max_ms = greatest(kept.max_ms, excluded.max_ms), last_seen = excluded.last_seen"""

# What cost most stays: endless made-up documents, each seen once, push out nothing that matters.
# It waits for no lock, so that it can't be in a deadlock with another process's _NOTE.
_BOUND = f"""\
DELETE FROM slow_operation WHERE row_id = ANY (ARRAY(
    SELECT row_id FROM slow_operation WHERE row_id IN (
        SELECT row_id FROM slow_operation ORDER BY total_ms DESC, last_seen DESC OFFSET {MOST})
    FOR UPDATE SKIP LOCKED))"""

_SINCE = """\
SELECT hash, name, kind, document, viewer, codes, statements, count, total_ms, max_ms, first_seen,
    last_seen
FROM slow_operation WHERE last_seen >= $1 ORDER BY total_ms DESC, row_id"""


async def note(database: Database, runs: Sequence[SlowRuns]) -> None:
    """Add slow runs to those noted already, each operation once in `runs`; keep the table small."""
    # In one order, so that two processes never wait for each other.
    ordered = sorted(runs, key=attrgetter("hash", "name"))
    async with database.connection() as connection:
        await connection.execute(
            _NOTE,
            [run.hash for run in ordered],
            [run.name for run in ordered],
            [run.kind for run in ordered],
            [run.document for run in ordered],
            [run.viewer for run in ordered],
            [" ".join(run.codes) for run in ordered],
            [run.statements for run in ordered],
            [run.count for run in ordered],
            [run.total_ms for run in ordered],
            [run.max_ms for run in ordered],
            [run.first_seen for run in ordered],
            [run.last_seen for run in ordered],
        )
        await connection.execute(_BOUND)


async def slow_since(database: Database, moment: datetime) -> Sequence[Mapping[str, Any]]:
    """The rows last seen at `moment` or later, those first that took most time in all."""
    return await database.fetch(_SINCE, moment)


async def clear(database: Database) -> None:
    """Forget all of them."""
    async with database.connection() as connection:
        await connection.execute("DELETE FROM slow_operation")
