"""Discarding: messages, and whole conversations, are hidden at once and emptied later.

Messages go into a conversation of their own that is deleted from its start, so that the rules hide
them and a deletion job empties it as any other. There they stay as they were to each other.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from models.chat import branches
from models.chat.answers import stop_answer, unfinished
from models.chat.attachments import Attachment
from models.chat.conversations import Conversation
from models.chat.deletion import RETENTION, DeletionKind, schedule
from models.chat.messages import Message, reach_in_tree
from models.errors import Conflict
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

_SUBTREE = """\
WITH RECURSIVE below AS (
    SELECT id FROM message WHERE id = $1
    UNION ALL
    SELECT m.id FROM below JOIN message m ON m.parent_id = below.id
)
SELECT id FROM below"""

_ATTACHED = "t.message_id = ANY (ARRAY(SELECT id FROM message WHERE conversation_id = $1))"

EXCERPT = 100
"""Characters of a deleted message that tell which it was."""


@verb
async def delete_conversation(
    tx: Transaction, conversation_id: str, retention: timedelta = RETENTION
) -> str:
    """Hide a conversation at once; a job empties it later. Returns its id.

    Answers that are being written are stopped. Raises Conflict for that of an app.
    """
    conversation = await tx.reach(Conversation, conversation_id, field="id")
    if conversation.main:
        raise Conflict("Delete the project that it belongs to.")
    for answer in await unfinished(tx, conversation.id):
        await stop_answer(tx, answer)
    await conversation.change(deleted_at=tx.now)
    await schedule(tx, conversation, retention)
    return conversation.id


@verb
async def clear_conversation(tx: Transaction, conversation_id: str) -> Conversation:
    """Discard all messages of a conversation; answers that are being written are stopped."""
    conversation = await tx.reach(Conversation, conversation_id, field="id")
    for answer in await unfinished(tx, conversation.id):
        await stop_answer(tx, answer)
    if await branches.tail_of(tx, conversation.id) is not None:
        told = {"kind": DeletionKind.CLEARED, "subject_id": conversation.id}
        gone = await _bin(tx, conversation, **told)
        await _discard(tx, conversation, gone, "t.conversation_id = $1", conversation.id)
    return await conversation.change(last_message_at=None)


@verb
async def delete_message(tx: Transaction, message_id: str) -> str:
    """Discard a message and all that follows it; the newest sibling left is shown instead.

    Answers among them that are being written are stopped. Returns the message's id.
    """
    conversation, message = await reach_in_tree(tx, message_id, "id")
    ids = [row["id"] for row in await tx.connection.fetch(_SUBTREE, message.id)]
    for answer in await unfinished(tx, conversation.id):
        if answer.id in ids:
            await stop_answer(tx, answer)
    sibling = await branches.newest_sibling(tx, message)
    await _discard_below(tx, conversation, message, ids)
    if message.selected and sibling is not None:
        await branches.select(tx, conversation, sibling)
    return message.id


async def _discard_below(
    tx: Transaction, conversation: Conversation, message: Message, ids: list[str]
) -> None:
    """Discard a message with all below it, `ids`; it keeps its index, and whether it was selected.

    It hangs on nothing from then on, so that what it followed may be emptied before it.
    """
    gone = await _bin(
        tx,
        conversation,
        kind=DeletionKind.MESSAGE,
        subject_id=message.id,
        title=" ".join(message.content.split())[:EXCERPT] or None,
        parent_id=message.parent_id,
    )
    await message.change(parent_id=None, **_place(gone))
    await _discard(tx, conversation, gone, "t.id = ANY($1)", ids)


async def _bin(tx: Transaction, conversation: Conversation, **told: Any) -> Conversation:
    """A deleted conversation for what is discarded of another one, and the job that empties it."""
    gone = Conversation(owner_id=conversation.owner_id, user_id=conversation.user_id)
    gone.title, gone.deleted_at = conversation.title, tx.now
    gone.last_message_at = conversation.last_message_at
    await tx.add(gone)
    await schedule(tx, gone, conversation_id=conversation.id, **told)
    return gone


async def _discard(
    tx: Transaction, conversation: Conversation, gone: Conversation, where: str, which: Any
) -> None:
    """Put the messages that meet `where`, in which $1 is `which`, into a deleted conversation."""
    await tx.change_below(conversation, Message, where, which, **_place(gone))
    into = {"conversation_id": gone.id}
    await tx.change_below(conversation, Attachment, _ATTACHED, gone.id, **into)


def _place(gone: Conversation) -> dict[str, Any]:
    return {"conversation_id": gone.id, "project_id": None}
