"""Metering: the usage events of the calls that answers and titles are made by.

Whoever made a call tells what its provider told. Where somebody else ends a try, an event says of
the call that was under way, if its text shows that there was one, that nothing is known of it.

Charged is the owner of what was asked for at that time: a move to another changes no bill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.billing.usage_events import ModelCall, Purpose, count_call, count_call_once
from models.chat.generations import Generation, GenerationState

if TYPE_CHECKING:
    from models.chat.conversations import Conversation
    from models.chat.leases import Lease
    from models.chat.messages import Message
    from models.transaction import Transaction

_UNDER_WAY = """\
SELECT (SELECT count(DISTINCT step) FROM tool_call WHERE message_id = $1) AS number,
    (SELECT sum(length(text)) FROM message_chunk WHERE message_id = $1 AND epoch = $2) AS length"""


async def count_kept_call(
    tx: Transaction, message: Message, generation: Generation, epoch: int, call: ModelCall
) -> None:
    """Note a call that brought a step of an answer, of which this try stands."""
    await count_call(tx, _answering(message, generation, epoch), call)


async def count_lost_call(
    tx: Transaction, message: Message, generation: Generation, epoch: int, call: ModelCall | None
) -> None:
    """Note a call of a try, if there was one, that failed or that nobody wants any more."""
    if call is not None:
        await count_call_once(tx, _answering(message, generation, epoch), call)


async def count_title(
    tx: Transaction, conversation: Conversation, lease: Lease, call: ModelCall
) -> None:
    """Note a call that was to find a title; whoever is charged for the answer is for it."""
    answer = await tx.first(Generation, "id = $1", lease.generation_id)
    who = (answer.charged_id, answer.user_id) if answer else (conversation.owner_id, lease.user_id)
    what = lease.message_id, "title", lease.generation_id, lease.epoch
    await count_call_once(tx, Purpose(*who, *what), call)


async def count_broken_off(
    tx: Transaction, message: Message, generation: Generation | None
) -> None:
    """Note the call that is under way in a locked generation, whose try ends now."""
    if generation is None or generation.state is not GenerationState.RUNNING:
        return
    row = await tx.connection.fetchrow(_UNDER_WAY, message.id, generation.epoch)
    kept = sum(len(part["text"]) for part in message.parts or ())
    if row is not None and (row["length"] or 0) > kept:
        call = ModelCall(generation.model, row["number"])
        await count_call_once(tx, _answering(message, generation, generation.epoch), call)


def _answering(message: Message, generation: Generation, epoch: int) -> Purpose:
    who, feature = (generation.charged_id, generation.user_id), _feature(message)
    return Purpose(*who, message.id, feature, generation.id, epoch)


def _feature(message: Message) -> str:
    return "chat" if message.project_id is None else "app"
