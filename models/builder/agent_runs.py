"""Agent runs: what is asked of an agent in a project, and who carries it out.

A run of source INNGEST mirrors a generation of the server. One of source WEBCONTAINER waits for
a browser or an external worker to claim it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models import fields, ids
from models.access import PartOf
from models.accounts.user_keys import choose_model
from models.base import Record
from models.billing.admission import admit
from models.billing.credits import close_reservation
from models.chat.answers import fail_answer, stop_answer
from models.chat.messages import CONTENT_LIMIT, Message, MessageOutcome
from models.chat.projects import Framework, Project
from models.chat.sending import RunSource
from models.errors import Conflict, Invalid
from models.indexes import index
from models.ports import AdmissionRequest
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

LEASE = timedelta(minutes=5)
PATIENCE = timedelta(minutes=15)
CLAIMS = 3
UNCLAIMED = "Nobody took up this run in time."
LEFT = "The worker went away."


class AgentRunStatus(StrEnum):
    """How far a run is."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class ExecutionPhase(StrEnum):
    """How far any kind of execution is, whatever its own words for it are."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


def _browsers(status: str) -> str:
    """Which runs of browsers and external workers the reaper looks through."""
    mine = f"(status = '{status}'::text) AND (run_source = 'WEBCONTAINER'::text)"
    return f"({mine} AND (held_at IS NULL))"


_WAITING = "((status = 'PENDING'::text) AND (held_at IS NULL))"


class AgentRun(Record):
    """One piece of work for an agent."""

    prefix = "run"
    access = PartOf("project")
    indexes = (
        index("project_id", "status"),
        index("project_id", "created_at", "id"),
        index("project_id", "created_at", "id", where=_WAITING),
        index("status", "created_at"),
        index("message_id"),
        index("fragment_id"),
        index("lease_until", where=_browsers("RUNNING")),
        index("updated_at", where=_browsers("PENDING")),
    )

    owner_id: str = fields.key("Whose run it is.")
    project: Any = fields.reference("Project", "Id of its project.")
    project_id: str
    value: str = fields.text("What the agent is asked to do.", limit=CONTENT_LIMIT)
    model: str | None = fields.text("Id of the model to use.", limit=200, null=True)
    framework: Framework | None = fields.choice(
        Framework, "The framework to build with.", null=True
    )
    status: AgentRunStatus = fields.choice(
        AgentRunStatus, "How far it is.", default=AgentRunStatus.PENDING
    )
    run_source: RunSource = fields.choice(RunSource, "Who carries it out.")
    claimed_by: str | None = fields.key(
        "Who took it: a worker of the server, or a user's id and the name of their worker.",
        null=True,
    )
    message: Any = fields.reference("Message", "Id of the message that answers it.", null=True)
    message_id: str | None
    fragment: Any = fields.reference("Fragment", "Id of the fragment it made.", null=True)
    fragment_id: str | None
    error: str | None = fields.text("What went wrong, in neutral words.", limit=2_000, null=True)
    outcome: MessageOutcome | None = fields.choice(
        MessageOutcome, "How it ended; null until then.", null=True
    )
    completed_at: datetime | None = fields.moment("When it ended.", null=True)
    lease_until: datetime | None = fields.moment(
        "When the claim ends unless a heartbeat comes.", null=True
    )
    claims: int = fields.integer("How often it was claimed.", default=0)
    held_at: datetime | None = fields.moment(
        "When it was held back after an import; a held run is not carried out until released.",
        null=True,
    )

    class Meta:
        table = "agent_run"

    @property
    def phase(self) -> ExecutionPhase:
        """How far it is: a failed run whose outcome is CANCELED was called off."""
        if self.status is AgentRunStatus.FAILED and self.outcome is MessageOutcome.CANCELED:
            return ExecutionPhase.CANCELED
        return _PHASES[self.status]

    def refuse_held(self) -> None:
        """Nobody carries out a held run. Raises Conflict."""
        if self.held_at is not None:
            raise Conflict("The run is held until it is released.")

    def require_claimer(self, claimer: str) -> None:
        """Only whoever claimed a running run may go on with it. Raises Conflict."""
        self.refuse_held()
        if self.status is not AgentRunStatus.RUNNING or self.claimed_by != claimer:
            raise Conflict("The run is not yours to go on with.")

    @verb
    async def heartbeat(self, tx: Transaction, worker: str | None) -> AgentRun:
        """Keep the claim for another five minutes."""
        self.require_claimer(claimer_of(tx, worker))
        return await self.change(lease_until=tx.now + LEASE)

    @verb
    async def fail(self, tx: Transaction, worker: str | None, error: str) -> AgentRun:
        """The claimer could not do it."""
        self.require_claimer(claimer_of(tx, worker))
        return await fail_run(tx, self, error)

    @verb
    async def cancel(self, tx: Transaction) -> AgentRun:
        """Call off a run that has not ended. Raises Conflict for one that has."""
        if self.status not in (AgentRunStatus.PENDING, AgentRunStatus.RUNNING):
            raise Conflict("The run has ended already.")
        message = await tx.lock(Message, self.message_id) if self.message_id else None
        if message is not None:
            await stop_answer(tx, message)
        return await end_run(self, tx, AgentRunStatus.FAILED, MessageOutcome.CANCELED)


_PHASES = {
    AgentRunStatus.PENDING: ExecutionPhase.QUEUED,
    AgentRunStatus.RUNNING: ExecutionPhase.RUNNING,
    AgentRunStatus.COMPLETED: ExecutionPhase.SUCCEEDED,
    AgentRunStatus.FAILED: ExecutionPhase.FAILED,
}


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run just claimed, and the files its project has now."""

    agent_run: AgentRun
    base_files: dict[str, Any]


