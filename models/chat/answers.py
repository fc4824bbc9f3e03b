"""Answers: how the writing of a message begins, waits and ends, whoever writes it.

What is called here belongs to a verb that has locked the message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from models.chat import branches, chunks
from models.chat.conversations import Conversation
from models.chat.generations import Generation, GenerationState, generation_of
from models.chat.messages import (
    UNFINISHED,
    Message,
    MessageOutcome,
    MessageStatus,
    MessageType,
)
from models.chat.metering import count_broken_off
from models.chat.tool_calls import cancel_calls
from models.hooks import Hook

if TYPE_CHECKING:
    from models.providing import AnswerError
    from models.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its parts in order, and what the provider says of its end."""

    parts: Sequence[dict[str, str]]
    finish_reason: str
    usage: dict[str, Any] = field(default_factory=dict[str, Any])


answer_started: Hook[Transaction, Message, str] = Hook()
"""A worker (third argument) has begun to write a message."""
answer_ended: Hook[Transaction, Message] = Hook()
"""A message that was being answered is COMPLETE, whatever its outcome."""


async def complete_answer(tx: Transaction, message: Message, answer: Answer) -> None:
    """Write a whole answer into a locked message."""
    generation = await generation_of(tx, message)
    await _end(tx, message, generation, answer.parts, MessageOutcome.SUCCEEDED)
    await message.change(usage=answer.usage or None, finish_reason=answer.finish_reason)
    await answer_ended(tx, message)


async def fail_answer(
    tx: Transaction, message: Message, error: str, code: AnswerError | None = None
) -> None:
    """End a locked message with a neutral text about what went wrong."""
    generation = await generation_of(tx, message)
    await _give_way(tx, message, generation)
    failed = [{"kind": "text", "text": error}]
    await _end(tx, message, generation, failed, MessageOutcome.FAILED)
    await message.edit(type=MessageType.ERROR, error=error, error_code=code)
    await answer_ended(tx, message)


async def unfinished(tx: Transaction, conversation_id: str) -> list[Message]:
    """Lock and return the answers that are being written in a conversation, shown or not."""
    where = f"conversation_id = $1 AND {UNFINISHED} ORDER BY id"
    return await tx.find(Message, where, conversation_id, lock=True)


async def stop_answer(tx: Transaction, message: Message) -> None:
    """End the writing of a locked message and keep the text that was stored so far."""
    generation = await generation_of(tx, message)
    await count_broken_off(tx, message, generation)
    parts: list[dict[str, str]] = message.parts or []
    if generation is not None:
        stored = await chunks.stored_parts(tx.connection, message.id, generation.epoch)
        parts = max(stored, parts, key=_length)
        if generation.state is GenerationState.QUEUED:
            await generation.change(epoch=generation.epoch + 1)  # the text of the last try is void
    await _give_way(tx, message, generation)
    await _end(tx, message, generation, parts, MessageOutcome.CANCELED)
    await answer_ended(tx, message)


async def wait_for_another_try(
    tx: Transaction, message: Message, generation: Generation, delay: timedelta
) -> None:
    """Void the text so far and let a worker take the answer again, after `delay`."""
    await chunks.forget(tx.connection, message.id)
    await generation.change(
        state=GenerationState.QUEUED,
        worker=None,
        lease_until=None,
        not_before=tx.now + delay,
    )
    await message.change(status=MessageStatus.PENDING)


def text_of(parts: Sequence[Mapping[str, str]]) -> str:
    """What a reader reads of some parts."""
    return "".join(part["text"] for part in parts if part["kind"] == "text")


def _length(parts: Sequence[Mapping[str, str]]) -> int:
    return sum(len(part["text"]) for part in parts)


async def _give_way(tx: Transaction, message: Message, generation: Generation | None) -> None:
    """Show the source of an answer again that was to take its place and ends without a word."""
    if message.regenerated_from_id is None or not message.selected:
        return
    epoch = generation.epoch if generation else 0
    if message.parts or await chunks.stored_parts(tx.connection, message.id, epoch):
        return
    conversation = await tx.lock(Conversation, message.conversation_id)
    source = await tx.lock(Message, message.regenerated_from_id)
    if conversation is not None and source is not None and source.parent_id == message.parent_id:
        await branches.select(tx, conversation, source)


async def _end(
    tx: Transaction,
    message: Message,
    generation: Generation | None,
    parts: Sequence[dict[str, str]],
    outcome: MessageOutcome,
) -> None:
    if message.parts:
        await cancel_calls(tx, message)
    plain = all(part["kind"] == "text" for part in parts) and len(parts) <= 1
    await message.change(
        status=MessageStatus.COMPLETE,
        outcome=outcome,
        content=text_of(parts),
        parts=None if plain else list(parts),
        content_epoch=generation.epoch if generation else message.content_epoch,
    )
    if generation is not None:
        await generation.change(
            state=GenerationState.DONE, outcome=outcome, worker=None, lease_until=None
        )
    await chunks.forget(tx.connection, message.id)
