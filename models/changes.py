"""What a verb did, as rows of the event log: all that the rest of the system hears of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from tortoise import Model
from tortoise import fields as tortoise_fields
from tortoise.fields.db_defaults import SqlDefault

from models import fields
from models.indexes import index

if TYPE_CHECKING:
    from models.base import Record

Op = Literal["add", "change", "remove", "imported"]


@dataclass(slots=True)
class Change:
    """One row's change within one transaction; several changes of a row merge into one.

    `columns` names what changed; `old` and `new` hold the index keys before and after, so that a
    listener knows which lists the row left and joined. `former` is the owner it was moved from,
    who hears of it too. `parts` are the prefixes of tables of which so many rows below this one
    changed that none has a note of its own.
    """

    op: Op
    id: str
    owner: str
    columns: set[str] = field(default_factory=set[str])
    old: dict[str, Any] = field(default_factory=dict[str, Any])
    new: dict[str, Any] = field(default_factory=dict[str, Any])
    former: str | None = None
    parts: set[str] = field(default_factory=set[str])

    @property
    def owners(self) -> tuple[str, ...]:
        """Who hears of it."""
        return (self.owner,) if self.former is None else (self.former, self.owner)

    def merge(self, later: Change) -> None:
        """Fold a later change of the same row into this one."""
        if later.op == "remove":
            self.op = "remove"
        self.owner, self.former = later.owner, self.former or later.former
        self.columns |= later.columns
        self.parts |= later.parts
        self.new = later.new

    def as_json(self) -> dict[str, Any]:
        """The change as the event log keeps it."""
        found: dict[str, Any] = {"op": self.op, "id": self.id, "columns": sorted(self.columns)}
        parts = {"parts": sorted(self.parts)} if self.parts else {}
        return found | {"old": self.old, "new": self.new} | parts


def added(row: Record) -> Change:
    """The note on a new row."""
    return Change("add", row.id, row.owner, set(row.columns()), {}, row.index_keys())


def removed(row: Record) -> Change:
    """The note on a row that is gone."""
    return Change("remove", row.id, row.owner, set(), row.index_keys(), {})


def changed(row: Record, written: Iterable[str], old: dict[str, Any], former: str) -> Change:
    """The note on columns of a row that were `written`, when its keys were `old` and its owner
    `former`."""
    note = Change("change", row.id, row.owner, set(written), old, row.index_keys())
    note.former = former if former != row.owner else None
    return note


def crowded(whole: Record, part: type[Record]) -> Change:
    """The note on a row below which too many rows of a table changed to note each."""
    keys = whole.index_keys()
    return Change("change", whole.id, whole.owner, old=keys, new=keys, parts={part.prefix})


class Notes:
    """What a transaction notes: one change for each row."""

    def __init__(self) -> None:
        self._changes: dict[str, Change] = {}

    def add(self, note: Change) -> None:
        """Note a change, or fold it into the one that is noted of the row."""
        if note.id in self._changes:
            self._changes[note.id].merge(note)
        else:
            self._changes[note.id] = note

    def by_owner(self) -> dict[str, list[dict[str, Any]]]:
        """The changes as the event log keeps them, by who hears of them."""
        owners: dict[str, list[dict[str, Any]]] = {}
        for note in self._changes.values():
            for owner in note.owners:
                owners.setdefault(owner, []).append(note.as_json())
        return owners


class TransactionIdColumn(tortoise_fields.Field[Any]):
    """An xid8, which pg_visible_in_snapshot compares with a snapshot."""

    SQL_TYPE = "XID8"


class EventLog(Model):
    """One committed verb for one owner; kept 25 hours.

    `position` is drawn last in the transaction, after all locks, so rows of one owner that wait
    for each other are numbered in the order of their commits. `xid` says which snapshots see it.
    """

    position: int = tortoise_fields.BigIntField(primary_key=True, generated=True)
    xid: Any = TransactionIdColumn(
        description="The transaction that wrote it.", db_default=SqlDefault("pg_current_xact_id()")
    )
    owner_id: str = fields.key("Whose rows changed.")
    actor_id: str | None = fields.key("Who did it; null for the system.", null=True)
    verb: str = fields.key("What was done.")
    request_id: str | None = fields.key("The request it was done in.", null=True)
    at: datetime = fields.moment("When.")
    changes: Any = fields.json("The changes, see Change.as_json.")

    indexes = (index("xid"), index("owner_id", "xid"), index("at"))

    class Meta:
        table = "event_log"


def note_import(owners: str) -> str:
    """The statement that tells, at the time $1, each `owner_id` of the query `owners` that rows
    came in bulk: whoever follows the owner's starts anew."""
    return f"""\
INSERT INTO event_log (owner_id, verb, at, changes)
SELECT owner_id, 'import', $1, jsonb_build_array(jsonb_build_object('op', 'imported',
    'id', owner_id, 'columns', '[]'::jsonb, 'old', '{{}}'::jsonb, 'new', '{{}}'::jsonb))
FROM ({owners}) o ORDER BY owner_id"""
