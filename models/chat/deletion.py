"""Deletion jobs: what was deleted is hidden at once and emptied later, in bounded batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from models import fields
from models.access import OperatorOnly
from models.base import Record
from models.indexes import index, unique

if TYPE_CHECKING:
    from models.transaction import Transaction
    from models.verbs import Actor

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


Empty = Callable[["Transaction", str, int], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of emptying a root: removes at most a number of rows, returns how many it did.

    Phases of one root run in the order of `rank`, children before what they belong to.
    """

    prefix: str
    rank: int
    empty: Empty


PHASES: list[Phase] = []


def empties(prefix: str, *, rank: int) -> Callable[[Empty], Empty]:
    """Register a phase for the roots whose ids start with `prefix`."""

    def register(empty: Empty) -> Empty:
        PHASES.append(Phase(prefix, rank, empty))
        PHASES.sort(key=lambda phase: phase.rank)
        return empty

    return register


async def schedule(tx: Transaction, root: Record, retention: timedelta = RETENTION) -> None:
    """Have a root that was just hidden emptied after `retention`."""
    await tx.add(DeletionJob(owner_id=root.owner, root_id=root.id, due_at=tx.now + retention))
