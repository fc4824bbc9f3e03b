"""Access rules as data: declared with a table, compiled to SQL with fixed parameters.

The text of a condition depends on the table alone, never on the viewer: the viewer fills one
parameter per permission with the owners it reaches. Each EXISTS ends in OFFSET 0, which keeps it a
look-up by key for each row: without it the planner may hash or join the whole table instead. IS
TRUE keeps a rule from being an access path: else rows might be sought among all of an owner's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from models.permissions import Permission
from models.viewer import SYSTEM

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.base import Record

    Bind = Callable[[Permission], str]
    Need = Permission | None
    """None is what reading takes, which the rule of the root says."""


class Access(Protocol):
    """Decides which rows of a table a viewer reaches."""

    def condition(self, model: type[Record], alias: str, bind: Bind, need: Need) -> str:
        """SQL that is true for the rows of `alias` on which the viewer holds `need`.

        `bind` gives the placeholder of the array of owners for a permission.
        """
        ...


def _can_be_deleted(model: type[Record]) -> bool:
    return "deleted_at" in model.columns()


@dataclass(frozen=True, slots=True)
class Owned:
    """A root: reached through its `owner_id` (or `column`), until it is deleted.

    `read` is the permission to read it. One without `deleted_at` is never deleted by itself.
    """

    column: str = "owner_id"
    read: Permission = Permission.READ

    def __str__(self) -> str:
        return f"Owned({self.column}, {self.read})"

    def condition(self, model: type[Record], alias: str, bind: Bind, need: Need) -> str:
        owned = f"({alias}.{self.column} = ANY({bind(need or self.read)})) IS TRUE"
        return f"{owned} AND {alias}.deleted_at IS NULL" if _can_be_deleted(model) else owned


@dataclass(frozen=True, slots=True)
class Within:
    """A root that may lie inside another (`container`): hidden while either is deleted."""

    container: str

    def condition(self, model: type[Record], alias: str, bind: Bind, need: Need) -> str:
        own = Owned().condition(model, alias, bind, need)
        outer = model.referenced(self.container)
        column = f"{alias}.{self.container}_id"
        return (
            f"{own} AND ({column} IS NULL OR EXISTS (SELECT 1 FROM {outer.table()} {alias}w "
            f"WHERE {alias}w.id = {column} AND {alias}w.deleted_at IS NULL OFFSET 0))"
        )


@dataclass(frozen=True, slots=True)
class PartOf:
    """A part has no right of its own: whoever reaches its whole reaches it."""

    whole: str

    def condition(self, model: type[Record], alias: str, bind: Bind, need: Need) -> str:
        whole = model.referenced(self.whole)
        inner = whole.access.condition(whole, f"{alias}p", bind, need)
        return (
            f"EXISTS (SELECT 1 FROM {whole.table()} {alias}p "
            f"WHERE {alias}p.id = {alias}.{self.whole}_id AND {inner} OFFSET 0)"
        )


@dataclass(frozen=True, slots=True)
class OperatorOnly:
    """Rows that belong to nobody: operators reach them, for whatever they need."""

    def condition(self, model: type[Record], alias: str, bind: Bind, need: Need) -> str:
        return f"'{SYSTEM}' = ANY({bind(Permission.OPERATE)})"
