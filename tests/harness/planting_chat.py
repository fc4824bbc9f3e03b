"""Conversations beside those of projects, planted for the walks."""

from __future__ import annotations

from models.chat.conversations import Conversation, ConversationStatus
from models.chat.messages import Message, MessageRole
from models.chat.projects import Project, ProjectKind
from tests.harness.api import Server
from tests.harness.planting import now_at, plant


async def plant_conversations(server: Server, user: str, owner: str) -> dict[str, str]:
    """A folder, and one conversation of each list but its own; that of the first list has two
    versions of its only message."""
    own = {"user_id": user, "owner_id": owner}
    pinned = {"pinned": True, "pinned_at": now_at(server)}
    loose = await plant(server, Conversation, **own, title="Thoughts", last_order_id=2)
    said = {"conversation_id": loose, "role": MessageRole.USER, "content": "A word"}
    hidden = {"selected": False, "on_branch": False}
    archived = ConversationStatus.ARCHIVED
    return {
        "loose": loose,
        "folder": await plant(server, Project, **own, kind=ProjectKind.FOLDER, name="Folder"),
        "pinned": await plant(server, Conversation, **own, **pinned),
        "archived": await plant(server, Conversation, **own, status=archived),
        "version": await plant(server, Message, **own, **said, **hidden, order_id=1),
        "newest version": await plant(server, Message, **own, **said, order_id=2, branch_index=1),
    }
