"""Deletion jobs: what was deleted is hidden at once and emptied later, in bounded batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from models import fields
from models.access import Owned
from models.base import Record
from models.chat.below import count_below
from models.errors import Unavailable
from models.ids import prefix_of
from models.indexes import index, unique
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction
    from models.verbs import Actor

RETENTION = timedelta(days=30)
BATCH = 200
AGAIN = timedelta(minutes=10)  # before a batch that failed is tried anew
OPEN = "(state <> 'complete'::text)"
_DUE = "state <> 'complete' AND due_at <= $1"
_DUE_LONGEST = f"SELECT id FROM deletion_job WHERE {_DUE} ORDER BY due_at LIMIT 1"


class DeletionState(StrEnum):
    """How far a deletion job is."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETE = "complete"


class DeletionKind(StrEnum):
    """What was deleted."""

    PROJECT = "project"
    CONVERSATION = "conversation"
    CLEARED = "cleared"
    MESSAGE = "message"
    ORG = "org"
    USER = "user"


class DeletionJob(Record):
    """A deletion: the emptying of one root, due when its retention has passed."""

    prefix = "del"
    access = Owned()
    indexes = (
        unique("root_id"),
        index("due_at", where=OPEN),
        index("owner_id"),
        index("owner_id", "created_at", "id", where=OPEN),
    )

    owner_id: str = fields.key("Whose root it was.")
    root_id: str = fields.key("The root to empty.")
    kind: DeletionKind = fields.choice(DeletionKind, "What was deleted.")
    subject_id: str = fields.key(
        "Id of the project, conversation or message; of cleared messages, of their conversation."
    )
    title: str | None = fields.text(
        "What it was called, or how a message began; null once it is gone for good.",
        limit=200,
        null=True,
    )
    conversation_id: str | None = fields.key(
        "Id of the conversation that deleted messages belong to.", null=True
    )
    parent_id: str | None = fields.key("Id of the message that a deleted one followed.", null=True)
    state: DeletionState = fields.choice(
        DeletionState, "How far it is.", default=DeletionState.PENDING
    )
    due_at: datetime = fields.moment("When the rows go.")
    removed_rows: int = fields.integer("Rows removed so far.", default=0, most=2**53)
    total_rows: int | None = fields.integer(
        "About how many there were when the emptying began; null before that.",
        most=2**53,
        null=True,
    )

    class Meta:
        table = "deletion_job"

    @verb
    async def bring_forward(self, tx: Transaction) -> DeletionJob:
        """Have it emptied as soon as there is time."""
        return await self.change(due_at=min(self.due_at, tx.now))


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


_KINDS = {
    "prj": (DeletionKind.PROJECT, "name"),
    "cnv": (DeletionKind.CONVERSATION, "title"),
    "org": (DeletionKind.ORG, None),
    "usr": (DeletionKind.USER, None),
}
"""What the roots of each prefix are, and the column that is their title, where somebody sees it."""


async def schedule(
    tx: Transaction, root: Record, retention: timedelta = RETENTION, **told: Any
) -> None:
    """Have a root that was just hidden emptied after `retention`; `told` are columns that say what
    was deleted where it is something else."""
    kind, title = _KINDS[root.prefix]
    about = {"kind": kind, "subject_id": root.id, "title": title and getattr(root, title)} | told
    due_at = tx.now + retention
    await tx.add(DeletionJob(owner_id=root.owner, root_id=root.id, due_at=due_at, **about))


async def work_off_deletion(actor: Actor, batch: int = BATCH) -> bool:
    """Do one batch of the deletion that is due longest. False when none is due.

    One that fails is due again later, so that it does not hold up the others.
    """
    due = await actor.database.fetch(_DUE_LONGEST, actor.clock.now())
    if not due:
        return False
    job_id: str = due[0]["id"]
    try:
        await _work_off(actor, job_id, batch)
    except Unavailable:
        raise
    except Exception:
        await _put_off(actor, job_id)
        raise
    return True


@verb
async def _put_off(tx: Transaction, job_id: str) -> None:
    job = await tx.lock(DeletionJob, job_id)
    if job is not None:
        await job.change(due_at=tx.now + AGAIN)


@verb
async def _work_off(tx: Transaction, job_id: str, batch: int) -> None:
    job = await tx.first(DeletionJob, f"{_DUE} AND id = $2", tx.now, job_id, lock=True)
    if job is None:  # another worker has ended it meanwhile
        return
    if job.state is DeletionState.PENDING:
        await job.change(state=DeletionState.RUNNING, total_rows=await _total(tx, job))
    removed = await _empty(tx, job.root_id, batch)
    if removed == 0:
        await _bury(tx, job)
    else:
        await job.change(removed_rows=job.removed_rows + removed)


async def _total(tx: Transaction, job: DeletionJob) -> int | None:
    """How many rows a deletion is to remove; not known of what owns roots."""
    if job.kind in {DeletionKind.ORG, DeletionKind.USER}:
        return None
    return await count_below(tx, TOMBSTONES[prefix_of(job.root_id) or ""].model, job.root_id)


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
    await job.change(state=DeletionState.COMPLETE, title=None)
