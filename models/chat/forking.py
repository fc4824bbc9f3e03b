"""Forking: a conversation of one's own from what another one says up to a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.chat.attachments import copy_attachments
from models.chat.branches import WALK_UP
from models.chat.conversations import Conversation
from models.chat.messages import Message, MessageStatus, reach_in_tree
from models.chat.parts import shown_parts
from models.errors import Conflict
from models.ids import new_id
from models.verbs import verb

if TYPE_CHECKING:
    from models.base import Record
    from models.transaction import Transaction

BATCH = 200
"""Messages that are copied in one statement."""
MOST = 2_000
"""Messages of a fork; a transaction holds all of them."""
MOST_BYTES = 20_000_000
"""Bytes of their texts and parts."""

_PATH = f"{WALK_UP.format(going_on='true')}SELECT id FROM up ORDER BY order_id"
_SIZE = """\
SELECT coalesce(sum(octet_length(content) + coalesce(octet_length(parts::text), 0)), 0)
FROM message WHERE id = ANY($1)"""
_OWN = {"id", "created_at", "updated_at"}
_SHOWN = ("role", "type", "status", "content", "model")
"""Columns of a message that its readers by a link see as they are."""
_KEPT = ("title", "title_source", "model", "system_prompt", "task")


@verb
async def fork_conversation(tx: Transaction, message_id: str) -> Conversation:
    """A new conversation of the same owner's with copies of a message and all that it follows.

    It lies in the same folder; a fork of an app's conversation in none. Raises Conflict for an
    answer that is being written.
    """
    source, message = await reach_in_tree(tx, message_id, "messageId")
    if message.status is not MessageStatus.COMPLETE:
        raise Conflict("It is being written.", field="messageId")
    path = [row["id"] for row in await tx.connection.fetch(_PATH, message.id)]
    fork = Conversation(
        owner_id=source.owner_id,
        user_id=tx.actor.viewer.id,
        project_id=None if source.main else source.project_id,
        **{name: getattr(source, name) for name in _KEPT},
    )
    return await copy_into(tx, fork, path)


async def copy_into(tx: Transaction, fork: Conversation, path: list[str]) -> Conversation:
    """Add a conversation with copies of the messages `path`, each of which follows the one before.

    In another owner's conversation they name nobody and nothing of the one they come from, and
    have only what a share link shows. Raises Conflict for too many or too much.
    """
    await _refuse_too_much(tx, path)
    fork.last_order_id, fork.last_message_at = len(path), tx.now
    await tx.add(fork)
    parent = None
    for start in range(0, len(path), BATCH):
        parent = await _copy(tx, fork, path[start : start + BATCH], start, parent)
    return fork


async def _refuse_too_much(tx: Transaction, path: list[str]) -> None:
    if len(path) > MOST:
        raise Conflict(f"A fork has at most {MOST:,} messages.", field="messageId")
    size: int = await tx.connection.fetchval(_SIZE, path)
    if size > MOST_BYTES:
        raise Conflict(f"A fork has at most {MOST_BYTES:,} bytes of text.", field="messageId")


async def _copy(
    tx: Transaction, fork: Conversation, ids: list[str], before: int, parent: str | None
) -> str:
    """Copy messages below `parent`, with `before` of them above; returns the last one's id."""
    copies: dict[str, Message] = {}
    for order, one in enumerate(await _in_order(tx, ids), before + 1):
        same = one.owner_id == fork.owner_id
        copy = Message(**(_values(one) if same else _shown_to(fork, one)))
        copy.id = new_id(Message.prefix)
        copy.conversation_id, copy.project_id, copy.parent_id = fork.id, None, parent
        copy.order_id, copy.branch_index = order, 0
        copy.selected = copy.on_branch = True
        copy.client_message_id = copy.message_group_id = copy.regenerated_from_id = None
        copies[one.id], parent = copy, copy.id
    await tx.add_many(list(copies.values()))
    await copy_attachments(tx, copies)
    assert parent is not None
    return parent


async def _in_order(tx: Transaction, ids: list[str]) -> list[Message]:
    return await tx.find(Message, "id = ANY($1) ORDER BY order_id", ids)


def _shown_to(fork: Conversation, one: Message) -> dict[str, Any]:
    """What another owner's fork has of a message."""
    writer = {"owner_id": fork.owner_id, "user_id": one.user_id and fork.user_id}
    shown = {name: getattr(one, name) for name in _SHOWN}
    return shown | writer | {"parts": shown_parts(one.parts)}


def _values(row: Record) -> dict[str, Any]:
    """All columns but those that each row has to itself."""
    return {name: getattr(row, name) for name in row.columns() if name not in _OWN}
