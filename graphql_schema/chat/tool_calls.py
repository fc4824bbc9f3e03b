"""Tool calls in the API, and the decisions on them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.enums import describe
from graphql_schema.core.fields import one
from graphql_schema.core.mutations import acting, given, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.chat import tool_calls, tool_steps
from models.chat.tool_calls import ToolCallState

if TYPE_CHECKING:
    from graphql_schema.chat.messages import Message

describe(
    ToolCallState,
    "What became of a tool call.",
    AWAITING_APPROVAL="Somebody is to approve or deny it.",
    READY="It is being made, or is to be.",
    DENIED="It was not made: somebody denied it, or nobody decided in time.",
    SUCCEEDED="It gave a result.",
    FAILED="It failed; the result says why.",
    CANCELED="The answer ended before it did.",
)


@record_type(tool_calls.ToolCall)
class ToolCall(Node):
    message_id: strawberry.ID
    number: int
    step: int
    call_id: str
    name: str
    arguments: JSON | None
    state: ToolCallState
    expires_at: datetime | None
    decided_by_id: strawberry.ID | None
    decided_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    updated_at: datetime
    message: Message | None = one("message_id", "The message that it was made for.")


@strawberry.input(description="A call to approve.")
class ApproveToolCallInput:
    id: strawberry.ID = given("Which one.")


@strawberry.type(description="The approved call.")
class ApproveToolCallPayload:
    tool_call: ToolCall = strawberry.field(description="The call.")


@strawberry.input(description="A call to deny.")
class DenyToolCallInput:
    id: strawberry.ID = given("Which one.")


@strawberry.type(description="The denied call.")
class DenyToolCallPayload:
    tool_call: ToolCall = strawberry.field(description="The call.")


@strawberry.type
class Mutation:
    @mutation(
        "Have a tool call made that waits for approval. Only who asked for the answer may; the "
        "first decision holds."
    )
    async def approve_tool_call(
        self, info: strawberry.Info, input: ApproveToolCallInput
    ) -> ApproveToolCallPayload:
        row: Any = await tool_steps.approve_tool_call(acting(info, input), input.id)
        return ApproveToolCallPayload(tool_call=row)

    @mutation("Have a tool call not made that waits for approval; the model is told.")
    async def deny_tool_call(
        self, info: strawberry.Info, input: DenyToolCallInput
    ) -> DenyToolCallPayload:
        row: Any = await tool_steps.deny_tool_call(acting(info, input), input.id)
        return DenyToolCallPayload(tool_call=row)
