"""The SQL of reading and writing single tables; its text depends on tables alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from models.permissions import Permission
from models.viewer import Viewer

if TYPE_CHECKING:
    from models.base import Record

LOG = """\
INSERT INTO event_log (owner_id, changes, actor_id, verb, request_id, at)
SELECT key, value, $2, $3, $4, $5 FROM jsonb_each($1::jsonb) ORDER BY key"""


class Owners:
    """Gives the placeholders of arrays of owners, from the `first` number on."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._permissions: list[Permission] = []

    def bind(self, permission: Permission) -> str:
        """The placeholder of the owners on whom the viewer holds `permission`."""
        if permission not in self._permissions:
            self._permissions.append(permission)
        return f"${self._first + self._permissions.index(permission)}"

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """The permissions in the order of their placeholders."""
        return tuple(self._permissions)


@cache
def listed(model: type[Record]) -> str:
    """The columns of a table `t` for a SELECT."""
    return ", ".join(f"t.{name}" for name in model.columns())


@lru_cache(maxsize=2_000)  # clients choose the columns
def shown(model: type[Record], columns: tuple[str, ...] | None = None) -> str:
    """The same for rows that are only shown: opaque JSON stays text (Record.from_shown_row).

    `columns` names those that are wanted; None is all.
    """
    opaque = model.opaque_columns()
    return ", ".join(
        f"t.{name}::text AS {name}" if name in opaque else f"t.{name}"
        for name in columns or model.columns()
    )


def reachable(model: type[Record], owners: Owners, need: Permission | None = None) -> str:
    """The condition under which one of the owners' rows is reached: to read it, or for what
    `need` says."""
    return model.access.condition(model, "t", owners.bind, need)


def reach(model: type[Record], id: str, viewer: Viewer, need: Permission) -> tuple[str, list[Any]]:
    """Lock one row through its rule."""
    sql, permissions = _reach(model, need)
    return sql, [id, *viewer.owners_of(permissions)]


@cache
def _reach(model: type[Record], need: Permission) -> tuple[str, tuple[Permission, ...]]:
    owners = Owners(first=2)
    condition = reachable(model, owners, need)
    return select(model, f"t.id = $1 AND {condition}", lock=True), owners.permissions


def readable(model: type[Record], id: str, viewer: Viewer) -> tuple[str, list[Any]]:
    """Whether the viewer may read one row."""
    sql, permissions = _readable(model)
    return sql, [id, *viewer.owners_of(permissions)]


@cache
def _readable(model: type[Record]) -> tuple[str, tuple[Permission, ...]]:
    owners = Owners(first=2)
    condition = reachable(model, owners)
    sql = f"SELECT true FROM {model.table()} t WHERE t.id = $1 AND {condition}"
    return sql, owners.permissions


def select(model: type[Record], where: str, *, lock: bool = False) -> str:
    """All columns of the rows that meet `where`."""
    ending = " FOR NO KEY UPDATE" if lock else ""
    return f"SELECT {listed(model)} FROM {model.table()} t WHERE {where}{ending}"


def inserting(rows: Sequence[Record]) -> str:
    """Insert rows in one statement; the arguments are their values. Those of one table stand side
    by side."""
    return insert(tuple((model, len([*some])) for model, some in groupby(rows, key=type)))


@lru_cache(maxsize=100)  # most rows are added by few at a time
def insert(tables: tuple[tuple[type[Record], int], ...]) -> str:
    """Insert so many rows of each table in one statement; the arguments are their values."""
    first, parts = 1, list[str]()
    for model, count in tables:
        parts.append(_insert(model, count, first))
        first += count * len(model.columns())
    *others, last = parts
    before = ", ".join(f"part_{number} AS ({part})" for number, part in enumerate(others))
    return f"WITH {before} {last}" if before else last


def _insert(model: type[Record], count: int, first: int) -> str:
    names = model.columns()
    places = ", ".join(
        f"({', '.join(f'${first + n * len(names) + k}' for k in range(len(names)))})"
        for n in range(count)
    )
    return f"INSERT INTO {model.table()} ({', '.join(names)}) VALUES {places}"


@cache
def update(model: type[Record], names: tuple[str, ...]) -> str:
    """Write columns of the row $1."""
    assigned = ", ".join(f"{name} = ${n}" for n, name in enumerate(names, 2))
    return f"UPDATE {model.table()} SET {assigned} WHERE id = $1"


@cache
def update_many(model: type[Record], names: tuple[str, ...]) -> str:
    """Write columns of the rows in $1."""
    return update(model, names).replace("id = $1", "id = ANY($1::text[])")


def update_where(
    model: type[Record], where: str, args: Sequence[Any], columns: Mapping[str, Any], now: datetime
) -> tuple[str, list[Any]]:
    """Write columns of the rows `t` that meet `where` with its `args`."""
    written = {**columns, "updated_at": now}
    assigned = ", ".join(f"{name} = ${n}" for n, name in enumerate(written, len(args) + 1))
    sql = f"UPDATE {model.table()} t SET {assigned} WHERE {where}"
    return sql, [*args, *written.values()]


def hand_over(model: type[Record], where: str) -> str:
    """Give the rows that meet `where`, of the root $1, to the owner $2."""
    return f"UPDATE {model.table()} SET owner_id = $2 WHERE {where}"


@cache
def count_up(model: type[Record], column: str) -> str:
    """Add $2 to a counter of the row $1 unless that brings it under $3."""
    return (
        f"UPDATE {model.table()} SET {column} = {column} + $2, updated_at = $4 "
        f"WHERE id = $1 AND ($3::bigint IS NULL OR {column} + $2 >= $3) RETURNING {column}"
    )


def delete(model: type[Record], where: str) -> str:
    """Delete the rows that meet `where`, which may end in ORDER BY and LIMIT; return them."""
    table = model.table()
    return (
        f"WITH gone AS (SELECT id FROM {table} t WHERE {where} FOR UPDATE) "
        f"DELETE FROM {table} t WHERE t.id = ANY (ARRAY(SELECT id FROM gone)) "
        f"RETURNING {listed(model)}"
    )
