"""Conversations: the tree of messages that one generation after another answers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import Within
from models.accounts.user_keys import choose_model
from models.base import Record
from models.errors import Conflict
from models.indexes import index, unique, words
from models.verbs import verb

if TYPE_CHECKING:
    from models.chat.projects import Project
    from models.transaction import Transaction

DEFAULT_TITLE = "New chat"

RECENT = """\
((status = 'active'::text) AND (pinned_at IS NULL) AND (project_id IS NULL) \
AND (deleted_at IS NULL))"""
PINNED = "((pinned_at IS NOT NULL) AND (deleted_at IS NULL))"
ARCHIVED = "((status = 'archived'::text) AND (deleted_at IS NULL))"
FILED = "((NOT main) AND (status = 'active'::text) AND (deleted_at IS NULL))"
"""What the lists of conversations show; each has an index of its own."""


class ConversationStatus(StrEnum):
    """Whether a conversation is in use or put away."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class TitleSource(StrEnum):
    """Who gave a conversation its title."""

    USER = "user"
    MODEL = "model"


class Conversation(Record):
    """A tree of messages, of which one branch is selected."""

    prefix = "cnv"
    access = Within("project")
    indexes = (
        index("owner_id", "updated_at", "id"),
        index("owner_id", "updated_at", "id", where=RECENT, label="recent"),
        index("owner_id", "pinned_at", "id", where=PINNED, label="pinned"),
        index("owner_id", "updated_at", "id", where=ARCHIVED, label="archived"),
        index("user_id", "pinned"),
        index("project_id", "created_at", "id"),
        index("project_id", "updated_at", "id", where=FILED, label="filed"),
        unique("project_id", where="main"),
        words("COALESCE(title, ''::text)"),
    )
    unstamped = frozenset({"last_read_order_id", "public"})

    owner_id: str = fields.key("Whose conversation it is.")
    user_id: str | None = fields.key("Id of the user who owns it.", null=True)
    project: Any = fields.reference("Project", "Id of the project it lies in.", null=True)
    project_id: str | None
    main: bool = fields.flag("Whether it is the one conversation of an app project.", default=False)
    title: str | None = fields.text("Its title.", limit=200, null=True, default=DEFAULT_TITLE)
    title_source: TitleSource | None = fields.choice(
        TitleSource, "Who gave it its title; null while it has none of its own.", null=True
    )
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
    last_read_order_id: int | None = fields.integer(
        "The order of the newest message that was read; null before that.", null=True
    )
    deleted_at: datetime | None = fields.moment("When it was deleted.", null=True)

    class Meta:
        table = "conversation"

    @verb
    async def update(self, tx: Transaction, **changed: Any) -> Conversation:
        """Change what the input names: title, model, system prompt, task, pin, status, folder.

        Raises Conflict where a main conversation goes with its project, and NotFound or Conflict
        for a folder that is none of its owner's.
        """
        if self.main and not changed.keys() <= MAIN_MAY_CHANGE:
            raise Conflict("It goes with the project that it belongs to.")
        if changed.get("model") is not None:
            await choose_model(tx, changed["model"])
        if changed.get("project_id") is not None:
            await folder_of(tx, changed["project_id"], self.owner_id)
        return await self.change(**_columns(changed, tx.now))

    @verb
    async def mark_read(self, tx: Transaction, order_id: int | None = None) -> Conversation:
        """Note that all up to a message was read, by default the newest; never goes back."""
        newest = self.last_order_id
        seen = newest if order_id is None else min(order_id, newest)
        return await self.change(last_read_order_id=max(seen, self.last_read_order_id or 0))

    async def next_orders(self, tx: Transaction, count: int) -> range:
        """Draw the next `count` places; the row is locked, so they follow the order of commits."""
        first = self.last_order_id + 1
        await self.change(last_order_id=self.last_order_id + count, last_message_at=tx.now)
        return range(first, first + count)


MAIN_MAY_CHANGE = {"model", "system_prompt", "task"}


def _columns(changed: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The columns that follow from what an input names."""
    columns = dict(changed)
    if "title" in columns:
        named = columns["title"] is not None
        columns["title_source"] = TitleSource.USER if named else None
        columns["title"] = columns["title"] if named else DEFAULT_TITLE
    if "pinned" in columns:
        columns["pinned_at"] = now if columns["pinned"] else None
    return columns


async def folder_of(tx: Transaction, project_id: str, owner: str) -> Project:
    """Lock a folder of an owner's to which the viewer may write. Raises NotFound or Conflict."""
    from models.chat.projects import Project, ProjectKind  # projects import this module

    project = await tx.reach(Project, project_id, field="projectId")
    if project.kind is not ProjectKind.FOLDER:
        raise Conflict("An app takes no other conversations.", field="projectId")
    if project.owner_id != owner:
        raise Conflict("It belongs to another owner.", field="projectId")
    return project


async def main_of(tx: Transaction, project_id: str, *, field: str) -> Conversation:
    """Lock the main conversation of a project the viewer may write to. Raises NotFound."""
    from models.chat.projects import Project  # projects import this module

    project = await tx.reach(Project, project_id, field=field)
    found = await tx.find(Conversation, "project_id = $1 AND main", project.id, lock=True)
    return found[0]
