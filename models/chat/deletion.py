"""Deletion jobs: what was deleted is hidden at once and emptied later, in bounded batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from models import fields
from models.access import OperatorOnly
from models.base import Record
from models.ids import prefix_of
from models.indexes import index, unique
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

RETENTION = timedelta(days=30)
BATCH = 200


class DeletionState(StrEnum):
    """How far a deletion job is."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETE = "complete"


class DeletionJob(Record):
    """The emptying of one deleted root, due when its retention has passed."""

    prefix = "del"
    access = OperatorOnly()
    indexes = (unique("root_id"), index("due_at", where="(state <> 'complete'::text)"))

    owner_id: str = fields.key("Whose root it was.")
    root_id: str = fields.key("The root to empty.")
    state: DeletionState = fields.choice(
        DeletionState, "How far it is.", default=DeletionState.PENDING
    )
    due_at: datetime = fields.moment("When the rows go.")
    removed_rows: int = fields.integer("Rows removed so far.", default=0, most=2**53)

    class Meta:
        table = "deletion_job"


class Step(Protocol):
    """One step of emptying the roots whose ids begin with a prefix."""

    @property
    def prefix(self) -> str:
        """The prefix of the roots."""
        ...

    @property
    def rank(self) -> int:
        """Its place among the steps of a root."""
        ...

    async def empty(self, tx: Transaction, root_id: str, most: int) -> int:
        """Do at most so much and return how much that was; 0 once nothing is left."""
        ...


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of emptying a root: the rows of `model` that meet `where`, whose $1 is the root.

    Each batch takes the first phase, in the order of `rank`, that finds rows: children before
    what they belong to. A phase of messages goes from the newest, since each follows an older one.
    """

    prefix: str
    rank: int
    model: type[Record]
    where: str
    order: str = "id"

    async def empty(self, tx: Transaction, root_id: str, most: int) -> int:
        """Remove at most so many rows and return how many there were."""
        bounded = f"{self.where} ORDER BY {self.order} LIMIT {most}"
        return await tx.remove_many(self.model, bounded, root_id)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What the columns of an emptied root hold; the row itself stays."""

    model: type[Record]
    columns: Mapping[str, Any]


PHASES: list[Step] = []
TOMBSTONES: dict[str, Tombstone] = {}


def empties(*phases: Step) -> None:
    """Declare phases; the packages that own the tables call this when they are imported."""
    PHASES.extend(phases)
    PHASES.sort(key=lambda phase: phase.rank)


def leaves(prefix: str, tombstone: Tombstone) -> None:
    """Declare what remains of a root."""
    TOMBSTONES[prefix] = tombstone


async def schedule(tx: Transaction, root: Record, retention: timedelta = RETENTION) -> None:
    """Have a root that was just hidden emptied after `retention`."""
    await tx.add(DeletionJob(owner_id=root.owner, root_id=root.id, due_at=tx.now + retention))


@verb
async def work_off_deletion(tx: Transaction, batch: int = BATCH) -> bool:
    """Do one batch of the deletion that is due longest. False when none is due."""
    due = "state <> 'complete' AND due_at <= $1 ORDER BY due_at LIMIT 1"
    found = await tx.find(DeletionJob, due, tx.now, lock=True)
    if not found:
        return False
    job = found[0]
    removed = await _empty(tx, job.root_id, batch)
    if removed == 0:
        await _bury(tx, job)
    else:
        state, total = DeletionState.RUNNING, job.removed_rows + removed
        await job.change(state=state, removed_rows=total)
    return True


async def _empty(tx: Transaction, root_id: str, batch: int) -> int:
    for phase in PHASES:
        if phase.prefix == prefix_of(root_id):
            removed = await phase.empty(tx, root_id, batch)
            if removed:
                return removed
    return 0


async def _bury(tx: Transaction, job: DeletionJob) -> None:
    tombstone = TOMBSTONES[prefix_of(job.root_id) or ""]
    root = await tx.lock(tombstone.model, job.root_id)
    if root is not None:
        await root.change(**tombstone.columns)
    await job.change(state=DeletionState.COMPLETE)
