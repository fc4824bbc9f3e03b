"""The steps of an answer that calls tools: kept as they are made, and held while a person decides.

What a model said before a call is kept with it, so a try that goes wrong, a worker that dies and a
pause of a day lose no step: the next one begins where the last step was kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from models.chat.answers import text_of
from models.chat.generations import Generation, GenerationState, generation_of
from models.chat.leases import Lease, hold, stands
from models.chat.messages import Message, MessageOutcome, MessageStatus, reach_in_tree
from models.chat.metering import count_kept_call
from models.chat.tool_calls import ToolCall, ToolCallState
from models.errors import Conflict, Forbidden, NotFound
from models.verbs import verb

if TYPE_CHECKING:
    from models.billing.usage_events import ModelCall
    from models.chat.transcripts import Asked
    from models.ports import Database
    from models.transaction import Transaction

EXPIRES = timedelta(hours=24)
# IS TRUE, or it would be looked for among everybody's.
_WAITING = "message_id = $1 AND (state = 'AWAITING_APPROVAL') IS TRUE"


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call whose result is not kept yet."""

    id: str
    owner_id: str
    call_id: str
    name: str
    arguments: Mapping[str, Any] | None
    denied: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """The kept steps of an answer: its parts, and the tokens used for them.

    `steps` is how often the model was asked, `calls` how many calls it made in all.
    """

    parts: Sequence[dict[str, str]] = ()
    usage: Mapping[str, Any] = field(default_factory=dict[str, Any])
    steps: int = 0
    calls: int = 0
    open: Sequence[OpenCall] = ()


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call to keep, and whether a person is asked first."""

    asked: Asked
    needs_approval: bool


_PROGRESS = """\
SELECT m.parts, m.usage, c.steps, c.calls, c.open FROM message m
CROSS JOIN LATERAL (
    SELECT coalesce(max(step) + 1, 0) AS steps, count(*) AS calls, jsonb_agg(
        jsonb_build_array(id, owner_id, call_id, name, arguments, state = 'DENIED')
        ORDER BY number) FILTER (WHERE ended_at IS NULL) AS open
    FROM tool_call WHERE message_id = m.id
) c WHERE m.id = $1"""


async def read_progress(database: Database, lease: Lease) -> Progress:
    """The steps that earlier tries of an answer have kept."""
    if lease.epoch == 1:
        return Progress()
    rows = await database.fetch(_PROGRESS, lease.message_id)
    if not rows:
        return Progress()
    row = rows[0]
    still_open = [OpenCall(*one) for one in row["open"] or ()]
    return Progress(row["parts"] or (), row["usage"] or {}, row["steps"], row["calls"], still_open)


@verb
async def keep_calls(
    tx: Transaction, lease: Lease, progress: Progress, new: Sequence[NewCall], call: ModelCall
) -> list[OpenCall] | None:
    """Keep a step, which `call` of the model brought, and the tool calls it ended with; all its
    windows are stored.

    Returns the calls to make now: none when a person is to decide first, which ends the lease.
    None when the answer is no longer wanted.
    """
    message, generation = await hold(tx, lease.message_id)
    if not stands(generation, lease):
        return None
    await count_kept_call(tx, message, generation, lease.epoch, call)
    await _keep(message, progress)
    waits = any(one.needs_approval for one in new)
    expires = tx.now + EXPIRES
    rows = [_row(message, progress, number, one, expires) for number, one in enumerate(new)]
    await tx.add_many(rows)
    if waits:
        await _pause(message, generation)
        return []
    return [_open(row) for row in rows]


@verb
async def keep_results(
    tx: Transaction, lease: Lease, progress: Progress, states: Mapping[str, ToolCallState]
) -> bool:
    """Keep what calls gave and what became of each, by its id. False when no longer wanted."""
    message, generation = await hold(tx, lease.message_id)
    if not stands(generation, lease):
        return False
    await _keep(message, progress)
    found = await tx.find(ToolCall, "id = ANY($1) ORDER BY id", list(states), lock=True)
    for call in found:
        await call.change(state=states[call.id], ended_at=tx.now)
    return True


@verb
async def approve_tool_call(tx: Transaction, call_id: str) -> ToolCall:
    """Have a call made in the viewer's name, who asked for the answer.

    Raises Forbidden to others, and Conflict when it was decided before, or is too old.
    """
    return await _decide(tx, call_id, ToolCallState.READY)


@verb
async def deny_tool_call(tx: Transaction, call_id: str) -> ToolCall:
    """Have a call not made, which the model is told; whoever may write may. Raises Conflict."""
    return await _decide(tx, call_id, ToolCallState.DENIED)


@verb
async def expire_tool_calls(tx: Transaction, limit: int = 50) -> int:
    """Deny calls that nobody decided in time. Returns how many there were."""
    late = "state = 'AWAITING_APPROVAL' AND expires_at <= $1 ORDER BY expires_at LIMIT $2"
    found = await tx.find(ToolCall, late, tx.now, limit)
    count = 0
    for message_id in sorted({call.message_id for call in found}):
        message = await tx.lock(Message, message_id)
        own = f"{_WAITING} AND expires_at <= $2"
        count += len(
            await tx.change_many(ToolCall, own, message_id, tx.now, state=ToolCallState.DENIED)
        )
        if message is not None:
            await _go_on(tx, message)
    return count


async def _decide(tx: Transaction, call_id: str, state: ToolCallState) -> ToolCall:
    seen = await tx.first(ToolCall, "id = $1", call_id)
    seen = seen or await tx.reach(ToolCall, call_id, field="id")
    _, message = await reach_in_tree(tx, seen.message_id, "id")
    if state is ToolCallState.READY:
        await _require_asker(tx, message)
    call = await tx.lock(ToolCall, call_id)
    if call is None:
        raise NotFound("There is no such thing, or it is not yours.", field="id")
    if call.state is not ToolCallState.AWAITING_APPROVAL:
        raise Conflict("It waits for nobody's decision.")
    if call.expires_at is not None and call.expires_at <= tx.now:
        raise Conflict("It is too late to decide.")
    await call.change(state=state, decided_by_id=tx.actor.viewer.id, decided_at=tx.now)
    await message.change(updated_at=tx.now)  # whoever follows the message is to look at its calls
    await _go_on(tx, message)
    return call


async def _require_asker(tx: Transaction, message: Message) -> None:
    """Tools act in the name of who asked for a locked answer. Raises Forbidden to others."""
    generation = await generation_of(tx, message)
    if generation is None or generation.user_id != tx.actor.viewer.id:
        raise Forbidden("Only who asked for the answer may approve its calls.", field="id")


async def _go_on(tx: Transaction, message: Message) -> None:
    """Let a worker take a locked answer again, once nothing waits for a decision."""
    if await tx.first(ToolCall, _WAITING, message.id) is not None:
        return
    generation = await generation_of(tx, message)
    if generation is not None and generation.state is GenerationState.AWAITING_APPROVAL:
        await generation.change(state=GenerationState.QUEUED, not_before=None)
        await message.change(outcome=None)


async def _keep(message: Message, progress: Progress) -> None:
    parts, usage = list(progress.parts), dict(progress.usage) or None
    await message.change(content=text_of(parts), parts=parts, usage=usage)


async def _pause(message: Message, generation: Generation) -> None:
    """End the lease until a person has decided; the tries before count no more."""
    awaiting = GenerationState.AWAITING_APPROVAL
    await generation.change(state=awaiting, worker=None, lease_until=None, tries=0)
    outcome = MessageOutcome.AWAITING_APPROVAL
    await message.change(status=MessageStatus.PENDING, outcome=outcome)


def _row(message: Message, progress: Progress, number: int, new: NewCall, expires: Any) -> ToolCall:
    waits = new.needs_approval
    return ToolCall(
        owner_id=message.owner_id,
        message_id=message.id,
        number=progress.calls + number,
        step=progress.steps,
        call_id=new.asked.call_id,
        name=new.asked.name,
        arguments=None if new.asked.arguments is None else dict(new.asked.arguments),
        state=ToolCallState.AWAITING_APPROVAL if waits else ToolCallState.READY,
        expires_at=expires if waits else None,
    )


def _open(row: ToolCall) -> OpenCall:
    denied = row.state is ToolCallState.DENIED
    return OpenCall(row.id, row.owner_id, row.call_id, row.name, row.arguments, denied)
