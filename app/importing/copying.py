"""Rows that an import brings, straight into their tables."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from models.fields import JsonColumn

if TYPE_CHECKING:
    from models.base import Record


async def copy_rows(connection: Any, model: type[Record], rows: Sequence[Record]) -> None:
    """Add rows with the ids and times that they have. Whoever calls it tells their owners."""
    if rows:
        records = [
            [_stored(model, name, getattr(row, name)) for name in model.columns()] for row in rows
        ]
        await connection.copy_records_to_table(
            model.table(), columns=model.columns(), records=records
        )


async def mark_rows(connection: Any, rows: Sequence[Record], source: str) -> None:
    """Remember rows that were brought, so that what is deleted here later stays deleted."""
    await connection.copy_records_to_table(
        "import_mark",
        columns=("row_id", "digest", "row_updated_at", "source"),
        records=[(row.id, _digest(row), row.updated_at, source) for row in rows],
    )


def _digest(row: Record) -> str:
    values = [str(value) for value in row.values()]
    return hashlib.sha256(orjson.dumps(values)).hexdigest()


def _stored(model: type[Record], name: str, value: Any) -> Any:
    """A value as COPY takes it."""
    if value is not None and isinstance(model.column(name), JsonColumn):
        return orjson.dumps(value).decode()
    return value
