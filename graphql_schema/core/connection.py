"""Relay connections over keyset pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import strawberry

from graphql_schema.core.context import Context
from models.base import Record
from models.errors import Invalid
from models.reading import Listing, Place

if TYPE_CHECKING:
    from graphql_schema.core.signed import Signer

NodeT = TypeVar("NodeT")
RowT = TypeVar("RowT")

DEFAULT_SIZE = 20
MOST = 100

First = Annotated[
    int | None, strawberry.argument(description="How many from the start, 100 at most; default 20.")
]
After = Annotated[str | None, strawberry.argument(description="Only those after this cursor.")]
Last = Annotated[int | None, strawberry.argument(description="How many from the end, 100 at most.")]
Before = Annotated[str | None, strawberry.argument(description="Only those before this cursor.")]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follow.")
    has_previous_page: bool = strawberry.field(description="Whether others come before.")
    start_cursor: str | None = strawberry.field(description="The first one's cursor.")
    end_cursor: str | None = strawberry.field(description="The last one's cursor.")


@strawberry.type(description="One of a list, with its place.")
class Edge(Generic[NodeT]):
    cursor: str = strawberry.field(description="Its place, for `after` and `before`.")
    node: NodeT = strawberry.field(description="The thing itself.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[NodeT]):
    edges: list[Edge[NodeT]] = strawberry.field(description="The page, with cursors.")
    nodes: list[NodeT] = strawberry.field(description="The page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")


@strawberry.type(description="One of what was found, with its place.")
class SearchEdge(Edge[NodeT]):
    excerpt: str = strawberry.field(
        description="Where the words are found: they stand between ⟦ and ⟧."
    )


@strawberry.type(description="A page of what was found.")
class SearchConnection(Generic[NodeT]):
    edges: list[SearchEdge[NodeT]] = strawberry.field(description="The page, with excerpts.")
    nodes: list[NodeT] = strawberry.field(description="The page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")


@dataclass(frozen=True, slots=True)
class Window:
    """The paging arguments as given. Raises Invalid from `sizes` for those that make no sense."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def size(self) -> int:
        """How many rows the page may have."""
        if self.first is not None and self.last is not None:
            raise Invalid("Give first or last, not both.", field="last")
        for name, value in (("first", self.first), ("last", self.last)):
            if value is not None and not 0 <= value <= MOST:
                raise Invalid(f"Must be from 0 to {MOST}.", field=name)
        if self.first is not None:
            return self.first
        return DEFAULT_SIZE if self.last is None else self.last


class Cursors:
    """Signs and reads the cursors of one list: of one table, order and parent."""

    def __init__(self, signer: Signer, listing: Listing, parent: str) -> None:
        self._signer = signer
        self._listing = listing
        self._parent = parent

    @property
    def _purpose(self) -> str:
        listing = self._listing
        return f"cursor {listing.model.prefix} {listing.where} {listing.order} {self._parent}"

    def sign(self, place: Place) -> str:
        """The cursor of a row's place."""
        value, id = place
        return self._signer.sign(self._purpose, [_packed(value), id])

    def open(self, cursor: str | None, field: str) -> Place | None:
        """The place of a cursor of this very list. Raises Invalid for another."""
        if cursor is None:
            return None
        try:
            value, id = self._signer.open(self._purpose, cursor)
        except Invalid as error:
            raise Invalid("This cursor is not of this list.", field=field) from error
        return _unpacked(value), id


def _packed(value: Any) -> Any:
    return {"t": value.isoformat()} if isinstance(value, datetime) else value


def _unpacked(value: Any) -> Any:
    return datetime.fromisoformat(value["t"]) if isinstance(value, dict) else value  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Page:
    """One page as resolvers return it; it has the attributes of a Connection.

    `cursor` signs the place of a row, for those who ask for it. What was `searched` for has an
    excerpt with each.
    """

    nodes: list[Record]
    cursor: Callable[[Record], str]
    has_next: bool
    has_previous: bool
    searched: bool = False

    @property
    def edges(self) -> list[Any]:
        return [self._edge(node) for node in self.nodes]

    def _edge(self, node: Any) -> Edge[Any]:
        if self.searched:
            return SearchEdge(cursor=self.cursor(node), node=node, excerpt=node.excerpt)
        return Edge(cursor=self.cursor(node), node=node)

    @property
    def page_info(self) -> PageInfo:
        return PageInfo(
            has_next_page=self.has_next,
            has_previous_page=self.has_previous,
            start_cursor=self.cursor(self.nodes[0]) if self.nodes else None,
            end_cursor=self.cursor(self.nodes[-1]) if self.nodes else None,
        )


EMPTY = Page([], lambda row: row.id, has_next=False, has_previous=False)


def page_query(
    signer: Signer, listing: Listing, parent: str, window: Window
) -> tuple[Listing, Cursors]:
    """What reads a page of a parent's list, one row more than asked to know whether others
    follow; and the list's cursors. Raises Invalid."""
    cursors = Cursors(signer, listing, parent)
    query = _sized(listing, window.size() + 1, window.last is not None)
    if window.after is not None or window.before is not None:
        after, before = cursors.open(window.after, "after"), cursors.open(window.before, "before")
        query = replace(query, after=after, before=before)
    return query, cursors


@lru_cache(maxsize=10_000)  # each list of the schema, with each size
def _sized(listing: Listing, limit: int, backward: bool) -> Listing:
    return replace(listing, limit=limit, backward=backward)


def cut(rows: Sequence[RowT], window: Window) -> tuple[Sequence[RowT], bool, bool]:
    """The rows of a page in the order of their list, and whether others follow and precede."""
    size, backward = window.size(), window.last is not None
    more, kept = len(rows) > size, rows[:size]
    if backward:
        return kept[::-1], window.before is not None, more
    return kept, more, window.after is not None


async def load_page(context: Context, listing: Listing, parent: str | None, window: Window) -> Page:
    """Read one page of a list.

    Without a parent, which somebody signed out has not, it is empty.
    """
    window.size()
    if parent is None:
        return EMPTY
    query, cursors = page_query(context.ports.signer, listing, parent, window)
    rows, has_next, has_previous = cut(await context.loaders.rows(query, parent), window)
    return Page(
        nodes=list(rows),
        cursor=lambda row: cursors.sign(listing.place_of(row)),
        has_next=has_next,
        has_previous=has_previous,
        searched=listing.words is not None,
    )
