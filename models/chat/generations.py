"""Generations: the server's jobs of writing an answer, with leases, tries and an end for each.

Locks are taken in the order message, generation, whatever else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import PartOf
from models.base import Record
from models.chat import chunks
from models.chat.messages import Message, MessageOutcome, MessageStatus, MessageType
from models.hooks import Hook
from models.indexes import index, unique
from models.verbs import verb

if TYPE_CHECKING:
    from models.ports import Connection
    from models.transaction import Transaction

TRIES = 3
FAILED_TEXT = "The answer could not be written. Please try again."


class GenerationState(StrEnum):
    """Whether a generation waits, runs or is over."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"


class Generation(Record):
    """The writing of one answer by the server's workers.

    `epoch` counts the claims, so text of an earlier one is told apart; `tries` counts those that
    were not handed back.
    """

    prefix = "gen"
    access = PartOf("message")
    indexes = (
        unique("message_id"),
        index("user_id", "created_at", "id", where="(state = 'QUEUED'::text)"),
        index("lease_until", where="(state = 'RUNNING'::text)"),
        index("user_id", where="(state = 'RUNNING'::text)"),
    )

    owner_id: str = fields.key("Whose answer it writes.")
    message: Any = fields.reference("Message", "The message it writes.")
    message_id: str
    user_id: str = fields.key("Who asked for it.")
    model: str = fields.text("The model.", limit=200)
    state: GenerationState = fields.choice(
        GenerationState, "How far it is.", default=GenerationState.QUEUED
    )
    epoch: int = fields.integer("Claims so far.", default=0)
    tries: int = fields.integer("Tries so far.", default=0)
    worker: str | None = fields.key("The worker that runs it.", null=True)
    lease_until: datetime | None = fields.moment("When the worker counts as dead.", null=True)
    not_before: datetime | None = fields.moment("When it may be tried again.", null=True)
    outcome: MessageOutcome | None = fields.choice(MessageOutcome, "How it ended.", null=True)

    class Meta:
        table = "generation"


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's right to write one answer, for one epoch; `tries` counts this one too."""

    generation_id: str
    message_id: str
    user_id: str
    model: str
    epoch: int
    tries: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its parts in order, and what the provider says of its end."""

    parts: Sequence[dict[str, str]]
    finish_reason: str
    usage: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part["text"] for part in self.parts if part["kind"] == "text")


answer_started: Hook[Transaction, Message, str] = Hook()
"""A worker (third argument) has begun to write a message."""
answer_ended: Hook[Transaction, Message] = Hook()
"""A message that was being answered is COMPLETE, whatever its outcome."""

# Steps from one waiting user to the next over the index, so a user's long queue costs the others
# nothing: each user is asked for no more rows than may run.
_CLAIMABLE = """\
WITH RECURSIVE waiting AS (
    SELECT min(user_id) AS user_id FROM generation WHERE state = 'QUEUED' AND user_id > ''
    UNION ALL
    SELECT (SELECT min(g.user_id) FROM generation g WHERE g.state = 'QUEUED'
        AND g.user_id > w.user_id) FROM waiting w WHERE w.user_id IS NOT NULL
)
SELECT next.id, next.message_id FROM waiting w CROSS JOIN LATERAL (
    SELECT g.id, g.message_id, g.created_at FROM generation g
    WHERE g.user_id = w.user_id AND g.state = 'QUEUED'
    AND (g.not_before IS NULL OR g.not_before <= $1) ORDER BY g.created_at, g.id
    LIMIT greatest($2 - (SELECT count(*) FROM generation r
        WHERE r.user_id = w.user_id AND r.state = 'RUNNING'), 0)
) next ORDER BY next.created_at, next.id LIMIT $3"""
_ONE_CLAIMER = "SELECT pg_advisory_xact_lock(hashtext('punnet.claim'))"


@verb
async def claim_generations(
    tx: Transaction, worker: str, slots: int, per_user: int, lease: timedelta
) -> list[Lease]:
    """Take up to `slots` waiting generations, at most `per_user` running for one user."""
    await tx.connection.execute(_ONE_CLAIMER)  # else two workers could both fill the last slot
    rows = await tx.connection.fetch(_CLAIMABLE, tx.now, per_user, slots)
    found: list[Lease] = []
    for row in sorted(rows, key=lambda row: row["message_id"]):
        message, generation = await _hold(tx, row["message_id"])
        if generation.state is not GenerationState.QUEUED:
            continue
        await generation.change(
            state=GenerationState.RUNNING,
            worker=worker,
            lease_until=tx.now + lease,
            epoch=generation.epoch + 1,
            tries=generation.tries + 1,
        )
        await message.change(status=MessageStatus.STREAMING)
        await answer_started(tx, message, worker)
        found.append(_lease(generation))
    return found


@verb
async def finish_generation(tx: Transaction, lease: Lease, answer: Answer) -> bool:
    """Keep a whole answer; all its windows are stored. False when it was no longer wanted."""
    message, generation = await _hold(tx, lease.message_id)
    if not _stands(generation, lease):
        return False
    await complete_answer(tx, message, answer)
    return True


@verb
async def give_up_generation(
    tx: Transaction, lease: Lease, error: str, retry_in: timedelta | None
) -> bool:
    """End a try that went wrong: wait for the next one, or fail for good after the last.

    `retry_in` is None for an error that no second try would mend.
    """
    message, generation = await _hold(tx, lease.message_id)
    if not _stands(generation, lease):
        return False
    await _try_again_or_fail(tx, message, generation, error, retry_in)
    return True


@verb
async def hand_back_generation(tx: Transaction, lease: Lease) -> bool:
    """Give an unfinished answer to another worker at once; the try does not count."""
    message, generation = await _hold(tx, lease.message_id)
    if not _stands(generation, lease):
        return False
    await generation.change(tries=generation.tries - 1)
    await _wait(tx, message, generation, timedelta())
    return True


@verb
async def reap_generations(tx: Transaction, limit: int = 50) -> int:
    """Take the answers of dead workers from them. Returns how many there were."""
    dead = "state = 'RUNNING' AND lease_until < $1 ORDER BY lease_until LIMIT $2"
    found = await tx.find(Generation, dead, tx.now, limit)
    count = 0
    for message_id in sorted(generation.message_id for generation in found):
        message, generation = await _hold(tx, message_id)
        if generation and generation.lease_until and generation.lease_until < tx.now:
            await _try_again_or_fail(tx, message, generation, FAILED_TEXT, timedelta())
            count += 1
    return count


async def complete_answer(tx: Transaction, message: Message, answer: Answer) -> None:
    """Write a whole answer into a locked message."""
    generation = await _generation_of(tx, message)
    await _end(tx, message, generation, answer.parts, MessageOutcome.SUCCEEDED)
    await message.change(usage=answer.usage or None, finish_reason=answer.finish_reason)
    await answer_ended(tx, message)


async def fail_answer(tx: Transaction, message: Message, error: str) -> None:
    """End a locked message with a neutral text about what went wrong."""
    generation = await _generation_of(tx, message)
    failed = [{"kind": "text", "text": error}]
    await _end(tx, message, generation, failed, MessageOutcome.FAILED)
    await message.edit(type=MessageType.ERROR, error=error)
    await answer_ended(tx, message)


async def unfinished_tail(tx: Transaction, conversation_id: str) -> Message | None:
    """Lock and return the answer that is being written at the end of the selected branch."""
    newest = "conversation_id = $1 AND on_branch ORDER BY order_id DESC, id DESC"
    tail = await tx.first(Message, newest, conversation_id)
    if tail is None or tail.status is MessageStatus.COMPLETE:
        return None
    locked = await tx.lock(Message, tail.id)
    return locked if locked and locked.status is not MessageStatus.COMPLETE else None


async def stop_generation(tx: Transaction, message: Message) -> None:
    """End the writing of a locked message and keep the text that was stored so far."""
    generation = await _generation_of(tx, message)
    parts: list[dict[str, str]] = []
    if generation is not None:
        parts = await chunks.stored_parts(tx.connection, message.id, generation.epoch)
        if generation.state is GenerationState.QUEUED:
            await generation.change(epoch=generation.epoch + 1)  # the text of the last try is void
    await _end(tx, message, generation, parts, MessageOutcome.CANCELED)
    await answer_ended(tx, message)


_RENEW = """\
UPDATE generation SET lease_until = $4
WHERE id = ANY ($1::text[]) AND epoch = ($2::int[])[array_position($1::text[], id)]
AND state = 'RUNNING' AND worker = $3
RETURNING id, epoch"""


async def renew(
    connection: Connection, leases: Sequence[Lease], worker: str, until: datetime
) -> set[Lease]:
    """Prolong leases and return those that still stand. No change: nobody needs to hear of it."""
    ids, epochs = [one.generation_id for one in leases], [one.epoch for one in leases]
    rows = await connection.fetch(_RENEW, ids, epochs, worker, until)
    standing = {(row["id"], row["epoch"]) for row in rows}
    return {one for one in leases if (one.generation_id, one.epoch) in standing}


async def _hold(tx: Transaction, message_id: str) -> tuple[Message, Generation]:
    message = await tx.lock(Message, message_id)
    if message is None:
        raise RuntimeError("a generation outlived its message")
    generation = await _generation_of(tx, message)
    if generation is None:
        raise RuntimeError("a message lost its generation")
    return message, generation


async def _generation_of(tx: Transaction, message: Message) -> Generation | None:
    found = await tx.find(Generation, "message_id = $1", message.id, lock=True)
    return found[0] if found else None


def _lease(generation: Generation) -> Lease:
    return Lease(
        generation.id,
        generation.message_id,
        generation.user_id,
        generation.model,
        generation.epoch,
        generation.tries,
    )


def _stands(generation: Generation, lease: Lease) -> bool:
    return generation.state is GenerationState.RUNNING and generation.epoch == lease.epoch


async def _try_again_or_fail(
    tx: Transaction,
    message: Message,
    generation: Generation,
    error: str,
    retry_in: timedelta | None,
) -> None:
    if retry_in is not None and generation.tries < TRIES:
        await _wait(tx, message, generation, retry_in)
        return
    await fail_answer(tx, message, error)


async def _wait(
    tx: Transaction, message: Message, generation: Generation, delay: timedelta
) -> None:
    await chunks.forget(tx.connection, message.id)
    await generation.change(
        state=GenerationState.QUEUED,
        worker=None,
        lease_until=None,
        not_before=tx.now + delay,
    )
    await message.change(status=MessageStatus.PENDING)


async def _end(
    tx: Transaction,
    message: Message,
    generation: Generation | None,
    parts: Sequence[dict[str, str]],
    outcome: MessageOutcome,
) -> None:
    plain = all(part["kind"] == "text" for part in parts) and len(parts) <= 1
    await message.change(
        status=MessageStatus.COMPLETE,
        outcome=outcome,
        content="".join(part["text"] for part in parts if part["kind"] == "text"),
        parts=None if plain else list(parts),
        content_epoch=generation.epoch if generation else message.content_epoch,
    )
    if generation is not None:
        await generation.change(
            state=GenerationState.DONE, outcome=outcome, worker=None, lease_until=None
        )
    await chunks.forget(tx.connection, message.id)
