"""Documents into temporary tables, as they stream in: typed, with ids, references not resolved."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
import orjson

from app.convex.readers import ID_LIMIT, Note, Reader, Skipped, moment, reader, reference
from app.convex.report import READ
from app.convex.snapshot import BadSnapshot
from app.convex.source import TIMES, Document, Source, snake
from models import fields, ids
from models.fields import JsonColumn

if TYPE_CHECKING:
    from app.convex.report import Report
    from app.convex.snapshot import Progress, Snapshot

Seal = Callable[[str], str]
"""Encrypts a secret for the time it is staged."""

NAMED, MOST_UNKNOWN = 40, 50
"""Characters of a name that is told, and such names of one table."""

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
        self._readers |= {name: aside.read for name, aside in source.asides.items()}
        self._required = {*source.required.split()}
        self._required |= {name for name, needed in source.references.items() if needed}
        self._unknown: set[str] = set()
        self._known = source.named | {"_id", "_creationTime"}
        self._absent = {name: _absent(source.columns[name]) for name in source.fields}

    @property
    def columns(self) -> dict[str, str]:
        """The staged table's columns and their types."""
        found = dict(SYSTEM)
        found |= {snake(name): fields.KEY_TYPE for name in self.source.references}
        if self.source.subject:
            found["user_key"] = fields.KEY_TYPE
        for name, column in self.source.columns.items():
            json = isinstance(column, JsonColumn)
            found[self.source.column_name(name)] = "text" if json else str(column.SQL_TYPE)  # type: ignore[attr-defined]
        return found | {snake(name): aside.sql for name, aside in self.source.asides.items()}

    def rows(self, snapshot: Snapshot, progress: Progress) -> Iterator[tuple[Any, ...]]:
        """The rows, one at a time. Raises BadSnapshot."""
        for line, document in snapshot.documents(snapshot.table_of(self.source), progress):
            self._report.count(self.source.name, READ)
            self._tell_unknown(document)
            try:
                yield self._row(line, document)
            except Skipped as skipped:
                self._note(str(skipped))
            except ValueError as error:
                raise BadSnapshot(self.source.name, line, str(error)) from error

    def _tell_unknown(self, document: Document) -> None:
        """Count the fields that nothing is made of, by name as long as there are few."""
        for name in document.keys() - self._known:
            told = name[:NAMED] if len(self._unknown) < MOST_UNKNOWN else "…"
            self._unknown.add(told)
            self._report.count(self.source.name, f"field left out: {told}")

    def _row(self, line: int, raw: Document) -> tuple[Any, ...]:
        document = self._prepared(raw)
        for name in self._required:
            if document.get(name) is None:
                raise ValueError(f"{name} is missing")
        key, at = _identity(document)
        found: list[Any] = [line, key, at, _named("_creationTime", moment, at)]
        found += [_id(self.source.model.prefix, int(at), key), _digest(raw)]
        found += [self._value(document, name, moment) for name in TIMES]
        found += [self._value(document, name, reference) for name in self.source.references]
        if self.source.subject:
            named = self.source.subject
            found.append(user_key(_named(named, reference, document[named])))
        found += [self._value(document, name, read) for name, read in self._readers.items()]
        return tuple(found)

    def _prepared(self, document: Document) -> Document:
        """A document with the names and values that the source speaks of."""
        if self.source.spelt:
            spelt = {name: document.get(other) for name, other in self.source.spelt.items()}
            document = spelt | {**document}
        prepare = self.source.prepare
        return document if prepare is None else prepare(document, self._note)

    def _value(self, document: Document, name: str, read: Reader) -> Any:
        value = document.get(name)
        if value is None or self._is_blank(name, value):
            return self._absent.get(name)
        return _named(name, read, value, self._note)

    def _is_blank(self, name: str, value: Any) -> bool:
        """Whether a field that need not be there has text with nothing in it."""
        blank = isinstance(value, str) and not value.strip()
        return blank and name in self._readers and name not in self._required

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
    return _id("usr", 0, str(subject))


def _id(prefix: str, milliseconds: int, key: str) -> str:
    """An id that sorts by the time given and is otherwise a hash of `key` (a UUID v7)."""
    noise = int.from_bytes(hashlib.sha256(key.encode()).digest()[:10])
    high, low = noise >> 62 & 0xFFF, noise & (1 << 62) - 1
    number = (milliseconds & (1 << 48) - 1) << 80 | 7 << 76 | high << 64 | 2 << 62 | low
    return f"{prefix}_{ids.encode(number)}"


def _identity(document: Document) -> tuple[str, float]:
    key, at = document.get("_id"), document.get("_creationTime")
    if not isinstance(key, str) or not 0 < len(key) <= ID_LIMIT:
        raise ValueError("_id is missing")
    if isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at):
        raise ValueError("_creationTime is missing")
    return key, float(at)


def _absent(column: fields.Column) -> Any:
    """What is staged where a document has no value for a column."""
    json = isinstance(column, JsonColumn) and column.default is not None
    return orjson.dumps(column.default).decode() if json else column.default


def _digest(document: Document) -> str:
    """Differs when anything in the document does."""
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _named(name: str, read: Callable[..., Any], value: Any, note: Note | None = None) -> Any:
    """A value that is read, or the reason with the field's name."""
    try:
        return read(value, note)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
