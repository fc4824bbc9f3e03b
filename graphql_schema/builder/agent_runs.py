"""Agent runs in the API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from graphql_schema.core.computing import computed
from graphql_schema.core.connection import (
    After,
    Before,
    Connection,
    First,
    Last,
    Window,
    load_page,
)
from graphql_schema.core.context import context_of
from graphql_schema.core.enums import describe
from graphql_schema.core.fields import one
from graphql_schema.core.mutations import acting, chosen, given, key_field, mutation, optional
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.builder import agent_runs
from models.builder.agent_runs import AgentRunStatus, ExecutionPhase
from models.chat.messages import MessageOutcome
from models.chat.projects import Framework
from models.chat.sending import RunSource
from models.reading import Listing, Order

if TYPE_CHECKING:
    from graphql_schema.builder.fragments import Fragment
    from graphql_schema.chat.messages import Message
    from graphql_schema.chat.projects import Project

describe(
    AgentRunStatus,
    "How far a run is.",
    PENDING="Nobody has taken it yet.",
    RUNNING="Somebody is at it.",
    COMPLETED="It is done.",
    FAILED="It went wrong or was called off; the outcome says which.",
)
describe(
    ExecutionPhase,
    "How far an execution is, in the same words for every kind.",
    QUEUED="It waits to be taken up.",
    RUNNING="Somebody is at it.",
    SUCCEEDED="It has done what was asked.",
    FAILED="It went wrong.",
    CANCELED="It was called off.",
)


@computed("status", "outcome", description="How far it is, in the words of all executions.")
def _phase(runs: Sequence[agent_runs.AgentRun]) -> list[ExecutionPhase]:
    return [run.phase for run in runs]


@record_type(agent_runs.AgentRun)
class AgentRun(Node):
    project_id: strawberry.ID
    value: str
    model: str | None
    framework: Framework | None
    status: AgentRunStatus
    run_source: RunSource
    claimed_by: str | None
    message_id: strawberry.ID | None
    fragment_id: strawberry.ID | None
    error: str | None
    outcome: MessageOutcome | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    lease_until: datetime | None
    held_at: datetime | None
    project: Project | None = one("project_id", "Its project.")
    message: Message | None = one("message_id", "The message that answers it.")
    fragment: Fragment | None = one("fragment_id", "The fragment it made.")
    phase: ExecutionPhase = _phase


@strawberry.input(description="Work for an agent that a browser or an external worker runs.")
class EnqueueAgentRunInput:
    project_id: strawberry.ID = given("The project to work in.")
    value: str = given("What to do.")
    model: str | None = optional("The model to use.")
    framework: Framework | None = optional("The framework; default: the project's.")
    idempotency_key: str | None = key_field()


@strawberry.input(description="A run to keep alive.")
class HeartbeatAgentRunInput:
    id: strawberry.ID = given("Which one.")
    worker: str | None = given("The worker's name, as it was given at the claim.", default=None)


@strawberry.input(description="A run that went wrong.")
class FailAgentRunInput:
    id: strawberry.ID = given("Which one.")
    error: str = given("What went wrong, in words for the user.")
    worker: str | None = given("The worker's name, as it was given at the claim.", default=None)


@strawberry.input(description="A run to call off.")
class CancelAgentRunInput:
    id: strawberry.ID = given("Which one.")


@strawberry.type(description="The new run.")
class EnqueueAgentRunPayload:
    agent_run: AgentRun = strawberry.field(description="The run.")


@strawberry.type(description="The run with its claim prolonged.")
class HeartbeatAgentRunPayload:
    agent_run: AgentRun = strawberry.field(description="The run.")


@strawberry.type(description="The failed run.")
class FailAgentRunPayload:
    agent_run: AgentRun = strawberry.field(description="The run.")


@strawberry.type(description="The canceled run.")
class CancelAgentRunPayload:
    agent_run: AgentRun = strawberry.field(description="The run.")


WAITING = Listing(
    agent_runs.AgentRun,
    "project_id",
    Order("created_at"),
    0,
    where="t.status = 'PENDING' AND t.held_at IS NULL",
)


@strawberry.type
class Query:
    @strawberry.field(description="The runs of a project that nobody has taken, oldest first.")
    async def pending_agent_runs(
        self,
        info: strawberry.Info,
        project_id: Annotated[strawberry.ID, strawberry.argument(description="The project.")],
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[AgentRun]:
        context, window = context_of(info), Window(first, after, last, before)
        project = project_id if context.viewer.signed_in else None
        page: Any = await load_page(context, WAITING, project, window)
        return page


@strawberry.type
class Mutation:
    @mutation("Ask for a run that a browser or an external worker will claim.")
    async def enqueue_agent_run(
        self, info: strawberry.Info, input: EnqueueAgentRunInput
    ) -> EnqueueAgentRunPayload:
        values: Any = chosen(input, "project_id", "value", "model", "framework")
        row: Any = await agent_runs.enqueue_run(acting(info, input), **values)
        return EnqueueAgentRunPayload(agent_run=row)

    @mutation("Keep a claimed run for another five minutes.")
    async def heartbeat_agent_run(
        self, info: strawberry.Info, input: HeartbeatAgentRunInput
    ) -> HeartbeatAgentRunPayload:
        actor = acting(info, input)
        row: Any = await agent_runs.AgentRun.heartbeat(actor, input.id, input.worker)
        return HeartbeatAgentRunPayload(agent_run=row)

    @mutation("Say that a claimed run went wrong.")
    async def fail_agent_run(
        self, info: strawberry.Info, input: FailAgentRunInput
    ) -> FailAgentRunPayload:
        actor = acting(info, input)
        row: Any = await agent_runs.AgentRun.fail(actor, input.id, input.worker, input.error)
        return FailAgentRunPayload(agent_run=row)

    @mutation("Call off a run that has not ended.")
    async def cancel_agent_run(
        self, info: strawberry.Info, input: CancelAgentRunInput
    ) -> CancelAgentRunPayload:
        row: Any = await agent_runs.AgentRun.cancel(acting(info, input), input.id)
        return CancelAgentRunPayload(agent_run=row)
