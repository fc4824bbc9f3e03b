"""Reading: rows by id, by a key, and lists by an index, each one statement for all parents.

A query here is plain, hashable data; `checked` says that the rows are parts reached from a whole
whose rule was met already, so none is asked again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models import statements
from models.access import PartOf
from models.viewer import Viewer

if TYPE_CHECKING:
    from models.base import Record


@dataclass(frozen=True, slots=True)
class Lookup:
    """At most one row per key: the row whose `column` is the key, and which meets `where`."""

    model: type[Record]
    column: str = "id"
    checked: bool = False
    where: str | None = None

    def statement(
        self, viewer: Viewer, keys: Sequence[str], columns: tuple[str, ...] | None = None
    ) -> tuple[str, list[Any]]:
        """The statement that reads the rows of `keys`, all `columns` or some, to be shown."""
        parameters = statements.Parameters(viewer, list(keys))
        where = f"t.{self.column} = ANY($1::text[])"
        if self.where is not None:
            where += f" AND {self.where}"
        if not self.checked:
            where += f" AND {statements.reachable(self.model, parameters)}"
        shown, table = statements.shown(self.model, columns), self.model.table()
        return f"SELECT {shown} FROM {table} t WHERE {where}", parameters.args

    def key_of(self, row: Mapping[str, Any]) -> str:
        """The key a row was found by."""
        return row[self.column]


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list: by a column, then by id, so that every row has its own place."""

    column: str
    descending: bool = False

    @classmethod
    def parse(cls, text: str) -> Order:
        """`"order_id"` ascending, `"-created_at"` descending."""
        return cls(text.lstrip("-"), text.startswith("-"))


Place = tuple[Any, str]
"""Where a row stands in an order: its value and its id."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The first `limit` rows per parent, those whose `column` is the parent's key.

    Without a `column` there is one parent, and all rows are its own.
    `after` is the place of the row before the first; `backward` reads against the order.
    """

    model: type[Record]
    column: str | None
    order: Order
    limit: int
    where: str | None = None
    after: Place | None = None
    before: Place | None = None
    backward: bool = False
    checked: bool = False
    public: bool = False

    def statement(
        self, viewer: Viewer, keys: Sequence[str], columns: tuple[str, ...] | None = None
    ) -> tuple[str, list[Any]]:
        """The statement that reads the rows of the parents `keys`, in order within each, all
        `columns` or some, to be shown."""
        parameters = statements.Parameters(viewer, list(keys))
        shown = statements.shown(self.model, columns)
        where = " AND ".join(self._conditions(parameters))
        way = "DESC" if self.order.descending != self.backward else "ASC"
        ordered = f"t.{self.order.column} {way}, t.id {way}"
        return (
            f"SELECT parent.key AS parent_key, t.* FROM unnest($1::text[]) AS parent (key) "
            f"CROSS JOIN LATERAL (SELECT {shown} FROM {self.model.table()} t WHERE {where} "
            f"ORDER BY {ordered} LIMIT {parameters.add(self.limit)}) t",
            parameters.args,
        )

    def _conditions(self, parameters: statements.Parameters) -> list[str]:
        found = [] if self.column is None else [f"t.{self.column} = parent.key"]
        if self.where:
            found.append(self.where)
        if not self.checked and not self.public:
            found.append(statements.reachable(self.model, parameters))
        for place, later in ((self.after, True), (self.before, False)):
            if place is not None:
                sign = ">" if later != self.order.descending else "<"
                value, id = (parameters.add(part) for part in place)
                found.append(f"(t.{self.order.column}, t.id) {sign} ({value}, {id})")
        return found

    def key_of(self, row: Mapping[str, Any]) -> str:
        """The key of the parent a row belongs to."""
        return row["parent_key"]

    def place_of(self, row: Record) -> Place:
        """Where a row stands in the order."""
        return getattr(row, self.order.column), row.id


def is_whole_of(part: type[Record], column: str) -> bool:
    """Whether `column` of a part names the whole that its access rule asks."""
    return isinstance(part.access, PartOf) and column == f"{part.access.whole}_id"
