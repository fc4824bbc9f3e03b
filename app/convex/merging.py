"""Resolved documents into the tables: new ones added, older rows changed where the source is newer.

A row that was edited here later than the document keeps what it has. Each statement remembers, in
the import marks, what it wrote, and whose rows those were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.convex.placing import PLACED
from app.convex.report import ADDED, UNCHANGED, UPDATED
from app.convex.source import NOW
from app.importing.merging import with_defaults
from models.chat.messages import Message
from models.fields import Column, JsonColumn

if TYPE_CHECKING:
    from app.convex.report import Report
    from app.convex.source import Source

FIXED = {
    *("owner_id", "user_id", "kind", "main", "clerk_id", "conversation_id", "project_id"),
    *("provider", "plan_tier", "email"),
}
"""Columns that the source does not tell again: where a row belongs, and what is decided here.
An address may be proven here, which another one would not be."""

OWNERS = "CREATE TEMPORARY TABLE imported_owner (owner_id text PRIMARY KEY) ON COMMIT DROP"

_NEWER = """\
CASE WHEN r.dated THEN r.updated_at > t.updated_at
WHEN m.row_id IS NULL THEN {adopts} AND t.updated_at = t.created_at
ELSE m.digest <> s.doc_digest AND t.updated_at = m.row_updated_at END"""

_WRITTEN = """\
WITH written AS ({statement}),
marked AS (
    INSERT INTO import_mark (row_id, digest, row_updated_at, source)
    SELECT w.id, s.doc_digest, w.updated_at, '{source}' FROM written w
    JOIN {resolved} r ON r.id = w.id AND r.kept JOIN {staged} s USING (doc_line)
    ON CONFLICT (row_id) DO UPDATE
    SET digest = excluded.digest, row_updated_at = excluded.row_updated_at
),
owners AS (
    INSERT INTO imported_owner SELECT DISTINCT owner_id FROM written ON CONFLICT DO NOTHING
)
SELECT count(*) FROM written"""


async def merge(connection: Any, source: Source, report: Report) -> None:
    """Write what a source's resolved documents bring."""
    updated = await connection.fetchval(updating(source)) if source.follows else 0
    statement, args = adding(source)
    added = await connection.fetchval(statement, *args)
    report.count(source.name, ADDED, added)
    report.count(source.name, UPDATED, updated)
    if source.follows:
        same, other = await connection.fetchrow(_seen(source))
        report.count(source.name, UNCHANGED, same - updated)
        report.count(source.name, "edited here since: kept", other)


def adding(source: Source) -> tuple[str, list[Any]]:
    """The statement that adds the new rows, and its arguments: defaults of other columns."""
    columns = {"id": "r.id", "created_at": "r.created_at", "updated_at": "r.updated_at"}
    columns |= _written(source)
    if source.model is Message:
        columns |= PLACED
    columns, args = with_defaults(source.model, columns)
    statement = (
        f"INSERT INTO {source.model.table()} ({', '.join(columns)}) "
        f"SELECT {', '.join(columns.values())} "
        f"FROM {source.resolved} r JOIN {source.staged} s USING (doc_line) "
        f"{'JOIN placed_message p USING (doc_line) ' if source.model is Message else ''}"
        f"WHERE r.kept AND NOT r.gone AND NOT r.here RETURNING {_noted(source)}"
    )
    return _tracked(source, statement), args


def updating(source: Source) -> str:
    """The statement that changes the rows whose document is newer."""
    columns = {n: sql for n, sql in _written(source).items() if n not in FIXED}
    columns |= source.changes
    columns["updated_at"] = f"CASE WHEN r.dated THEN r.updated_at ELSE {NOW} END"
    assigned = ", ".join(f"{name} = {sql}" for name, sql in columns.items())
    statement = (
        f"UPDATE {source.model.table()} t SET {assigned} "
        f"FROM {source.resolved} r JOIN {source.staged} s USING (doc_line) "
        "LEFT JOIN import_mark m ON m.row_id = r.id "
        f"WHERE t.id = r.id AND r.kept AND r.here AND NOT r.gone "
        f"AND {_NEWER.format(adopts=source.adopts)} "
        f"RETURNING {_noted(source, 't.')}"
    )
    return _tracked(source, statement)


def _written(source: Source) -> dict[str, str]:
    """Column → SQL, of all that a document says of its row."""
    columns = {
        source.column_name(name): _scalar(source.column_name(name), column)
        for name, column in source.columns.items()
    }
    columns |= {name: f"r.{name}" for name in (*source.linked, *source.values)}
    return columns


def _scalar(name: str, column: Column) -> str:
    return f"s.{name}::jsonb" if isinstance(column, JsonColumn) else f"s.{name}"


def _noted(source: Source, of: str = "") -> str:
    """What is remembered of a written row."""
    return f"{of}id, {of}updated_at, {source.model.owner_sql(of)} AS owner_id"


def _tracked(source: Source, statement: str) -> str:
    return _WRITTEN.format(
        statement=statement, source=source.name, resolved=source.resolved, staged=source.staged
    )


def _seen(source: Source) -> str:
    """How many documents whose row was here are as at their last import, and how many not."""
    return (
        "SELECT count(*) FILTER (WHERE m.digest = s.doc_digest), "
        "count(*) FILTER (WHERE m.digest IS DISTINCT FROM s.doc_digest) "
        f"FROM {source.resolved} r JOIN {source.staged} s USING (doc_line) "
        "LEFT JOIN import_mark m ON m.row_id = r.id WHERE r.kept AND r.here AND NOT r.gone"
    )
