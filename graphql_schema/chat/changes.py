"""Subscriptions of the chat: changed messages, and the text of one as it is written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from graphql_schema.chat.sending import MessageTarget
from graphql_schema.core.context import context_of
from graphql_schema.core.enums import describe
from graphql_schema.core.hearing import AfterCursor, Topic, hear, reach_root
from graphql_schema.core.mutations import into
from models.chat.conversations import Conversation
from models.chat.messages import Message as MessageRow
from models.chat.projects import Project
from models.chat.sending import Target
from models.permissions import Permission

if TYPE_CHECKING:
    from graphql_schema.chat.messages import Message


class PartKind(StrEnum):
    """What a part of an answer is."""

    TEXT = "text"
    REASONING = "reasoning"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"


describe(
    PartKind,
    "What a part of an answer is.",
    TEXT="Text for the reader.",
    REASONING="What the model thinks.",
    TOOL_CALL="A call of a tool, as JSON.",
    TOOL_RESULT="What a call gave, as JSON.",
)


@strawberry.type(description="A message that was added, changed or removed, or a bare cursor.")
class MessageChanged:
    node: Message | None = strawberry.field(description="The message as it is now.")
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id of a message that is gone."
    )
    cursor: str = strawberry.field(description="Where to go on after a break.")
    reset: bool = strawberry.field(
        description="True when changes may have been missed: query the list again."
    )


@strawberry.type(description="The next piece of a message's text.")
class MessageStreamed:
    part: int = strawberry.field(description="The part it belongs to, from 0.")
    kind: PartKind = strawberry.field(description="What that part is.")
    text: str = strawberry.field(description="The text to append; may be empty.")
    cursor: str = strawberry.field(description="Where to go on after a break.")
    reset: bool = strawberry.field(
        description="True when all text so far is void, and this piece starts anew."
    )


async def _topic(info: strawberry.Info, of: MessageTarget) -> Topic:
    target, context = into(Target, of), context_of(info)
    if target.project_id is not None:
        root = await reach_root(context, Project, target.project_id, "of.projectId")
        return Topic(MessageRow, "project_id", root)
    id = target.conversation_id or ""
    root = await reach_root(context, Conversation, id, "of.conversationId")
    return Topic(MessageRow, "conversation_id", root)


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="The messages of a project or conversation, as they change."
    )
    async def message_changed(
        self,
        info: strawberry.Info,
        of: Annotated[MessageTarget, strawberry.argument(description="Whose messages.")],
        after: AfterCursor = None,
    ) -> AsyncIterator[MessageChanged]:
        topic = await _topic(info, of)
        async for event in hear(context_of(info), topic, after):
            yield event  # type: ignore[misc]

    @strawberry.subscription(
        description="The text of a message as it is written, from its start or after a cursor; "
        "ends when the message is complete.",
        metadata={"needs": Permission.READ},
    )
    async def message_streamed(
        self,
        info: strawberry.Info,
        message_id: Annotated[strawberry.ID, strawberry.argument(description="Which message.")],
        after: AfterCursor = None,
    ) -> AsyncIterator[MessageStreamed]:
        context = context_of(info)
        message: Any = await reach_root(context, MessageRow, message_id, "messageId")
        follow = context.ports.streams.follow
        async with follow(message.id, context.viewer, after, context.sink) as pieces:
            async for piece in pieces:
                yield piece  # type: ignore[misc]