def claimer_of(tx: Transaction, worker: str | None) -> str:
    """How a claim is signed: the user's id, and after a slash the worker's own name, if any."""
    if worker is not None and (not worker.strip() or len(worker) > 100):
        raise Invalid("From 1 to 100 characters.", field="worker")
    return tx.actor.viewer.id if worker is None else f"{tx.actor.viewer.id}/{worker}"


@verb
async def enqueue_run(
    tx: Transaction,
    project_id: str,
    value: str,
    model: str | None = None,
    framework: Framework | None = None,
) -> AgentRun:
    """Ask for a run that a browser or an external worker will claim."""
    project = await tx.reach(Project, project_id, field="projectId")
    run_id, answers = ids.new_id(AgentRun.prefix), await choose_model(tx, model)
    await admit(tx, AdmissionRequest(project.owner_id, [answers], {run_id: answers}))
    return await tx.add(
        AgentRun(
            id=run_id,
            owner_id=project.owner_id,
            project_id=project.id,
            value=value,
            model=model,
            framework=framework or project.framework,
            run_source=RunSource.WEBCONTAINER,
        )
    )


async def fail_run(tx: Transaction, run: AgentRun, error: str) -> AgentRun:
    """End a locked run, and the message that waits for it, as failed."""
    message = await tx.lock(Message, run.message_id) if run.message_id else None
    if message is not None:
        await fail_answer(tx, message, error)
    return await end_run(run, tx, AgentRunStatus.FAILED, MessageOutcome.FAILED, error=error)


async def end_run(
    run: AgentRun, tx: Transaction, status: AgentRunStatus, outcome: MessageOutcome, **more: Any
) -> AgentRun:
    """Write the end of a locked run, and close what is held for one that had no message."""
    if run.run_source is RunSource.WEBCONTAINER:
        await close_reservation(tx, run.id, spent=outcome is MessageOutcome.SUCCEEDED)
    return await run.change(
        status=status, outcome=outcome, completed_at=tx.now, lease_until=None, **more
    )
