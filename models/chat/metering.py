"""Metering: the usage events of the calls that answers and titles are made by.

Whoever made a call tells what its provider told. Where somebody else ends a try, an event says of
the call that was under way, if its text shows that there was one, that nothing is known of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.billing.usage_events import ModelCall, Purpose, count_call, count_call_once
from models.chat.generations import GenerationState

if TYPE_CHECKING:
    from models.chat.conversations import Conversation
    from models.chat.generations import Generation
    from models.chat.leases import Lease
    from models.chat.messages import Message
    from models.transaction import Transaction

_UNDER_WAY = """\
SELECT (SELECT count(DISTINCT step) FROM tool_call WHERE message_id = $1) AS number,
    (SELECT sum(length(text)) FROM message_chunk WHERE message_id = $1 AND epoch = $2) AS length"""


async def count_kept_call(tx: Transaction, message: Message, lease: Lease, call: ModelCall) -> None:
    """Note a call that brought a step of an answer whose lease stands."""
    await count_call(tx, _of_lease(message.owner_id, lease, _feature(message)), call)


async def count_lost_call(
    tx: Transaction, message: Message, lease: Lease, call: ModelCall | None
) -> None:
    """Note a call, if there was one, that failed or that nobody wants any more."""
    if call is not None:
        await count_call_once(tx, _of_lease(message.owner_id, lease, _feature(message)), call)


async def count_title(
    tx: Transaction, conversation: Conversation, lease: Lease, call: ModelCall
) -> None:
    """Note a call that was to find a title."""
    await count_call_once(tx, _of_lease(conversation.owner_id, lease, "title"), call)


async def count_broken_off(
    tx: Transaction, message: Message, generation: Generation | None
) -> None:
    """Note the call that is under way in a locked generation, whose try ends now."""
    if generation is None or generation.state is not GenerationState.RUNNING:
        return
    row = await tx.connection.fetchrow(_UNDER_WAY, message.id, generation.epoch)
    kept = sum(len(part["text"]) for part in message.parts or ())
    if row is not None and (row["length"] or 0) > kept:
        who, what = (message.owner_id, generation.user_id), (message.id, _feature(message))
        purpose = Purpose(*who, *what, generation.id, generation.epoch)
        await count_call_once(tx, purpose, ModelCall(generation.model, row["number"]))


def _feature(message: Message) -> str:
    return "chat" if message.project_id is None else "app"


def _of_lease(owner_id: str, lease: Lease, feature: str) -> Purpose:
    who, what = (owner_id, lease.user_id), (lease.message_id, feature)
    return Purpose(*who, *what, lease.generation_id, lease.epoch)
