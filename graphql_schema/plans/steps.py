"""Steps: from rows to the rows of a relation, in one statement for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphql_schema.core.connection import Cursors, Window, cut, page_query
from graphql_schema.plans.connections import ConnectionShape, PageRows
from graphql_schema.plans.running import Surprise, distinct
from models.reading import Listing, Lookup

if TYPE_CHECKING:
    from graphql_schema.core.computing import Computed
    from graphql_schema.plans.arguments import Arguments
    from graphql_schema.plans.leaves import Show
    from graphql_schema.plans.running import Run
    from graphql_schema.plans.shapes import Json, Row, Shape
    from models.base import Record

Grouped = dict[str, list["Row"]]


@dataclass(frozen=True, slots=True)
class OneStep:
    """The one row that `query` finds by the key in `column`."""

    query: Lookup
    column: str
    shape: Shape

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.column,)

    async def values(self, run: Run, rows: Sequence[Row]) -> list[Json]:
        keys = [row[self.column] for row in rows]
        wanted = distinct(keys)
        if not wanted:
            return keys
        columns = with_column(self.shape.columns, self.query.column)
        found = await run.fetch(self.query, wanted, columns)
        objects = await self.shape.objects(run, found)
        by_key = {self.query.key_of(row): one for row, one in zip(found, objects, strict=True)}
        return [by_key.get(key) for key in keys]


@dataclass(frozen=True, slots=True)
class ManyStep:
    """The rows of a short list, by the first of the columns `needs` that is not null."""

    query: Listing
    shape: Shape
    needs: tuple[str, ...] = ("id",)

    async def values(self, run: Run, rows: Sequence[Row]) -> list[Json]:
        keys = [next(row[name] for name in self.needs if row[name] is not None) for row in rows]
        found = await run.fetch(self.query, distinct(keys), self.shape.columns)
        objects = await self.shape.objects(run, found)
        lists: dict[str, list[Json]] = {}
        for row, one in zip(found, objects, strict=True):
            lists.setdefault(row["parent_key"], []).append(one)
        return [lists.get(key, []) for key in keys]


@dataclass(frozen=True, slots=True)
class FirstStep:
    """The first row of a list, or of a list of that row, through every one of `queries`."""

    queries: tuple[Listing, ...]
    shape: Shape
    needs: tuple[str, ...] = ("id",)

    async def values(self, run: Run, rows: Sequence[Row]) -> list[Json]:
        ids: list[str | None] = [row["id"] for row in rows]
        found: Mapping[str, Row] = {}
        for number, query in enumerate(self.queries, 1):
            last = number == len(self.queries)
            columns = self.shape.columns if last else ("id",)
            wanted = distinct(ids)
            fetched: Sequence[Row] = await run.fetch(query, wanted, columns) if wanted else ()
            found = {row["parent_key"]: row for row in fetched}
            if not last:
                ids = [None if id is None or id not in found else found[id]["id"] for id in ids]
        objects = await self.shape.objects(run, list(found.values()))
        by_key = dict(zip(found, objects, strict=True))
        return [None if id is None else by_key.get(id) for id in ids]


@dataclass(frozen=True, slots=True)
class PageStep:
    """A page of a list for each row."""

    query: Listing
    shape: ConnectionShape
    arguments: Arguments
    needs: tuple[str, ...] = ("id",)

    async def values(self, run: Run, rows: Sequence[Row]) -> list[Json]:
        window = self._window(run)
        keys = distinct([row["id"] for row in rows])
        found = await pages(run, self.query, self.shape, keys, window)
        by_key = dict(zip(keys, found, strict=True))
        return [by_key[row["id"]] for row in rows]

    async def empty(self, run: Run) -> Json:
        """A page of nothing."""
        self._window(run).size()
        page = PageRows([], lambda row: row["id"], has_next=False, has_previous=False)
        (found,) = await self.shape.objects(run, [page])
        return found

    def _window(self, run: Run) -> Window:
        given = self.arguments.values(run.variables)
        return Window(*(given.get(name) for name in ("first", "after", "last", "before")))


async def pages(
    run: Run, listing: Listing, shape: ConnectionShape, keys: Sequence[str], window: Window
) -> list[Json]:
    """A page of each parent's list. Raises Surprise for a cursor, which is of one parent only,
    where there are several."""
    if len(keys) > 1 and (window.after is not None or window.before is not None):
        raise Surprise("a cursor and several parents")
    signer = run.context.ports.signer
    query, _ = page_query(signer, listing, keys[0], window)
    grouped: Grouped = {key: [] for key in keys}
    for row in await run.fetch(query, keys, shape.columns(listing.order.column)):
        grouped[row["parent_key"]].append(row)
    made = [_page(listing, Cursors(signer, listing, key), grouped[key], window) for key in keys]
    return await shape.objects(run, made)


def _page(listing: Listing, cursors: Cursors, rows: Sequence[Row], window: Window) -> PageRows:
    kept, has_next, has_previous = cut(rows, window)
    column = listing.order.column
    return PageRows(
        kept, lambda row: cursors.sign((row[column], row["id"])), has_next, has_previous
    )


@dataclass(frozen=True, slots=True)
class ComputedStep:
    """A value made of columns, for all rows at once."""

    model: type[Record]
    relation: Computed
    show: Show | None

    @property
    def needs(self) -> tuple[str, ...]:
        return self.relation.columns

    async def values(self, run: Run, rows: Sequence[Row]) -> list[Json]:
        parts = [self.model.part(row, self.needs) for row in rows]
        found = self.relation.values(parts, run.context.ports)
        show = self.show
        return [v if v is None or show is None else show(v) for v in found]


def with_column(columns: tuple[str, ...], column: str) -> tuple[str, ...]:
    """Columns, with one more if it is not among them."""
    return columns if column in columns else (*columns, column)
