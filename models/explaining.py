"""Why somebody may or may not read a row: the rules that decide, one after the other, in words.

It looks at rows past their rules, so it is for developers and operators alone, and tells of a row
no more than its id, its owner and whether it is deleted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models import statements
from models.access import Access, OperatorOnly, Owned, PartOf, Within
from models.ids import prefix_of
from models.packages import model_of
from models.permissions import Permission
from models.viewer import SYSTEM, Viewer

if TYPE_CHECKING:
    from models.base import Record
    from models.ports import Database

_MEMBER = "SELECT role, status FROM org_member WHERE org_id = $1 AND user_id = $2"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AccessStep:
    """What one rule says of one row; `belongs_to` is its owner, None where that is the whole's."""

    row_id: str
    rule: str
    belongs_to: str | None
    passes: bool
    says: str


@dataclass(frozen=True, slots=True)
class AccessExplanation:
    """Whether a row is reached, and the rules that say so."""

    readable: bool
    says: str
    steps: list[AccessStep]


async def explain(database: Database, viewer: Viewer, id: str) -> AccessExplanation:
    """Why a viewer may or may not read the row of an id."""
    model = model_of(prefix_of(id) or "")
    if model is None:
        return AccessExplanation(readable=False, says="No table has such ids.", steps=[])
    explaining = _Explaining(database, viewer)
    steps = [step async for step in explaining.steps(model, id)]
    sql, args = statements.readable(model, id, viewer)
    readable = bool(await database.fetch(sql, *args))
    if not steps:
        says = "There is no such row."
    else:
        says = "Each rule passes." if readable else "A rule does not pass."
    return AccessExplanation(readable, says, steps)


class _Explaining:
    """The walk from a row to its root."""

    def __init__(self, database: Database, viewer: Viewer) -> None:
        self._database = database
        self._viewer = viewer

    async def steps(self, model: type[Record], id: str) -> AsyncIterator[AccessStep]:
        """One step for each rule on the way."""
        rows = await self._database.fetch(statements.select(model, "id = $1"), id)
        if not rows:
            return
        (row,), rule = rows, model.access
        yield await self._step(model, row, rule)
        outer = _outer(rule)
        inner: str | None = row[f"{outer}_id"] if outer else None
        if isinstance(rule, PartOf) and inner is not None:
            async for step in self.steps(model.referenced(rule.whole), inner):
                yield step
        elif isinstance(rule, Within) and inner is not None:
            yield await self._container(model.referenced(rule.container), inner)

    async def _step(self, model: type[Record], row: Row, rule: Access) -> AccessStep:
        name = model.__name__
        if isinstance(rule, PartOf):
            there = row[f"{rule.whole}_id"] is not None
            says = f"{name} is part of its {rule.whole}: whoever reaches that reaches it."
            return AccessStep(row["id"], f"part of {rule.whole}", None, there, says)
        if isinstance(rule, OperatorOnly):
            passes = SYSTEM in self._viewer.owners_with(Permission.OPERATE)
            says = f"{name} belongs to nobody; operators read it."
            return AccessStep(row["id"], "operators only", SYSTEM, passes, says)
        owned = rule if isinstance(rule, Owned) else Owned()
        owner: str = row[owned.column]
        gone = row.get("deleted_at") is not None
        held = owner in self._viewer.owners_with(owned.read)
        standing = await self._standing(owner)
        says = f"{name} needs {owned.read} on {owner}; {standing}."
        if gone:
            says = f"{name} is deleted."
        return AccessStep(row["id"], "owned", owner, held and not gone, says)

    async def _container(self, model: type[Record], id: str) -> AccessStep:
        rows = await self._database.fetch(statements.select(model, "id = $1"), id)
        there = bool(rows) and rows[0]["deleted_at"] is None
        says = f"It lies in a {model.__name__}, which is {'there' if there else 'deleted'}."
        return AccessStep(id, "within", None, there, says)

    async def _standing(self, owner: str) -> str:
        """What the viewer is to an owner, in words."""
        user = self._viewer.user_id
        if user is None:
            return "nobody is signed in"
        if owner == user:
            known = "the viewer is that user"
        else:
            rows = await self._database.fetch(_MEMBER, owner, user)
            known = f"the viewer is {_membership(rows[0]) if rows else 'no member of it'}"
        limited = self._viewer.within is not None
        return f"{known}, within a token's scopes" if limited else known


def _outer(rule: Access) -> str | None:
    """The reference by which a rule looks at another row."""
    if isinstance(rule, PartOf):
        return rule.whole
    return rule.container if isinstance(rule, Within) else None


def _membership(row: Row) -> str:
    return f"{row['role']} there" + ("" if row["status"] == "active" else ", but only invited")
