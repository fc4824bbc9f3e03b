"""Entries: fields of the query that lead to rows, as declarations an executor can read.

An entry reads by a key that it makes of the viewer and its arguments: the viewer's own id, an id
that is given, or none, where there is nothing to read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from graphql_schema.core.connection import After, Before, First, Last, Window, load_page
from graphql_schema.core.context import Context, context_of
from models.errors import Invalid
from models.ids import prefix_of
from models.reading import Listing, Lookup

if TYPE_CHECKING:
    from models.base import Record

MOST_SEARCHED = 200
"""Characters of the words that are searched for."""

Key = Callable[[Context, Mapping[str, Any]], str | None]
Id = Annotated[strawberry.ID, strawberry.argument(description="Which one.")]
Slug = Annotated[str, strawberry.argument(description="Its name in addresses.")]
SearchedWords = Annotated[
    str,
    strawberry.argument(
        description='Words that must all be there, in any order; "in quotes" one after the '
        "other; `or` between two, `-` before one that must not be there. 200 characters at most."
    ),
]
Org = Annotated[
    strawberry.ID | None, strawberry.argument(description="Whose; default: the viewer's.")
]


@dataclass(frozen=True, slots=True)
class Entry:
    """A field of the query: what it reads, and the key by which it does."""

    query: Lookup | Listing
    key: Key

    async def row(self, info: Any, **given: Any) -> Any:
        """The row of the key."""
        context = context_of(info)
        assert isinstance(self.query, Lookup)
        return await context.loaders.row(self.query, self.key(context, given))

    async def page(self, info: Any, window: Window, **given: Any) -> Any:
        """A page of the key's list."""
        context = context_of(info)
        assert isinstance(self.query, Listing)
        return await load_page(context, self.query, self.key(context, given), window)


def of_viewer(context: Context, _given: Mapping[str, Any]) -> str | None:
    """What is the viewer's own."""
    return context.viewer.user_id


def of_session(context: Context, _given: Mapping[str, Any]) -> str | None:
    """What is the viewer's session's."""
    return context.viewer.session_id


def of_all(_context: Context, _given: Mapping[str, Any]) -> str | None:
    """What everybody may read."""
    return ""


def of_org(context: Context, given: Mapping[str, Any]) -> str | None:
    """What is an organisation's, or else the viewer's own."""
    org: str | None = given.get("org")
    return context.viewer.user_id if org is None else org


def own_row(query: Lookup, description: str, key: Key = of_viewer) -> Any:
    """The one row that is the viewer's."""
    entry = Entry(query, key)

    async def resolve(info: strawberry.Info) -> Any:
        return await entry.row(info)

    return _field(entry, resolve, description)


def row_by_id(model: type[Record], description: str, name: str | None = None) -> Any:
    """The row of `model` with an id that the viewer reaches; `name` is the field's, where Python
    has another use for the word."""

    def key(context: Context, given: Mapping[str, Any]) -> str | None:
        id: str = given["id"]
        fits = prefix_of(id) == model.prefix and context.viewer.signed_in
        return id if fits else None

    entry = Entry(Lookup(model), key)

    async def resolve(info: strawberry.Info, id: Id) -> Any:
        return await entry.row(info, id=id)

    return _field(entry, resolve, description, name)


def row_by_slug(query: Lookup, key: Key, description: str) -> Any:
    """The row that `query` finds by the key that `key` makes of a slug."""
    entry = Entry(query, key)

    async def resolve(info: strawberry.Info, slug: Slug) -> Any:
        return await entry.row(info, slug=slug)

    return _field(entry, resolve, description)


def row_of_owner(query: Lookup, description: str) -> Any:
    """The one row of an owner's: an organisation's, by default the viewer's."""
    entry = Entry(query, of_org)

    async def resolve(info: strawberry.Info, org: Org = None) -> Any:
        return await entry.row(info, org=org)

    return _field(entry, resolve, description)


def pages_of(key: Key, query: Listing, description: str) -> Any:
    """A connection of the list of a key."""
    entry = Entry(query, key)

    async def resolve(
        info: strawberry.Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await entry.page(info, Window(first, after, last, before))

    return _field(entry, resolve, description)


def pages_of_owner(query: Listing, description: str) -> Any:
    """A connection of one owner's list: an organisation's, by default the viewer's."""
    entry = Entry(query, of_org)

    async def resolve(
        info: strawberry.Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        org: Org = None,
    ) -> Any:
        return await entry.page(info, Window(first, after, last, before), org=org)

    return _field(entry, resolve, description)


def pages_of_search(query: Listing, description: str) -> Any:
    """A connection of what has some words among one owner's."""
    entry = Entry(query, _of_search)

    async def resolve(
        info: strawberry.Info,
        words: SearchedWords,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        org: Org = None,
    ) -> Any:
        return await entry.page(info, Window(first, after, last, before), words=words, org=org)

    return _field(entry, resolve, description)


def _of_search(context: Context, given: Mapping[str, Any]) -> str | None:
    """The key of a search, see models.reading.Words; none for blank words. Raises Invalid."""
    words: str = given["words"].strip()
    if len(words) > MOST_SEARCHED:
        raise Invalid(f"At most {MOST_SEARCHED} characters.", field="words")
    owner = of_org(context, given)
    return f"{owner} {words}" if words and owner and prefix_of(owner) else None


def _field(
    entry: Entry, resolve: Callable[..., Any], description: str, name: str | None = None
) -> Any:
    told = {"entry": entry}
    return strawberry.field(resolver=resolve, description=description, metadata=told, name=name)
