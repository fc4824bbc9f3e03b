"""The scalars: times in milliseconds, exact decimals, and JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NewType

import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped

UTC_TIME = "{}.isoformat('T', 'milliseconds')[:-6] + 'Z'"
"""`_show` for code that is generated; from the driver each time is in UTC."""


def _show(value: datetime) -> str:
    in_utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return in_utc.isoformat(timespec="milliseconds")[:-6] + "Z"  # without "+00:00"


def _read(value: object) -> datetime:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise GraphQLError("A DateTime is ISO 8601 with a zone, such as 2026-01-31T12:00:00.000Z.")
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


def _show_decimal(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _read_decimal(value: object) -> Decimal:
    try:
        found = Decimal(value) if isinstance(value, str | int) else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite():
        raise GraphQLError('A Decimal is a number as text, such as "0.0125".')
    return found


JSON = NewType("JSON", object)
"""Any JSON value."""


def _literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    return value_from_ast_untyped(node, variables)


SCALARS: dict[object, Any] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A time in UTC with milliseconds, ISO 8601: `2026-01-31T12:00:00.000Z`.",
        serialize=_show,
        parse_value=_read,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number as text, such as `"0.0125"`.',
        serialize=_show_decimal,
        parse_value=_read_decimal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value: an object, a list, a text, a number, true, false or null.",
        serialize=lambda value: value,
        parse_value=lambda value: value,
        parse_literal=_literal,
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
    ),
}
