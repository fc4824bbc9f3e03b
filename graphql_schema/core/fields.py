"""Relations as declarations: `one`, `one_by`, `many`, `page`, `first`.

They are data that an executor can read; none hides a resolver of its own. The target is the type
that the field's annotation names, found when the schema is built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.connection import After, Before, First, Last, Window, load_page
from graphql_schema.core.context import context_of
from models.reading import Columns, Listing, Lookup, Order, is_whole_of

if TYPE_CHECKING:
    from models.base import Record

UNBOUND = "the schema is not built yet"
LIST_LIMIT = 100


@dataclass(slots=True)
class Relation:
    """A field that leads from a row to others.

    `bind` is called once when the schema is built, with the tables on both sides.
    """

    description: str

    def bind(self, source: type[Record], target: type[Record]) -> None:
        """Find out what to read."""
        raise NotImplementedError

    def field(self) -> Any:
        """The Strawberry field that resolves it."""
        raise NotImplementedError


@dataclass(slots=True)
class One(Relation):
    """The row whose id is in a column of this one."""

    key: str
    name: str | None = None
    known: bool = False
    query: Lookup | None = None

    def bind(self, source: type[Record], target: type[Record]) -> None:
        self.query = Lookup(target, checked=self.known or is_whole_of(source, self.key))

    def field(self) -> Any:
        async def resolve(root: Any, info: strawberry.Info) -> Any:
            assert self.query is not None, UNBOUND
            return await context_of(info).loaders.row(self.query, getattr(root, self.key))

        return relation_field(self, resolve, self.name)


@dataclass(slots=True)
class OneBy(Relation):
    """The one row that has this one's id in a column, and meets `where`."""

    column: str
    where: str | None = None
    query: Lookup | None = None

    def bind(self, source: type[Record], target: type[Record]) -> None:
        checked = is_whole_of(target, self.column)
        self.query = Lookup(target, self.column, checked, self.where)

    def field(self) -> Any:
        async def resolve(root: Any, info: strawberry.Info) -> Any:
            assert self.query is not None, UNBOUND
            return await context_of(info).loaders.row(self.query, root.id)

        return relation_field(self, resolve)


@dataclass(slots=True)
class Listed(Relation):
    """The rows that have this one's id in a column: what many, page and first share."""

    column: Columns | None
    order: str
    where: str | None = None
    limit: int = LIST_LIMIT
    rows: int | None = None
    by: tuple[str, ...] = ("id",)
    known: bool = False
    query: Listing | None = None

    def bind(self, source: type[Record], target: type[Record]) -> None:
        checked = self.known or is_whole_of(target, self.column)
        order = Order.parse(self.order)
        self.query = Listing(target, self.column, order, self.limit, self.where, checked=checked)


@dataclass(slots=True)
class Many(Listed):
    """All of a short list, which the write path bounds."""

    def field(self) -> Any:
        async def resolve(root: Any, info: strawberry.Info) -> Any:
            assert self.query is not None, UNBOUND
            return await context_of(info).loaders.rows(self.query, key_of(root, self.by))

        return relation_field(self, resolve)


@dataclass(slots=True)
class Paged(Listed):
    """A connection."""

    def field(self) -> Any:
        async def resolve(
            root: Any,
            info: strawberry.Info,
            first: First = None,
            after: After = None,
            last: Last = None,
            before: Before = None,
        ) -> Any:
            assert self.query is not None, UNBOUND
            window = Window(first, after, last, before)
            return await load_page(context_of(info), self.query, root.id, window)

        return relation_field(self, resolve)


@dataclass(slots=True)
class FirstOf(Listed):
    """The first row of a list, or, with `then`, the first row of a list of that row."""

    then: FirstOf | None = None
    through: type[Record] | None = None

    def bind(self, source: type[Record], target: type[Record]) -> None:
        Listed.bind(self, source, self.through or target)
        if self.then is not None:
            self.then.bind(self.through or target, target)

    def field(self) -> Any:
        async def resolve(root: Any, info: strawberry.Info) -> Any:
            step: FirstOf | None = self
            while step is not None and root is not None:
                assert step.query is not None, UNBOUND
                found = await context_of(info).loaders.rows(step.query, root.id)
                root, step = (found[0] if found else None), step.then
            return root

        return relation_field(self, resolve)


def relation_field(relation: Relation, resolve: Callable[..., Any], name: str | None = None) -> Any:
    """The Strawberry field of a relation."""
    rows: int | None = getattr(relation, "rows", None)
    return strawberry.field(
        resolver=resolve,
        description=relation.description,
        metadata={"relation": relation} | ({} if rows is None else {"rows": rows}),
        name=name,
    )


def one(key: str, description: str, *, name: str | None = None, known: bool = False) -> Any:
    """The row whose id is in the column `key`; null when the viewer does not reach it.

    `name` is what the API calls it where that is a word of Python. `known` is for a shared type,
    which shows of the row what everybody may know who reaches this one.
    """
    return One(description, key, name, known)


def one_by(column: str, description: str, *, where: str | None = None) -> Any:
    """The row whose `column` holds this one's id: unique, or unique where `where` is met."""
    return OneBy(description, column, where)


def many(
    column: Columns,
    description: str,
    *,
    order: str,
    where: str | None = None,
    rows: int | None = None,
    by: tuple[str, ...] = ("id",),
    known: bool = False,
) -> Any:
    """All rows whose `column` holds this one's id, or what the first of `by` that is not null
    holds; at most 100, which the write path ensures. `rows` are as many as there usually are, to
    count what an operation costs; `known` is as in `one`."""
    return Many(description, column, order, where, rows=rows, by=by, known=known)


def key_of(row: Any, by: tuple[str, ...]) -> str | None:
    """What the first of the columns `by` holds that is not null."""
    return next((value for name in by if (value := getattr(row, name)) is not None), None)


def page(
    column: str | None,
    description: str,
    *,
    order: str,
    where: str | None = None,
    known: bool = False,
) -> Any:
    """A connection of the rows whose `column` holds this one's id, or which meet a `where` that
    names it `parent.key`; `known` is as in `one`."""
    return Paged(description, column, order, where, known=known)


def first(column: str, description: str, *, order: str, where: str | None = None) -> Any:
    """The first row of a list."""
    return FirstOf(description, column, order, where, limit=1)


def first_through(through: type[Record], step: Any, then: Any) -> Any:
    """The first row (`then`) of a list of the first row (`step`), which is of `through`."""
    return FirstOf(
        then.description, step.column, step.order, step.where, 1, then=then, through=through
    )
