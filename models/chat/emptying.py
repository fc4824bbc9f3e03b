"""How a deleted project is emptied of what the chat keeps, and what remains of it."""

from __future__ import annotations

from models.chat.attachments import Attachment
from models.chat.conversations import Conversation
from models.chat.deletion import Phase, Tombstone, empties, leaves
from models.chat.generations import Generation
from models.chat.messages import Message
from models.chat.projects import Project

_INSIDE = "conversation_id IN (SELECT id FROM conversation WHERE project_id = $1)"
_OF_MESSAGES = f"message_id IN (SELECT id FROM message WHERE {_INSIDE})"

empties(
    Phase("prj", 50, Attachment, _INSIDE),
    Phase("prj", 60, Generation, _OF_MESSAGES),
    Phase("prj", 70, Message, _INSIDE, order="order_id DESC"),
    Phase("prj", 80, Conversation, "project_id = $1"),
)
leaves(
    "prj",
    Tombstone(
        Project,
        {"name": "Deleted", "description": None, "model_preference": None, "showcased": False},
    ),
)
