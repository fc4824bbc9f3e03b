"""Titles that a model gives: kept only while no user has given one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.chat.conversations import Conversation, TitleSource
from models.chat.metering import count_title
from models.providing import ContentPart, Prompt, PromptMessage
from models.verbs import verb

if TYPE_CHECKING:
    from models.billing.usage_events import ModelCall
    from models.chat.leases import Lease
    from models.ports import Database
    from models.transaction import Transaction

LONGEST = 80
"""Characters of a title that a model gives."""
READ = 2_000
"""Characters of each message that the model reads for it."""

_INSTRUCTION = (
    "Give this conversation a title of at most six words, in its own language. "
    "Answer with the title alone, without quotation marks."
)
_UNTITLED = f"""\
SELECT c.id, left(m.content, {READ}) AS text
FROM message reply JOIN conversation c ON c.id = reply.conversation_id
JOIN message m ON m.id = reply.parent_id
WHERE reply.id = $1 AND c.title_source IS NULL AND NOT c.main AND c.deleted_at IS NULL"""


@dataclass(frozen=True, slots=True)
class Untitled:
    """A conversation without a title of its own, and what its user said."""

    conversation_id: str
    text: str

    def prompt(self, model: str, key: str) -> Prompt:
        """What a model is given to find a title."""
        messages = [
            PromptMessage("system", [ContentPart("text", _INSTRUCTION)]),
            PromptMessage("user", [ContentPart("text", self.text)]),
        ]
        return Prompt(model, messages, key=key, purpose="title")


async def untitled(database: Database, reply_id: str) -> Untitled | None:
    """The conversation of an answer, if it has no title of its own."""
    rows = await database.fetch(_UNTITLED, reply_id)
    return Untitled(rows[0]["id"], rows[0]["text"]) if rows else None


def tidy(text: str) -> str:
    """The first line of what a model wrote, without quotation marks; empty for nothing."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return first.strip().strip("\"'“”„«»").strip()[:LONGEST].strip()


@verb
async def give_title(
    tx: Transaction, lease: Lease, conversation_id: str, title: str, call: ModelCall
) -> bool:
    """Give a model's title, which `call` brought, to a conversation that has none of its own;
    False when it has, or when the title is empty."""
    conversation = await tx.lock(Conversation, conversation_id)
    if conversation is None:
        return False
    await count_title(tx, conversation, lease, call)
    if not title or conversation.title_source is not None or conversation.main:
        return False
    await conversation.change(title=title, title_source=TitleSource.MODEL)
    return True
