"""Reading one line of an export: JSON, then a value for each column. Pure."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import orjson

from models.errors import Invalid
from models.fields import refuse_unstorable

if TYPE_CHECKING:
    from models.base import Record
    from models.fields import Column

_DIGITS = 18  # that surely fit into the 64 bits of an integer
_KINDS = {str: "text", int: "a whole number", bool: "true or false"}


def read_line(model: type[Record], columns: list[str], line: bytes) -> list[Any]:
    """The values of `columns` in a row of `model`, as COPY takes them.

    Raises Invalid with a reason. What the database itself checks is left to it.
    """
    row = _parsed(line)
    if row.keys() != set(columns):
        names = ", ".join(sorted(row.keys() ^ set(columns)))
        raise Invalid(f"Columns that are missing or not known: {names}.")
    return [_read(name, model.column(name), row[name]) for name in columns]


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line, parse_int=_whole, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"Not JSON: {error}.") from error
    if not isinstance(row, dict):
        raise Invalid("Not an object.")
    return row  # pyright: ignore[reportUnknownVariableType] - JSON's keys are strings


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _DIGITS else Decimal(digits)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _read(name: str, column: Column, value: Any) -> Any:
    if value is None:
        return None
    try:
        return _read_value(name, column.field_type, value)
    except (ValueError, TypeError, InvalidOperation) as error:
        raise Invalid(f"{name} must be {_KINDS}.") from error
