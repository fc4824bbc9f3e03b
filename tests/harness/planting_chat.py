"""Conversations beside those of projects, planted for the walks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from models.accounts.feedback import Feedback
from models.chat.conversations import Conversation, ConversationStatus
from models.chat.deletion import DeletionJob, DeletionKind
from models.chat.messages import Message, MessageRole
from models.chat.projects import Project, ProjectKind
from models.chat.tool_calls import ToolCall, ToolCallState
from tests.harness.api import Api, Server
from tests.harness.planting import now_at, plant
from tests.harness.sharing import share


async def plant_conversations(server: Server, user: str, owner: str) -> dict[str, str]:
    """A folder, and one conversation of each list; that of the first has two versions of its only
    message."""
    own = {"user_id": user, "owner_id": owner}
    pinned = {"pinned": True, "pinned_at": now_at(server)}
    loose = await plant(server, Conversation, **own, title="Thoughts", last_order_id=2)
    said = {"conversation_id": loose, "role": MessageRole.USER, "content": "A word"}
    hidden = {"selected": False, "on_branch": False}
    archived = ConversationStatus.ARCHIVED
    folder = await plant(server, Project, **own, kind=ProjectKind.FOLDER, name="Folder")
    return {
        "loose": loose,
        "folder": folder,
        "filed": await plant(server, Conversation, **own, project_id=folder),
        "pinned": await plant(server, Conversation, **own, **pinned),
        "archived": await plant(server, Conversation, **own, status=archived),
        "version": await plant(server, Message, **own, **said, **hidden, order_id=1),
        "newest version": await plant(server, Message, **own, **said, order_id=2, branch_index=1),
        "deletion": await plant_deletion(server, user, owner),
        "other deletion": await plant_deletion(server, user, owner),
    }


async def plant_deletion(server: Server, user: str, owner: str) -> str:
    """The deletion of an empty conversation."""
    own, now = {"user_id": user, "owner_id": owner}, now_at(server)
    gone = await plant(server, Conversation, **own, deleted_at=now)
    return await plant(
        server,
        DeletionJob,
        owner_id=owner,
        root_id=gone,
        kind=DeletionKind.CONVERSATION,
        subject_id=gone,
        title="Gone",
        due_at=now + timedelta(days=30),
    )


async def plant_sharing(server: Server, owner: Api, ids: Mapping[str, str]) -> dict[str, str]:
    """A link that shows a conversation, a rating of a message of it, and a word on the product."""
    rating = {"messageId": ids["message"], "rating": 1, "comment": "Ripe."}
    rated = await owner.do("rateMessage", "{ messageFeedback { id } }", **rating)
    token, link = await share(owner, ids["conversation"])
    said = await plant(server, Feedback, user_id=ids["user"], message="Well made.")
    return {
        "share token": token,
        "share link": link,
        "rating": rated["messageFeedback"]["id"],
        "feedback": said,
    }


async def plant_tool_call(server: Server, message: str, number: int = 0) -> str:
    """A call of a message that waits for approval."""
    (row,) = await server.sql("SELECT owner_id FROM message WHERE id = $1", message)
    return await plant(
        server,
        ToolCall,
        owner_id=row["owner_id"],
        message_id=message,
        number=number,
        step=0,
        call_id=f"call_{number}",
        name="delete",
        arguments={},
        state=ToolCallState.AWAITING_APPROVAL,
        expires_at=now_at(server) + timedelta(hours=24),
    )
