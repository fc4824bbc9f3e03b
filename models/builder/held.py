"""Held runs: an import brings them unfinished, and nobody carries them out until released.

What is released is a gift of the operator's: it is not admitted, and costs no credits.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from models.builder.agent_runs import AgentRun, AgentRunStatus
from models.chat import branches
from models.chat.answers import unfinished
from models.chat.choosing import answerer, usable_model
from models.chat.conversations import Conversation
from models.chat.messages import Message, MessageRole
from models.chat.projects import Project
from models.chat.sending import RunSource, new_generation, new_reply
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

BATCH = 50

_HELD = f"""\
held_at IS NOT NULL AND status IN ('PENDING', 'RUNNING') AND id > $1
AND ($2::text IS NULL OR project_id = $2) AND ($3::text IS NULL OR owner_id = $3)
ORDER BY id LIMIT {BATCH}"""


class Release(StrEnum):
    """What became of a held run."""

    CLAIMABLE = "CLAIMABLE"
    QUEUED = "QUEUED"
    WAITING = "WAITING"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Which:
    """The held runs to release: all, or those of a project or an owner."""

    project_id: str | None = None
    owner_id: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of one batch of runs; `last` is the id of its last one, None after the end."""

    last: str | None
    became: Counter[Release] = field(default_factory=Counter[Release])


@verb
async def release_runs(tx: Transaction, which: Which, after: str = "") -> Batch:
    """Release the next held runs whose ids come after `after`.

    A run of a browser can be claimed from now on. One of the server gets its answer queued, unless
    its project is deleted, or another answer is being written there: it then stays held.
    """
    runs = await tx.find(AgentRun, _HELD, after, which.project_id, which.owner_id, lock=True)
    batch = Batch(runs[-1].id if runs else None)
    for run in runs:
        batch.became[await _release(tx, run)] += 1
    return batch


async def _release(tx: Transaction, run: AgentRun) -> Release:
    project = await tx.lock(Project, run.project_id)
    if project is None or project.deleted_at is not None:
        return Release.DELETED
    if run.run_source is RunSource.WEBCONTAINER:
        await _let_go(run, None)
        return Release.CLAIMABLE
    (conversation,) = await tx.find(Conversation, "project_id = $1 AND main", project.id, lock=True)
    tail = await branches.tail_of(tx, conversation.id)
    if await unfinished(tx, conversation.id):
        return Release.WAITING
    await _let_go(run, await _queue(tx, run, project, conversation, tail))
    return Release.QUEUED


async def _queue(
    tx: Transaction,
    run: AgentRun,
    project: Project,
    conversation: Conversation,
    tail: Message | None,
) -> Message:
    """Have the server's workers answer a run: what a user asked last, else what the run says."""
    chosen = answerer(await usable_model(tx, run.model))
    if tail is None or tail.role is not MessageRole.USER:
        asked = Message(role=MessageRole.USER, user_id=project.user_id, content=run.value)
        (tail,) = await branches.append(tx, conversation, tail, asked)
    (reply,) = await branches.append(tx, conversation, tail, new_reply(chosen))
    await tx.add(new_generation(reply, chosen, project.user_id))
    return reply


async def _let_go(run: AgentRun, reply: Message | None) -> None:
    """Make a run as new. A message that an import ended is left alone: it is complete."""
    await run.change(
        held_at=None,
        status=AgentRunStatus.PENDING,
        claimed_by=None,
        lease_until=None,
        message_id=reply.id if reply else None,
    )
