"""Generations: the server's jobs of writing an answer.

Workers take them by leases (`leases.py`); how an answer ends is in `answers.py`. Locks are taken
in the order message, generation, whatever else.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import PartOf
from models.base import Record
from models.chat.messages import Message, MessageOutcome
from models.indexes import index, unique

if TYPE_CHECKING:
    from models.transaction import Transaction


class GenerationState(StrEnum):
    """Whether a generation waits for a worker, runs, waits for a person, or is over."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    DONE = "DONE"


class Generation(Record):
    """The writing of one answer by the server's workers.

    `epoch` counts the claims, so text of an earlier one is told apart; `tries` counts those that
    were not handed back.
    """

    prefix = "gen"
    access = PartOf("message")
    indexes = (
        unique("message_id"),
        index("user_id", "created_at", "id", where="(state = 'QUEUED'::text)"),
        index("lease_until", where="(state = 'RUNNING'::text)"),
        index("user_id", where="(state = 'RUNNING'::text)"),
        index(
            "user_id",
            where="(state = 'AWAITING_APPROVAL'::text)",
            label="awaiting",
        ),
    )

    owner_id: str = fields.key("Whose answer it writes.")
    message: Any = fields.reference("Message", "The message it writes.")
    message_id: str
    user_id: str = fields.key("Who asked for it.")
    org_id: str | None = fields.key(
        "Id of the organisation that is charged for it, also once it is moved; null for the user.",
        null=True,
    )
    model: str = fields.text("The model.", limit=200)
    own_key: bool = fields.flag(
        "Whether only a key of theirs is used for it, which costs no credits.", default=False
    )
    state: GenerationState = fields.choice(
        GenerationState, "How far it is.", default=GenerationState.QUEUED
    )
    epoch: int = fields.integer("Claims so far.", default=0)
    tries: int = fields.integer("Tries so far.", default=0)
    worker: str | None = fields.key("The worker that runs it.", null=True)
    lease_until: datetime | None = fields.moment("When the worker counts as dead.", null=True)
    not_before: datetime | None = fields.moment("When it may be tried again.", null=True)
    outcome: MessageOutcome | None = fields.choice(MessageOutcome, "How it ended.", null=True)

    class Meta:
        table = "generation"

    @property
    def charged_id(self) -> str:
        """Id of the organisation or the user who is charged for it, wherever it is moved."""
        return self.org_id or self.user_id


async def generation_of(tx: Transaction, message: Message) -> Generation | None:
    """Lock and return the generation of a message, if the server writes it."""
    found = await tx.find(Generation, "message_id = $1", message.id, lock=True)
    return found[0] if found else None
