"""What a table of a snapshot becomes, as data: the statements of an import are made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from models.fields import Column, SecretColumn

if TYPE_CHECKING:
    from app.convex.readers import Note, Reader
    from models.base import Record

TIMES = ("createdAt", "updatedAt")
NOW = "date_trunc('milliseconds', now())"

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Link:
    """A reference: `field` of a document holds the `_id` of one of the source `to`.

    In SQL the row it resolves to is called by the link's name. A document without a required one
    is an orphan; one that is not required leads to rows of the same owner only, or to those of
    which `own` is true.
    """

    field: str
    to: str
    required: bool = True
    own: str = ""


@dataclass(frozen=True, slots=True)
class Aside:
    """A field that becomes no column itself, but that SQL speaks of: as what it is staged."""

    sql: str
    read: Reader


@dataclass(frozen=True)
class Source:
    """A table of a snapshot, or a view over one, and the table its documents become rows of.

    The SQL in it speaks of `s` (the staged document), of each link by its name, and of `e` (the
    row that is here already).
    """

    name: str
    model: type[Record]
    required: str = ""
    """Fields that every document has, besides links, apart by spaces."""
    optional: str = ""
    links: Mapping[str, Link] = field(default_factory=dict[str, Link])
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Fields whose column has another name than theirs in snake case."""
    also: str = ""
    """Another name of the table, where not all deployments call it the same."""
    spelt: Mapping[str, str] = field(default_factory=dict[str, str])
    """The same of fields."""
    subject: str = ""
    """The field that names a user by their subject at the identity provider."""
    readers: Mapping[str, Reader] = field(default_factory=dict[str, "Reader"])
    """Fields that are not read as their column is."""
    prepare: Callable[[Document, Note], Document] | None = None
    """What makes of a document the one that is read."""
    asides: Mapping[str, Aside] = field(default_factory=dict[str, Aside])
    unused: frozenset[str] = frozenset()
    """Fields that say what is known without them."""
    tells: Mapping[str, str] = field(default_factory=dict[str, str])
    """What later steps want to know of a row and no column of it holds, as SQL."""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    """Columns that are computed, as SQL."""
    id: str = "s.id"
    match: str = "e.id = s.id"
    """Which row is the one that a document became before, or stands for."""
    one_per: str = ""
    """Of documents that agree in this the newest counts; the others are duplicates."""
    follows: bool = True
    """Whether a newer document changes the row."""
    adopts: bool = False
    """Whether it also changes one that no import brought, if nobody changed it here."""
    changes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Columns that such a change sets besides, as SQL over the row `t`."""
    counted: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is worth telling of new rows: rule → condition over `s` and `r`, what it became."""
    flawed: Mapping[str, str] = field(default_factory=dict[str, str])
    """The same, of what is a flaw."""

    @property
    def staged(self) -> str:
        """The relation that holds its documents."""
        return f"staged_{snake(self.name)}"

    @property
    def resolved(self) -> str:
        """The relation that says what each document becomes."""
        return f"resolved_{snake(self.name)}"

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Its fields that are columns as they are."""
        return tuple(f"{self.required} {self.optional}".split())

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Field → column, of those fields."""
        return {name: self.model.column(self.column_name(name)) for name in self.fields}

    @cached_property
    def named(self) -> frozenset[str]:
        """Every field that something is made of, by all its names."""
        other = self.spelt.values()
        return frozenset(
            (*self.fields, *self.references, *self.asides, *self.unused, *other, *TIMES)
        )

    def column_name(self, name: str) -> str:
        """The column of a field."""
        return self.renamed.get(name, snake(name))

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """The columns that are kept encrypted."""
        found = self.columns.items()
        return tuple(self.column_name(n) for n, c in found if isinstance(c, SecretColumn))

    @cached_property
    def linked(self) -> dict[str, Link]:
        """Column → link, of the links that the table has a column for."""
        names = self.model.columns()
        return {f"{n}_id": link for n, link in self.links.items() if f"{n}_id" in names}

    @cached_property
    def references(self) -> dict[str, bool]:
        """Field → whether it must be there, of the fields that are links."""
        found: dict[str, bool] = {}
        for link in self.links.values():
            found[link.field] = found.get(link.field, False) or link.required
        return found


@dataclass(frozen=True)
class App:
    """An app whose snapshots can be imported.

    `tables` are read, `order` is merged; `views` are the statements that make the staged tables of
    those sources that no table of a snapshot is. `left_out` says of other tables why.
    """

    name: str
    tables: tuple[Source, ...]
    order: tuple[Source, ...]
    views: Mapping[str, Callable[[], str]]
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])
    files: bool = False
    """Whether its rows refer to stored files."""

    @cached_property
    def names(self) -> frozenset[str]:
        """Every table of its own that it has or may have."""
        found = {name for source in self.tables for name in (source.name, source.also)}
        found |= self.left_out.keys()
        return frozenset(name for name in found if name and not name.startswith("_"))


def snake(name: str) -> str:
    """`sandboxUrl` → `sandbox_url`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
