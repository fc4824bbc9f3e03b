"""Documents into temporary tables, as they stream in: typed, with ids, references not resolved."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
import orjson

from app.convex.readers import ID_LIMIT, Note, Reader, Skipped, moment, reader, reference
from app.convex.report import READ
from app.convex.snapshot import BadSnapshot
from app.convex.source import TIMES, Source, snake
from models import fields
from models.fields import JsonColumn
from models.ids import derived_id

if TYPE_CHECKING:
    from app.convex.report import Report
    from app.convex.snapshot import Progress, Snapshot

Seal = Callable[[str], str]
"""Encrypts a secret for the time it is staged."""

SYSTEM = {
    "doc_line": "integer",
    "doc_id": fields.KEY_TYPE,
    "doc_at": "double precision",
    "doc_made": "timestamptz(3)",
    "id": fields.KEY_TYPE,
    "doc_digest": fields.KEY_TYPE,
    "created_at": "timestamptz(3)",
    "updated_at": "timestamptz(3)",
}
"""Columns that every staged table has. `doc_at` is the exact time of creation in ms, `doc_made` the
same in whole ones; `created_at` and `updated_at` are what the document itself says, if anything."""


class Stager:
    """Reads the documents of one source as rows of its staged table."""

    def __init__(self, source: Source, report: Report, seal: Seal) -> None:
        self.source = source
        self._report = report
        self._note: Note = lambda rule: report.flaw(source.name, rule)
        self._readers = {name: self._reader(name, seal) for name in source.fields}
        self._required = {*source.required.split()}
        self._required |= {name for name, needed in source.references.items() if needed}
        self._subject = "userId" in source.references

    @property
    def columns(self) -> dict[str, str]:
        """The staged table's columns and their types."""
        found = dict(SYSTEM)
        found |= {snake(name): fields.KEY_TYPE for name in self.source.references}
        if self._subject:
            found["user_key"] = fields.KEY_TYPE
        for name, column in self.source.columns.items():
            json = isinstance(column, JsonColumn)
            found[self.source.column_name(name)] = "text" if json else str(column.SQL_TYPE)  # type: ignore[attr-defined]
        return found

    def rows(self, snapshot: Snapshot, progress: Progress) -> Iterator[tuple[Any, ...]]:
        """The rows, one at a time. Raises BadSnapshot."""
        for line, document in snapshot.documents(self.source.name, progress):
            self._report.count(self.source.name, READ)
            try:
                yield self._row(line, document)
            except Skipped as skipped:
                self._note(str(skipped))
            except ValueError as error:
                raise BadSnapshot(self.source.name, line, str(error)) from error

    def _row(self, line: int, document: Mapping[str, Any]) -> tuple[Any, ...]:
        for name in self._required:
            if document.get(name) is None:
                raise ValueError(f"{name} is missing")
        key, at = _identity(document)
        found: list[Any] = [line, key, at, _named("_creationTime", moment, at)]
        found += [derived_id(self.source.model.prefix, int(at), key), _digest(document)]
        found += [self._value(document, name, moment) for name in TIMES]
        found += [self._value(document, name, reference) for name in self.source.references]
        if self._subject:
            found.append(user_key(document["userId"]))
        found += [self._value(document, name, read) for name, read in self._readers.items()]
        return tuple(found)

    def _value(self, document: Mapping[str, Any], name: str, read: Reader) -> Any:
        value = document.get(name)
        return None if value is None else _named(name, read, value, self._note)

    def _reader(self, name: str, seal: Seal) -> Reader:
        column = self.source.columns[name]
        read = self.source.readers.get(name) or reader(column)
        if not isinstance(column, fields.SecretColumn):
            return read
        return lambda value, note: seal(read(value, note))


async def stage(connection: Any, stager: Stager, snapshot: Snapshot, progress: Progress) -> None:
    """Copy a source's documents into its staged table. Raises BadSnapshot."""
    table, columns = stager.source.staged, stager.columns
    listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    await connection.execute(f"CREATE TEMPORARY TABLE {table} ({listed})")
    await connection.copy_records_to_table(
        table, columns=list(columns), records=stager.rows(snapshot, progress)
    )
    try:
        await connection.execute(f"CREATE UNIQUE INDEX ON {table} (doc_id)")
    except asyncpg.UniqueViolationError as error:
        raise BadSnapshot(stager.source.name, 0, "an _id is there twice") from error
    await connection.execute(f"ANALYZE {table}")


@lru_cache(maxsize=10_000)
def user_key(subject: Any) -> str:
    """The id of a user of whom only the subject is known; it says no time."""
    return derived_id("usr", 0, str(subject))


def _identity(document: Mapping[str, Any]) -> tuple[str, float]:
    key, at = document.get("_id"), document.get("_creationTime")
    if not isinstance(key, str) or not 0 < len(key) <= ID_LIMIT:
        raise ValueError("_id is missing")
    if isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at):
        raise ValueError("_creationTime is missing")
    return key, float(at)


def _digest(document: Mapping[str, Any]) -> str:
    """Differs when anything in the document does."""
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _named(name: str, read: Callable[..., Any], value: Any, note: Note | None = None) -> Any:
    """A value that is read, or the reason with the field's name."""
    try:
        return read(value, note)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
