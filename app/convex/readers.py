"""From a document's value to what its column holds: exact types, and the column's own bounds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import orjson

from models import fields
from models.builder.files import MOST_FILES, is_safe_path
from models.chat.attachments import refuse_unsafe
from models.errors import Invalid

Note = Callable[[str], None]
"""Told of each value that was mended, by rule."""

Reader = Callable[[Any, Note], Any]
"""Makes a column's value of a document's. Raises Unfit."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXACT = (fields.KeyColumn, fields.SecretColumn)
"""Text that is worth nothing when it is shortened."""
LAST = 253_402_300_799_999  # ms; the end of the year 9999
MOST = 10**14
ID_LIMIT = 255
OTHER_SPELLINGS = {
    **{role: role.upper() for role in ("user", "assistant", "system", "data")},
    "cancelled": "canceled",
}
"""Spellings of the other sources whose enum is merged into one."""


class Unfit(ValueError):
    """A value that its column can't take; says why."""


class Skipped(Exception):
    """A document that is left out; says by which rule."""


def reader(column: fields.Column) -> Reader:
    """How a column's values are read."""
    if isinstance(column, fields.ChoiceColumn):
        return _choice(column.choices)
    for kind, make in _READERS.items():
        if isinstance(column, kind):
            return make(column)
    raise TypeError(f"no reader for {type(column).__name__}")


def moment(value: Any, _note: Note) -> datetime:
    """A time given in milliseconds since 1970; parts of one are cut off."""
    _require(value, (int, float), "a time in milliseconds")
    if not 0 <= value <= LAST:
        raise Unfit("a time outside the years 1970 to 9999")
    return EPOCH + timedelta(milliseconds=int(value))


def text(value: Any, _note: Note) -> str:
    """Text of any length."""
    _require(value, (str,), "text")
    return value


def reference(value: Any, note: Note) -> str:
    """The id of another document."""
    if len(found := text(value, note)) > ID_LIMIT:
        raise Unfit("too long for an id")
    return found


def files(value: Any, note: Note) -> str:
    """A set of files as JSON, without those whose paths could not be written anywhere."""
    _require(value, (dict,), "an object of paths and texts")
    paths: dict[str, Any] = value
    safe = {path: paths[path] for path in paths if is_safe_path(path)}
    kept = dict(list(safe.items())[:MOST_FILES])
    for _ in range(len(paths) - len(kept)):
        note("file left out: unsafe path, or too many")
    return orjson.dumps(kept).decode()


def web_address(value: Any, note: Note) -> str:
    """An address that a browser may be sent to. Raises Skipped for any other."""
    found = text(value, note)
    try:
        refuse_unsafe(found)
    except Invalid:
        raise Skipped("skipped: unsafe URL") from None
    return found


def _bounded(column: fields.TextColumn) -> Reader:
    """Text cut to what the column takes; blank where it must not be is an error."""

    def read(value: Any, note: Note) -> str:
        found = text(value, note)
        if len(found) > column.limit and not isinstance(column, EXACT):
            note(f"shortened: {fields.camel(column.model_field_name)}")
            found = found[: column.limit]
        return _checked(column, found)

    return read


def _integer(column: fields.Column) -> Reader:
    def read(value: Any, _note: Note) -> int:
        _require(value, (int, float), "a whole number")
        if value != int(value):
            raise Unfit("parts of a number where a whole one is due")
        return _checked(column, int(value))

    return read


def _decimal(column: fields.Column) -> Reader:
    def read(value: Any, _note: Note) -> Decimal:
        _require(value, (int, float), "a number")
        if abs(value) >= MOST:
            raise Unfit(f"a number of {MOST:,} or more")
        return _checked(column, round(Decimal(str(value)), 4))

    return read


def _flag(_column: fields.Column) -> Reader:
    def read(value: Any, _note: Note) -> bool:
        _require(value, (bool,), "true or false")
        return value

    return read


def _json(_column: fields.Column) -> Reader:
    return lambda value, _note: orjson.dumps(value).decode()


def _choice(choices: type[StrEnum]) -> Reader:
    known = {choice.value for choice in choices}

    def read(value: Any, note: Note) -> str:
        found = text(value, note)
        found = OTHER_SPELLINGS.get(found, found) if found not in known else found
        if found not in known:
            raise Unfit(f'"{found[:40]}" where one of {", ".join(sorted(known))} is due')
        return found

    return read


def loosely(choices: type[StrEnum]) -> Reader:
    """A choice where the source keeps free text: in any case, and left out when unknown."""
    known = {choice.value for choice in choices}

    def read(value: Any, note: Note) -> str | None:
        found = text(value, note).upper()
        if found in known:
            return found
        note(f"left out: unknown {choices.__name__.lower()}")
        return None

    return read


def _require(value: Any, kinds: tuple[type, ...], due: str) -> None:
    """Raise Unfit for a value of another type; true and false are no numbers."""
    if type(value) not in kinds:
        raise Unfit(f"{_named(value)} where {due} is due")


def _checked(column: fields.Column, value: Any) -> Any:
    try:
        column.check(value)
    except Invalid as error:
        raise Unfit(str(error)) from error
    return value


def _named(value: object) -> str:
    """A value as an error names it: by its kind alone, as it may be long or secret."""
    kinds: dict[type, str] = {str: "text", dict: "an object", list: "a list", bool: "true or false"}
    return kinds.get(type(value), "a number")


_READERS: dict[type[fields.Column], Callable[[Any], Reader]] = {
    fields.KeyColumn: _bounded,
    fields.TextColumn: _bounded,
    fields.TimeColumn: lambda _column: moment,
    fields.IntegerColumn: _integer,
    fields.BooleanColumn: _flag,
    fields.DecimalColumn: _decimal,
    fields.JsonColumn: _json,
}
