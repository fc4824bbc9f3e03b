"""How a deleted project is emptied of what the chat keeps, and what remains of it."""

from __future__ import annotations

from models.chat.attachments import Attachment
from models.chat.conversations import Conversation
from models.chat.deletion import BATCH, Phase, Tombstone, empties, leaves
from models.chat.emptying_files import Attachments
from models.chat.generations import Generation
from models.chat.messages import Message
from models.chat.projects import Project
from models.chat.tool_calls import ToolCall

# One conversation after another, each from its end, and first what belongs to the messages there:
# so a batch reads no more than it removes, however much there is.
_CONVERSATION = """\
(SELECT c.id FROM conversation c WHERE c.project_id = $1
AND EXISTS (SELECT 1 FROM message m WHERE m.conversation_id = c.id OFFSET 0)
ORDER BY c.created_at, c.id LIMIT 1)"""
NEXT_MESSAGES = f"""\
message_id = ANY (ARRAY(SELECT m.id FROM message m WHERE m.conversation_id = {_CONVERSATION}
ORDER BY m.order_id DESC LIMIT {BATCH}))"""
_STAGED = "conversation_id = ANY (ARRAY(SELECT id FROM conversation WHERE project_id = $1))"

empties(
    Attachments("prj", 50, Attachment, NEXT_MESSAGES),
    Phase("prj", 60, Generation, NEXT_MESSAGES),
    Phase("prj", 65, ToolCall, NEXT_MESSAGES),
    Phase("prj", 70, Message, f"conversation_id = {_CONVERSATION}", order="order_id DESC"),
    Attachments("prj", 80, Attachment, _STAGED),
    Phase("prj", 90, Conversation, "project_id = $1", order="created_at, id"),
)
leaves(
    "prj",
    Tombstone(
        Project,
        {"name": "Deleted", "description": None, "model_preference": None, "showcased": False},
    ),
)
