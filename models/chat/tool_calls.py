"""Tool calls: what a model asked for while it wrote a message, and what a person said to it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import PartOf
from models.base import Record
from models.indexes import index, unique

if TYPE_CHECKING:
    from models.chat.messages import Message
    from models.transaction import Transaction


class ToolCallState(StrEnum):
    """What became of a tool call."""

    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    READY = "READY"
    DENIED = "DENIED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


class ToolCall(Record):
    """A model's call of a tool; what it gave is among the message's parts."""

    prefix = "tcl"
    access = PartOf("message")
    indexes = (
        unique("message_id", "number"),
        index("expires_at", where="(state = 'AWAITING_APPROVAL'::text)"),
    )

    owner_id: str = fields.key("Whose call it is.")
    message: Any = fields.reference("Message", "Id of the message that it was made for.")
    message_id: str
    number: int = fields.integer("Its place among the calls of the message, from 0.")
    step: int = fields.integer("Which time the model was asked, from 0.")
    call_id: str = fields.text("The call's own id; its parts have it too.", limit=200)
    name: str = fields.text("The tool.", limit=200)
    arguments: Any = fields.json(
        "What it is called with; null when that was no JSON object.", null=True
    )
    state: ToolCallState = fields.choice(ToolCallState, "What became of it.")
    expires_at: datetime | None = fields.moment("When it is denied unless decided.", null=True)
    decided_by_id: str | None = fields.key("Id of the user who decided.", null=True)
    decided_at: datetime | None = fields.moment("When it was decided.", null=True)
    ended_at: datetime | None = fields.moment("When its result was kept.", null=True)

    class Meta:
        table = "tool_call"


async def cancel_calls(tx: Transaction, message: Message) -> None:
    """End the calls that a locked message still has open."""
    canceled = {"state": ToolCallState.CANCELED, "ended_at": tx.now}
    await tx.change_many(ToolCall, "message_id = $1 AND ended_at IS NULL", message.id, **canceled)
