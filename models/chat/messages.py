"""Messages: one node each of a conversation's tree."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import PartOf
from models.base import Record
from models.chat.conversations import Conversation
from models.errors import Invalid, NotFound
from models.indexes import index, unique, words
from models.providing import AnswerError

if TYPE_CHECKING:
    from models.transaction import Transaction

CONTENT_LIMIT = 1_000_000
SEARCHED = 50_000
"""Characters of a message whose words are found; PostgreSQL holds no more words than 1 MiB."""
UNFINISHED = "status <> 'COMPLETE'::text"
FAMILY = ("parent_id", "conversation_id")
"""Siblings have the same parent, or begin the same conversation."""
FAMILY_OF = f"COALESCE({', '.join(FAMILY)})"
"""The id that siblings have in common, in SQL."""


class MessageRole(StrEnum):
    """Who speaks in a message."""

    USER = "USER"
    ASSISTANT = "ASSISTANT"
    SYSTEM = "SYSTEM"
    DATA = "DATA"
    TOOL = "TOOL"


class MessageType(StrEnum):
    """What kind of content a message holds."""

    RESULT = "RESULT"
    ERROR = "ERROR"
    STREAMING = "STREAMING"


class MessageStatus(StrEnum):
    """How far a message is."""

    PENDING = "PENDING"
    STREAMING = "STREAMING"
    COMPLETE = "COMPLETE"


class MessageOutcome(StrEnum):
    """How the writing of an answer ended."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"


class Message(Record):
    """What a user, a model or a tool said at one point of a conversation."""

    prefix = "msg"
    access = PartOf("conversation")
    indexes = (
        index("project_id", "created_at"),
        index("project_id", "order_id", "id", where="on_branch"),
        index("conversation_id", "role"),
        index("conversation_id", "order_id", "id", where="on_branch"),
        unique("conversation_id", "order_id"),
        index("conversation_id", where=f"({UNFINISHED})", label="unfinished"),
        index("parent_id"),
        unique(FAMILY_OF, "branch_index", label="siblings"),
        words(f'"left"(content, {SEARCHED})'),
        unique("conversation_id", "client_message_id", where="(client_message_id IS NOT NULL)"),
    )

    owner_id: str = fields.key("Whose message it is.")
    conversation: Any = fields.reference("Conversation", "Id of its conversation.")
    conversation_id: str
    project: Any = fields.reference(
        "Project", "Id of the app project it belongs to, if any.", null=True
    )
    project_id: str | None
    user_id: str | None = fields.key("Id of the user who wrote it, if one did.", null=True)
    role: MessageRole = fields.choice(MessageRole, "Who speaks.")
    type: MessageType = fields.choice(
        MessageType, "What kind of content it holds.", default=MessageType.RESULT
    )
    status: MessageStatus = fields.choice(
        MessageStatus, "How far it is.", default=MessageStatus.COMPLETE
    )
    outcome: MessageOutcome | None = fields.choice(
        MessageOutcome, "How the writing of an answer ended; null until then.", null=True
    )
    content: str = fields.text(
        "Its text; empty while an answer is being written.",
        limit=CONTENT_LIMIT,
        blank=True,
        default="",
    )
    parts: Any = fields.json("Its parts, where it has more than text.", null=True)
    order_id: int = fields.integer("Its place in the conversation, from 1.", least=1)
    message_group_id: str | None = fields.key(
        "Shared by answers of several models to one prompt.", null=True
    )
    model: str | None = fields.text("Id of the model that writes it.", limit=200, null=True)
    provider: str | None = fields.text("Who runs that model.", limit=100, null=True)
    parent: Any = fields.reference("Message", "Id of the message it follows.", null=True)
    parent_id: str | None
    regenerated_from_id: str | None = fields.key(
        "Id of the answer that it was written anew from.", null=True
    )
    branch_index: int = fields.integer("Its place among its siblings, from 0.", default=0)
    selected: bool = fields.flag("Whether it is the chosen one of its siblings.", default=True)
    on_branch: bool = fields.flag(
        "Whether it and all it follows are selected, so that lists show it.", default=True
    )
    client_message_id: str | None = fields.key(
        "The id a client gave it before the server did.", null=True
    )
    usage: Any = fields.json("Tokens used, as the provider counts them.", null=True)
    citations: Any = fields.json("The sources it cites.", null=True)
    finish_reason: str | None = fields.text("Why the model stopped.", limit=100, null=True)
    error: str | None = fields.text("What went wrong, in neutral words.", limit=2_000, null=True)
    error_code: AnswerError | None = fields.choice(
        AnswerError, "What its user can mend of that, if anything.", null=True
    )
    content_epoch: int = fields.integer(
        "Which try its text comes from; streams compare it.", default=0
    )

    class Meta:
        table = "message"

    async def edit(self, **columns: Any) -> Message:
        """Replace the text; streams that showed the old one start again."""
        return await self.change(content_epoch=self.content_epoch + 1, **columns)


def refuse_empty(content: str, field: str = "content") -> None:
    """A message that somebody writes has text, and not too much. Raises Invalid."""
    if len(content) > CONTENT_LIMIT:
        raise Invalid(f"At most {CONTENT_LIMIT:,} characters.", field=field)
    if not content.strip():
        raise Invalid("Must not be empty.", field=field)


async def reach_in_tree(tx: Transaction, id: str, field: str) -> tuple[Conversation, Message]:
    """Lock the conversation of a message that the viewer may write to, and then the message.

    In this order, since whoever sends holds the conversation first. Raises Forbidden or NotFound.
    """
    seen = await tx.first(Message, "id = $1", id) or await tx.reach(Message, id, field=field)
    conversation = await tx.reach(Conversation, seen.conversation_id, field=field)
    message = await tx.lock(Message, id)
    if message is None or message.conversation_id != conversation.id:
        raise NotFound("There is no such thing, or it is not yours.", field=field)
    return conversation, message
