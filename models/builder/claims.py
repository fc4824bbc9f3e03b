"""Claiming and completing agent runs, and taking them from workers that went away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from models.builder.agent_runs import (
    CLAIMS,
    LEASE,
    LEFT,
    PATIENCE,
    UNCLAIMED,
    AgentRun,
    AgentRunStatus,
    Claimed,
    claimer_of,
    end_run,
    fail_run,
)
from models.builder.fragments import (
    PREVIEW_PLACEHOLDER,
    Fragment,
    FragmentBody,
    newest_files,
    put_fragment,
)
from models.chat import branches, messages
from models.chat.answers import Answer, complete_answer
from models.chat.conversations import Conversation
from models.chat.messages import Message, MessageOutcome, MessageRole, MessageStatus, MessageType
from models.chat.projects import Framework
from models.chat.sending import RunSource
from models.errors import Conflict, Invalid
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction


@verb
async def claim_run(tx: Transaction, run_id: str, worker: str | None = None) -> Claimed:
    """Take a waiting WEBCONTAINER run. Of several who try, one gets it; the others Conflict."""
    claimer = claimer_of(tx, worker)
    run = await tx.reach(AgentRun, run_id, field="id")
    if run.run_source is not RunSource.WEBCONTAINER:
        raise Conflict("The server's own workers carry out this run.")
    run.refuse_held()
    if run.status is not AgentRunStatus.PENDING:
        raise Conflict("The run is taken or has ended.")
    await run.change(
        status=AgentRunStatus.RUNNING,
        claimed_by=claimer,
        claims=run.claims + 1,
        lease_until=tx.now + LEASE,
    )
    message = await tx.lock(Message, run.message_id) if run.message_id else None
    if message is not None:
        await message.change(status=MessageStatus.STREAMING)
    return Claimed(run, await newest_files(tx, run.project_id))


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run made: a summary for the conversation and the files."""

    summary: str
    files: dict[str, Any]
    title: str | None = None
    framework: Framework | None = None
    sandbox_url: str | None = None
    message_type: MessageType = MessageType.RESULT
    metadata: Any = None


@dataclass(frozen=True, slots=True)
class Completed:
    """A completed run with its message and fragment."""

    agent_run: AgentRun
    message: Message
    fragment: Fragment


@verb
async def complete_run(
    tx: Transaction, run_id: str, worker: str | None, result: RunResult
) -> Completed:
    """Answer a run: message, fragment and run end in one transaction, by its claimer only."""
    run = await tx.reach(AgentRun, run_id, field="id")
    run.require_claimer(claimer_of(tx, worker))
    messages.refuse_empty(result.summary, "summary")
    message = await _answer(tx, run, result)
    metadata = _metadata(run, result)
    framework = result.framework or run.framework
    if framework is None:
        raise Invalid("Name the framework.", field="framework")
    body = FragmentBody(
        sandbox_url=PREVIEW_PLACEHOLDER if result.sandbox_url is None else result.sandbox_url,
        title=_title(result),
        files=result.files,
        framework=framework,
        metadata=metadata,
    )
    fragment = await put_fragment(tx, message, body)
    made = {"message_id": message.id, "fragment_id": fragment.id}
    await end_run(run, tx, AgentRunStatus.COMPLETED, MessageOutcome.SUCCEEDED, **made)
    return Completed(run, message, fragment)


def _title(result: RunResult) -> str:
    if result.title is not None:
        return result.title
    return result.summary.strip().splitlines()[0][:100]


def _metadata(run: AgentRun, result: RunResult) -> dict[str, Any]:
    given: Any = {} if result.metadata is None else result.metadata
    if not isinstance(given, dict):
        raise Invalid("Must be an object.", field="metadata")
    return {"source": run.run_source.value, "model": run.model, **cast("dict[str, Any]", given)}


async def _answer(tx: Transaction, run: AgentRun, result: RunResult) -> Message:
    answer = Answer([{"kind": "text", "text": result.summary}], "stop")
    message = await tx.lock(Message, run.message_id) if run.message_id else None
    if message is None:
        message = await _new_message(tx, run)
    await complete_answer(tx, message, answer)
    return await message.change(type=result.message_type)


async def _new_message(tx: Transaction, run: AgentRun) -> Message:
    main = "project_id = $1 AND main"
    (conversation,) = await tx.find(Conversation, main, run.project_id, lock=True)
    reply = Message(role=MessageRole.ASSISTANT, status=MessageStatus.STREAMING, model=run.model)
    tail = await branches.tail_of(tx, conversation.id)
    await branches.append(tx, conversation, tail, reply)
    return reply


@verb
async def reap_runs(tx: Transaction, limit: int = 50) -> int:
    """Give back runs whose claim ended, twice at most, and fail those that nobody claims."""
    mine = "run_source = 'WEBCONTAINER' AND held_at IS NULL"
    left = f"status = 'RUNNING' AND {mine} AND lease_until < $1 ORDER BY lease_until LIMIT $2"
    for run in await tx.find(AgentRun, left, tx.now, limit, lock=True):
        await _give_back(tx, run) if run.claims < CLAIMS else await fail_run(tx, run, LEFT)
    waiting = f"status = 'PENDING' AND {mine} AND updated_at < $1 ORDER BY updated_at LIMIT $2"
    unclaimed = await tx.find(AgentRun, waiting, tx.now - PATIENCE, limit, lock=True)
    for run in unclaimed:
        await fail_run(tx, run, UNCLAIMED)
    return len(unclaimed)


async def _give_back(tx: Transaction, run: AgentRun) -> None:
    await run.change(status=AgentRunStatus.PENDING, claimed_by=None, lease_until=None)
    message = await tx.lock(Message, run.message_id) if run.message_id else None
    if message is not None:
        await message.change(status=MessageStatus.PENDING)
