"""Reading one line of an export: JSON, then a value for each column. Pure."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import orjson

from models.errors import Invalid
from models.storable import refuse_unstorable

if TYPE_CHECKING:
    from models.base import Record
    from models.fields import Column

_KINDS = {str: "text", int: "a whole number", bool: "true or false"}
_DIGITS = 18  # that surely fit into the 64 bits of an integer


def read_line(model: type[Record], columns: list[str], line: bytes) -> list[Any]:
    """The values of `columns` in a row of `model`, as COPY takes them.

    Raises Invalid with a reason. What the database itself checks is left to it.
    """
    row = parse_line(columns, line)
    return [read_value(model, name, row[name]) for name in columns]


def parse_line(columns: list[str], line: bytes) -> dict[str, Any]:
    """The JSON of a row that has these columns and no others. Raises Invalid."""
    row = _parsed(line)
    if row.keys() != set(columns):
        names = ", ".join(sorted(row.keys() ^ set(columns)))
        raise Invalid(f"Columns that are missing or not known: {names}.")
    return row


def read_value(model: type[Record], name: str, value: Any) -> Any:
    """The value of a column as COPY takes it. Raises Invalid."""
    try:
        return _read(model.column(name), value)
    except Invalid as error:
        raise Invalid(f"{name}: {error}") from error


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line, parse_int=_whole, parse_float=Decimal, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise Invalid(f"Not JSON at character {error.pos + 1}: {error.msg}.") from error
    except (ValueError, RecursionError) as error:
        raise Invalid(f"Not JSON: {error}.") from error
    if not isinstance(row, dict):
        raise Invalid("Not an object.")
    return row  # pyright: ignore[reportUnknownVariableType] - JSON's keys are strings


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _DIGITS else Decimal(digits)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _read(column: Column, value: Any) -> Any:
    """The value of a column as asyncpg takes it; whether it may be null the database knows."""
    kind: type = column.field_type
    if value is None:  # JSON's own null differs from no value only where there must be one
        return "null" if kind is dict and not column.null else None
    if kind is dict:
        column.check(value)
        return orjson.dumps(value, default=_as_written).decode()
    if kind is datetime:
        return _moment(value)
    if kind is Decimal:
        return _decimal(value)
    if type(value) is not kind:
        raise Invalid(f"Must be {_KINDS[kind]}.")
    if kind is str:
        refuse_unstorable(value, column.model_field_name)
    return value


def _moment(value: Any) -> datetime:
    with suppress(ValueError, TypeError):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment
    raise Invalid("Must be a time such as 2026-01-31T23:59:59.000Z.")


def _decimal(value: Any) -> Decimal:
    if isinstance(value, str):
        with suppress(InvalidOperation):
            return Decimal(value)
    raise Invalid('Must be a decimal in quotes, such as "1.50".')


def _as_written(value: Any) -> orjson.Fragment:
    """A number of a jsonb value with the digits it had: a float would lose some."""
    return orjson.Fragment(str(value))
