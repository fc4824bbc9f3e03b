"""Conversations: the tree of messages that one generation after another answers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import Within
from models.base import Record
from models.indexes import index, unique

if TYPE_CHECKING:
    from models.transaction import Transaction

DEFAULT_TITLE = "New chat"


class ConversationStatus(StrEnum):
    """Whether a conversation is in use or put away."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class Conversation(Record):
    """A tree of messages, of which one branch is selected."""

    prefix = "cnv"
    access = Within("project")
    indexes = (
        index("owner_id", "updated_at", "id"),
        index("user_id", "pinned"),
        index("project_id", "created_at", "id"),
        unique("project_id", where="main"),
    )

    owner_id: str = fields.key("Whose conversation it is.")
    user_id: str | None = fields.key("Id of the user who owns it.", null=True)
    project: Any = fields.reference("Project", "Id of the project it lies in.", null=True)
    project_id: str | None
    main: bool = fields.flag("Whether it is the one conversation of an app project.", default=False)
    title: str | None = fields.text("Its title.", limit=200, null=True, default=DEFAULT_TITLE)
    model: str | None = fields.text("The model it uses.", limit=200, null=True)
    system_prompt: str | None = fields.text(
        "Given to the model before the messages.", limit=20_000, null=True
    )
    public: bool = fields.flag("Whether everybody may read it.", default=False)
    pinned: bool = fields.flag("Whether it is kept on top.", default=False)
    pinned_at: datetime | None = fields.moment("When it was pinned.", null=True)
    task: str | None = fields.text("What it is for.", limit=100, null=True)
    status: ConversationStatus = fields.choice(
        ConversationStatus, "Whether it is in use.", default=ConversationStatus.ACTIVE
    )
    last_message_at: datetime | None = fields.moment("When the last message came.", null=True)
    last_order_id: int = fields.integer("The order of its newest message.", default=0)
    deleted_at: datetime | None = fields.moment("When it was deleted.", null=True)

    class Meta:
        table = "conversation"

    async def next_orders(self, tx: Transaction, count: int) -> range:
        """Draw the next `count` places; the row is locked, so they follow the order of commits."""
        first = self.last_order_id + 1
        await self.change(last_order_id=self.last_order_id + count, last_message_at=tx.now)
        return range(first, first + count)


async def main_of(tx: Transaction, project_id: str, *, field: str) -> Conversation:
    """Lock the main conversation of a project the viewer may write to. Raises NotFound."""
    from models.chat.projects import Project  # projects import this module

    project = await tx.reach(Project, project_id, field=field)
    found = await tx.find(Conversation, "project_id = $1 AND main", project.id, lock=True)
    return found[0]
