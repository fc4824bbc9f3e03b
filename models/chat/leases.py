"""Leases: how workers take generations, keep them, end them or lose them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from models.chat.answers import (
    Answer,
    answer_started,
    complete_answer,
    fail_answer,
    wait_for_another_try,
)
from models.chat.charging import charge_failed
from models.chat.conversations import Conversation
from models.chat.generations import Generation, GenerationState, generation_of
from models.chat.messages import Message, MessageStatus
from models.chat.metering import count_broken_off, count_kept_call, count_lost_call
from models.verbs import verb

if TYPE_CHECKING:
    from models.billing.usage_events import ModelCall
    from models.ports import Connection
    from models.providing import AnswerError
    from models.transaction import Transaction

TRIES = 3
_OF_MESSAGE = "id = (SELECT conversation_id FROM message WHERE id = $1)"
FAILED_TEXT = "The answer could not be written. Please try again."


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's right to write one answer, for one epoch; `tries` counts this one too.

    With `own_key` only a key of the user's own is used for it.
    """

    generation_id: str
    message_id: str
    user_id: str
    model: str
    epoch: int
    tries: int
    own_key: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with a try, in a `text` for the user, and perhaps a `code`.

    `retry_in` is None for what no second try would mend. `ours` says that not the provider failed
    but this server ended it for good: what was written until then is paid. Of others only steps
    that were kept are.
    """

    text: str
    retry_in: timedelta | None = None
    code: AnswerError | None = None
    ours: bool = False


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
        message, generation = await hold(tx, row["message_id"])
        if generation.state is not GenerationState.QUEUED:
            continue
        await generation.change(
            state=GenerationState.RUNNING,
            worker=worker,
            lease_until=tx.now + lease,
            epoch=generation.epoch + 1,
            tries=generation.tries + 1,
        )
        await message.change(status=MessageStatus.STREAMING, outcome=None)
        await answer_started(tx, message, worker)
        found.append(_lease(generation))
    return found


@verb
async def finish_generation(
    tx: Transaction, lease: Lease, answer: Answer, call: ModelCall | None = None
) -> bool:
    """Keep a whole answer, whose last call of the model was `call`; all its windows are stored.

    False when it was no longer wanted.
    """
    message, generation = await hold(tx, lease.message_id)
    if not stands(generation, lease):
        await count_lost_call(tx, message, generation, lease.epoch, call)
        return False
    if call is not None:
        await count_kept_call(tx, message, generation, lease.epoch, call)
    await complete_answer(tx, message, answer)
    return True


@verb
async def give_up_generation(
    tx: Transaction, lease: Lease, failure: Failure, call: ModelCall | None = None
) -> bool:
    """End a try that went wrong: wait for the next one, or fail for good after the last.

    `call` is the one of the model that failed, if it had begun.
    """
    message, generation = await _hold_in_tree(tx, lease.message_id)
    await count_lost_call(tx, message, generation, lease.epoch, call)
    if not stands(generation, lease):
        return False
    if _wait(generation, failure) is None:
        # Who has read a kept step has it; else a key of theirs that is refused would make it free.
        await charge_failed(tx, message, call if failure.ours else None)
    await _try_again_or_fail(tx, message, generation, failure)
    return True


@verb
async def hand_back_generation(tx: Transaction, lease: Lease) -> bool:
    """Give an unfinished answer to another worker at once; the try does not count."""
    message, generation = await hold(tx, lease.message_id)
    if not stands(generation, lease):
        return False
    await count_broken_off(tx, message, generation)
    await generation.change(tries=generation.tries - 1)
    await wait_for_another_try(tx, message, generation, timedelta())
    return True


@verb
async def count_unwanted_call(tx: Transaction, lease: Lease, call: ModelCall) -> None:
    """Note a call of the model that was over when nobody wanted its answer any more."""
    message, generation = await hold(tx, lease.message_id)
    await count_lost_call(tx, message, generation, lease.epoch, call)


@verb
async def reap_generations(tx: Transaction, limit: int = 50) -> int:
    """Take the answers of dead workers from them. Returns how many there were."""
    dead = "state = 'RUNNING' AND lease_until < $1 ORDER BY lease_until LIMIT $2"
    found = await tx.find(Generation, dead, tx.now, limit)
    count = 0
    for message_id in sorted(generation.message_id for generation in found):
        message, generation = await _hold_in_tree(tx, message_id)
        if generation.lease_until and generation.lease_until < tx.now:
            await count_broken_off(tx, message, generation)
            died = Failure(FAILED_TEXT, retry_in=timedelta())
            await _try_again_or_fail(tx, message, generation, died)
            count += 1
    return count


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


async def hold(tx: Transaction, message_id: str) -> tuple[Message, Generation]:
    """Lock an answer, and then the work of writing it."""
    message = await tx.lock(Message, message_id)
    if message is None:
        raise RuntimeError("a generation outlived its message")
    generation = await generation_of(tx, message)
    if generation is None:
        raise RuntimeError("a message lost its generation")
    return message, generation


async def _hold_in_tree(tx: Transaction, message_id: str) -> tuple[Message, Generation]:
    """The same for an answer that may give way: whoever turns branches holds the conversation."""
    await tx.find(Conversation, _OF_MESSAGE, message_id, lock=True)
    return await hold(tx, message_id)


def _lease(generation: Generation) -> Lease:
    return Lease(
        generation.id,
        generation.message_id,
        generation.user_id,
        generation.model,
        generation.epoch,
        generation.tries,
        generation.own_key,
    )


def stands(generation: Generation, lease: Lease) -> bool:
    """Whether a lease still gives the right to write."""
    return generation.state is GenerationState.RUNNING and generation.epoch == lease.epoch


async def _try_again_or_fail(
    tx: Transaction, message: Message, generation: Generation, failure: Failure
) -> None:
    wait = _wait(generation, failure)
    if wait is None:
        await fail_answer(tx, message, failure.text, failure.code)
    else:
        await wait_for_another_try(tx, message, generation, wait)


def _wait(generation: Generation, failure: Failure) -> timedelta | None:
    """How long until the next try; None after the last."""
    return failure.retry_in if generation.tries < TRIES else None
