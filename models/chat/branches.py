"""Branches: where in its tree a message is put, and which of its siblings is shown.

Exactly one of siblings is selected. The selected branch is what is reached from the beginning of
a conversation through selected messages; `on_branch` says of each whether it is there, so that a
page of the branch needs no walk. A message has a higher order than all it follows.

Whoever calls these functions has locked the conversation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from models import ids
from models.chat.conversations import Conversation
from models.chat.messages import FAMILY_OF, Message
from models.errors import Conflict

if TYPE_CHECKING:
    from models.transaction import Transaction

SIBLINGS = 100
"""Versions of one message, at most."""

_COUNT = f"SELECT count(*) AS count, max(branch_index) AS last FROM message WHERE {FAMILY_OF} = $1"
WALK_UP = """\
WITH RECURSIVE up AS (
    SELECT id, parent_id, conversation_id, on_branch, order_id FROM message WHERE id = $1
    UNION ALL
    SELECT m.id, m.parent_id, m.conversation_id, m.on_branch, m.order_id
    FROM up JOIN message m ON m.id = up.parent_id AND m.conversation_id = up.conversation_id
    WHERE {going_on}
)
"""
"""A statement's beginning: `up` is a message $1 and what it follows in its conversation, as long as
`going_on` holds of the last one."""
_UP = f"""\
{WALK_UP.format(going_on="NOT up.on_branch")}\
SELECT id, on_branch, order_id, {FAMILY_OF} AS family FROM up"""
_DOWN = """\
WITH RECURSIVE down AS (
    SELECT id FROM message WHERE parent_id = $1 AND selected
    UNION ALL
    SELECT m.id FROM down JOIN message m ON m.parent_id = down.id WHERE m.selected
)
SELECT id FROM down"""


async def tail_of(tx: Transaction, conversation_id: str) -> Message | None:
    """The message at the end of the selected branch."""
    newest = "conversation_id = $1 AND on_branch ORDER BY order_id DESC, id DESC"
    return await tx.first(Message, newest, conversation_id)


async def append(
    tx: Transaction, conversation: Conversation, tail: Message | None, *messages: Message
) -> tuple[Message, ...]:
    """Add messages under `tail_of` the conversation, each following the one before."""
    await _add(tx, conversation, tail.id if tail else None, messages)
    return messages


async def put_instead(
    tx: Transaction, conversation: Conversation, of: Message, *messages: Message
) -> None:
    """Show a new sibling of a message, and what follows it, each following the one before.

    Raises Conflict when there are too many siblings.
    """
    index = await _next_index(tx, of, more=1)
    await make_way(tx, conversation, of.parent_id)
    messages[0].branch_index = index
    await _add(tx, conversation, of.parent_id, messages)


async def make_way(tx: Transaction, conversation: Conversation, parent: str | None) -> None:
    """Have the selected branch end at a message, or show nothing, and select nothing below it."""
    await _end_branch_at(tx, conversation, parent)
    family = parent or conversation.id
    await tx.change_many(Message, f"{FAMILY_OF} = $1 AND selected", family, selected=False)


async def put_beside(
    tx: Transaction, conversation: Conversation, of: Message, messages: Sequence[Message]
) -> None:
    """Add siblings of a message that are not shown. Raises Conflict when there are too many."""
    if not messages:
        return
    first = await _next_index(tx, of, more=len(messages))
    orders = await conversation.next_orders(tx, len(messages))
    for index, (message, order) in enumerate(zip(messages, orders, strict=True), first):
        message.branch_index = index
        message.selected = message.on_branch = False
        _place(conversation, message, of.parent_id, order)
    await tx.add_many(messages)


async def show(tx: Transaction, conversation: Conversation, message: Message) -> None:
    """Select a message and all that it follows, so that the selected branch leads through it."""
    if message.on_branch:
        return
    await _end_branch_at(tx, conversation, message.id)
    below = [row["id"] for row in await tx.connection.fetch(_DOWN, message.id)]
    await tx.change_below(conversation, Message, "t.id = ANY($1)", below, on_branch=True)


async def select(tx: Transaction, conversation: Conversation, message: Message) -> None:
    """Select a message among its siblings, whether their parent is shown or not."""
    parent = await tx.first(Message, "id = $1", message.parent_id) if message.parent_id else None
    if parent is None or parent.on_branch:
        await show(tx, conversation, message)
        return
    others = f"{FAMILY_OF} = $1 AND selected AND id <> $2"
    await tx.change_many(Message, others, _family_of(message), message.id, selected=False)
    await message.change(selected=True)


async def sibling(tx: Transaction, message: Message, id: str) -> Message | None:
    """The one of a message and its siblings that has this id."""
    found = await tx.first(Message, "id = $1", id)
    return found if found and _family_of(found) == _family_of(message) else None


async def newest_sibling(tx: Transaction, message: Message) -> Message | None:
    """The latest version beside a message."""
    others = f"{FAMILY_OF} = $1 AND id <> $2 ORDER BY branch_index DESC"
    return await tx.first(Message, others, _family_of(message), message.id)


def _family_of(message: Message) -> str:
    return message.parent_id or message.conversation_id


async def _next_index(tx: Transaction, of: Message, more: int) -> int:
    (row,) = await tx.connection.fetch(_COUNT, _family_of(of))
    if row["count"] + more > SIBLINGS:
        raise Conflict(f"At most {SIBLINGS} versions of one message.")
    return row["last"] + 1


async def _end_branch_at(tx: Transaction, conversation: Conversation, id: str | None) -> None:
    """Have the selected branch lead to a message and end there, or show nothing for None."""
    up = await tx.connection.fetch(_UP, id)
    hidden = [row for row in up if not row["on_branch"]]
    order = next((row["order_id"] for row in up if row["on_branch"]), 0)
    beyond = "t.conversation_id = $1 AND t.on_branch AND t.order_id > $2"
    await tx.change_below(conversation, Message, beyond, conversation.id, order, on_branch=False)
    if hidden:
        below, families = [row["id"] for row in hidden], [row["family"] for row in hidden]
        others = f"{FAMILY_OF} = ANY($1) AND selected AND id <> ALL($2)"
        await tx.change_below(conversation, Message, others, families, below, selected=False)
        shown = {"selected": True, "on_branch": True}
        await tx.change_below(conversation, Message, "t.id = ANY($1)", below, **shown)


async def _add(
    tx: Transaction, conversation: Conversation, parent: str | None, messages: Sequence[Message]
) -> None:
    orders = await conversation.next_orders(tx, len(messages))
    for message, order in zip(messages, orders, strict=True):
        _place(conversation, message, parent, order)
        message.id = parent = message.id or ids.new_id(Message.prefix)
    await tx.add_many(messages)


def _place(conversation: Conversation, message: Message, parent: str | None, order: int) -> None:
    message.owner_id = conversation.owner_id
    message.conversation_id = conversation.id
    message.project_id = conversation.project_id if conversation.main else None
    message.order_id = order
    message.parent_id = parent
