"""Reading: rows by id, by a key, and lists by an index, each one statement for all parents.

A query here is plain, hashable data; `checked` says that the rows are parts reached from a whole
whose rule was met already, so none is asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from models import statements
from models.access import PartOf
from models.indexes import vector
from models.viewer import Viewer

if TYPE_CHECKING:
    from models.base import Record
    from models.permissions import Permission

Columns = str | tuple[str, ...]
"""A column, or several of which the first that is not null counts."""

TEXTS = 2_000
"""Statements that are remembered of each kind; clients choose the columns."""


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
        sql, permissions = self.sql(columns)
        return sql, [list(keys), *viewer.owners_of(permissions)]

    @lru_cache(maxsize=TEXTS)  # noqa: B019 - a query is plain data, not an owner of anything
    def sql(self, columns: tuple[str, ...] | None) -> tuple[str, tuple[Permission, ...]]:
        """The text, and the permissions whose owners follow the keys as arguments."""
        owners = statements.Owners(first=2)
        where = f"t.{self.column} = ANY($1::text[])"
        if self.where is not None:
            where += f" AND {self.where}"
        if not self.checked:
            where += f" AND {statements.reachable(self.model, owners)}"
        shown, table = statements.shown(self.model, columns), self.model.table()
        return f"SELECT {shown} FROM {table} t WHERE {where}", owners.permissions

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


@dataclass(frozen=True, slots=True)
class Words:
    """Which rows have the words of a search, and what shows where they are.

    The parent's key is the owner whose rows are searched, a space, and the words. `text` is an
    expression over a row `t`, the one that `indexes.words` was given; `short` where it is shown as
    a whole.
    """

    text: str
    short: bool = False

    @property
    def condition(self) -> str:
        """SQL that is true of the owner's rows that have the words; of none without words."""
        return (
            f"(array_to_tsvector(ARRAY[t.owner_id]) || {vector(self.text)}) @@ "
            f"(quote_literal(split_part(parent.key, ' ', 1))::tsquery && {_QUERY}) "
            f"AND numnode({_QUERY}) > 0"
        )

    @property
    def shown(self) -> str:
        """SQL of an excerpt in which the words stand between marks."""
        shown = _WHOLE if self.short else _EXCERPT
        return f"ts_headline('simple', {self.text}, {_QUERY}, '{shown}') AS excerpt"


_QUERY = "websearch_to_tsquery('simple', substr(parent.key, strpos(parent.key, ' ') + 1))"
MARKS = ("⟦", "⟧")
_WHOLE = f"StartSel={MARKS[0]}, StopSel={MARKS[1]}, HighlightAll=true"
_EXCERPT = (
    f"StartSel={MARKS[0]}, StopSel={MARKS[1]}, MaxFragments=2, MaxWords=20, MinWords=8, "
    'ShortWord=0, FragmentDelimiter=" … "'
)


Place = tuple[Any, str]
"""Where a row stands in an order: its value and its id."""


class ListForm(NamedTuple):
    """What the text of a list's statement depends on; `free` lists ask for no right."""

    model: type[Record]
    column: Columns | None
    order: Order
    descending: bool
    where: str | None
    after: bool
    before: bool
    free: bool
    words: Words | None

    @lru_cache(maxsize=TEXTS)  # noqa: B019 - as above
    def sql(self, columns: tuple[str, ...] | None) -> tuple[str, tuple[Permission, ...]]:
        """The text, and the permissions whose owners are the last arguments; the others are the
        keys, the limit and, where there are any, the places after and before the rows."""
        places = [sign for sign, given in ((">", self.after), ("<", self.before)) if given]
        owners = statements.Owners(first=3 + 2 * len(places))
        where = " AND ".join([*self._conditions(places), *self._rule(owners)]) or "true"
        way = "DESC" if self.descending else "ASC"
        ordered = f"t.{self.order.column} {way}, t.id {way}"
        shown = statements.shown(self.model, columns)
        if self.words is not None:
            shown = f"{shown}, {self.words.shown}"
        text = (
            f"SELECT parent.key AS parent_key, t.* FROM unnest($1::text[]) AS parent (key) "
            f"CROSS JOIN LATERAL (SELECT {shown} "
            f"FROM {self.model.table()} t WHERE {where} ORDER BY {ordered} LIMIT $2) t"
        )
        return text, owners.permissions

    def _conditions(self, places: Sequence[str]) -> Iterator[str]:
        if self.column is not None:
            yield f"{first_of(self.column)} = parent.key"
        if self.words is not None:
            yield self.words.condition
        if self.where:
            yield self.where
        for number, sign in enumerate(places):
            seen = {">": "<", "<": ">"}[sign] if self.order.descending else sign
            value, id = (f"${3 + 2 * number + part}" for part in (0, 1))
            beyond = f"(t.{self.order.column}, t.id) {seen} ({value}, {id})"
            # What a search finds is looked through; else it might be sought by time alone.
            yield beyond if self.words is None else f"({beyond}) IS TRUE"

    def _rule(self, owners: statements.Owners) -> list[str]:
        return [] if self.free else [statements.reachable(self.model, owners)]


@dataclass(frozen=True, slots=True)
class Listing:
    """The first `limit` rows per parent, those whose `column` is the parent's key.

    Without a `column` there is one parent, and all rows are its own, or those that have `words`.
    `after` is the place of the row before the first; `backward` reads against the order.
    """

    model: type[Record]
    column: Columns | None
    order: Order
    limit: int
    where: str | None = None
    words: Words | None = None
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
        way = self.order.descending != self.backward
        free = self.checked or self.public
        after, before = self.after or (), self.before or ()
        places = bool(after), bool(before)
        form = ListForm(
            self.model, self.column, self.order, way, self.where, *places, free, self.words
        )
        sql, permissions = form.sql(columns)
        args = [list(keys), self.limit, *after, *before, *viewer.owners_of(permissions)]
        return sql, args

    @property
    def by(self) -> str | None:
        """What the parents' keys are compared with, for people."""
        if self.words is not None:
            return "words"
        column = self.column
        return column if column is None or isinstance(column, str) else " or ".join(column)

    def key_of(self, row: Mapping[str, Any]) -> str:
        """The key of the parent a row belongs to."""
        return row["parent_key"]

    def place_of(self, row: Record) -> Place:
        """Where a row stands in the order."""
        return getattr(row, self.order.column), row.id


def first_of(columns: Columns) -> str:
    """The key in columns of a row `t`, as SQL."""
    if isinstance(columns, str):
        return f"t.{columns}"
    return f"coalesce({', '.join(f't.{name}' for name in columns)})"


def is_whole_of(part: type[Record], column: Columns | None) -> bool:
    """Whether `column` of a part names the whole that its access rule asks."""
    return isinstance(part.access, PartOf) and column == f"{part.access.whole}_id"
