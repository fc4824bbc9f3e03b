"""Claiming and completing agent runs, in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.mutations import acting, given, into, key_field, mutation, optional
from graphql_schema.core.scalars import JSON
from models.builder import claims
from models.chat.messages import MessageType
from models.chat.projects import Framework

if TYPE_CHECKING:
    from graphql_schema.builder.agent_runs import AgentRun
    from graphql_schema.builder.fragments import Fragment
    from graphql_schema.chat.messages import Message


@strawberry.input(description="A run to take.")
class ClaimAgentRunInput:
    id: strawberry.ID = given("Which one.")
    worker: str | None = given("A name for the worker, to tell yours apart.", default=None)


@strawberry.input(description="What a run made.")
class CompleteAgentRunInput:
    id: strawberry.ID = given("Which one.")
    summary: str = given("What to say in the conversation.")
    files: JSON = given("The files: an object of path and text.")
    worker: str | None = given("The worker's name, as it was given at the claim.", default=None)
    title: str | None = optional("The fragment's title; default: the summary's first line.")
    framework: Framework | None = optional("The framework; default: the run's.")
    sandbox_url: str | None = optional("Where the preview runs.")
    message_type: MessageType = given("What the message is.", default=MessageType.RESULT)
    metadata: JSON | None = optional("An object, merged into the fragment's metadata.")
    idempotency_key: str | None = key_field()


@strawberry.type(description="The run, now yours, and what to start from.")
class ClaimAgentRunPayload:
    agent_run: AgentRun = strawberry.field(description="The run.")
    base_files: JSON = strawberry.field(
        description="The files of the newest fragment within the last 25 messages."
    )


@strawberry.type(description="The run with the message and the fragment it made.")
class CompleteAgentRunPayload:
    agent_run: AgentRun = strawberry.field(description="The run.")
    message: Message = strawberry.field(description="The message.")
    fragment: Fragment = strawberry.field(description="The fragment.")


@strawberry.type
class Mutation:
    @mutation("Take a waiting run of source WEBCONTAINER; of several who try, one gets it.")
    async def claim_agent_run(
        self, info: strawberry.Info, input: ClaimAgentRunInput
    ) -> ClaimAgentRunPayload:
        found: Any = await claims.claim_run(acting(info, input), input.id, input.worker)
        return ClaimAgentRunPayload(agent_run=found.agent_run, base_files=found.base_files)

    @mutation("Answer a claimed run: message, fragment and run end together.")
    async def complete_agent_run(
        self, info: strawberry.Info, input: CompleteAgentRunInput
    ) -> CompleteAgentRunPayload:
        result = into(claims.RunResult, input)
        done: Any = await claims.complete_run(acting(info, input), input.id, input.worker, result)
        return CompleteAgentRunPayload(
            agent_run=done.agent_run, message=done.message, fragment=done.fragment
        )
