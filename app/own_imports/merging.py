"""Staged rows into the tables: those that are new, in what is new. What is here stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from app.importing.merging import with_defaults
from app.own_imports.checks import BROKEN
from app.own_imports.taken import Taken, staged
from models.errors import Invalid
from models.fields import JsonColumn

ALWAYS = ("id", "created_at", "updated_at")


@dataclass(frozen=True, slots=True)
class Came:
    """What became of the rows of a table."""

    added: int
    here: int
    left_out: int


async def choose(connection: Any, taken: Taken) -> None:
    """Decide which rows of a table are taken, once those of what they lie in are decided."""
    model, table = taken.model, staged(taken.model)
    await connection.execute(
        f"UPDATE {table} s SET taken = true WHERE ({taken.when}) "
        f"AND NOT EXISTS (SELECT 1 FROM {model.table()} t WHERE t.id = s.id)"
    )


async def refuse_broken(connection: Any) -> None:
    """Raise Invalid for what would harm whoever reads it."""
    for reason, query in BROKEN.items():
        if found := await connection.fetchrow(query):
            raise Invalid(f"{found['id']}: The file is broken: {reason}.")


async def merge(connection: Any, taken: Taken) -> Came:
    """Add the rows of a table that are taken. Raises Invalid."""
    model, table = taken.model, staged(taken.model)
    here = await connection.fetchval(
        f"SELECT count(*) FROM {table} s JOIN {model.table()} t USING (id)"
    )
    statement, defaults = adding(taken)
    try:
        tag: str = await connection.execute(statement, *defaults)
    except asyncpg.IntegrityConstraintViolationError as error:
        fields: Any = error  # asyncpg gives it attributes that it does not declare
        raise Invalid(f"{model.table()}: {fields.detail or fields.message}") from error
    added = int(tag.rsplit(maxsplit=1)[-1])
    read = await connection.fetchval(f"SELECT count(*) FROM {table}")
    return Came(added, here, read - added - here)


def adding(taken: Taken) -> tuple[str, list[Any]]:
    """The statement that adds the rows that are taken, and its arguments: the other columns'
    defaults."""
    told = {name: f"s.{name}" for name in (*ALWAYS, *taken.columns.split())}
    told |= taken.values
    columns, defaults = with_defaults(taken.model, told)
    for name in columns.keys() - told.keys():
        column = taken.model.column(name)
        assert not isinstance(column, JsonColumn), "such a column is taken, or set by SQL"
    listed = ", ".join(columns)
    values = ", ".join(columns.values())
    statement = (
        f"INSERT INTO {taken.model.table()} ({listed}) "
        f"SELECT {values} FROM {staged(taken.model)} s WHERE s.taken ORDER BY s.id"
    )
    return statement, defaults
