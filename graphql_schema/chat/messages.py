"""Messages in the API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.chat.parts import MessagePart
from graphql_schema.core.computing import computed
from graphql_schema.core.connection import SearchConnection
from graphql_schema.core.entries import pages_of_search, row_by_id
from graphql_schema.core.enums import describe
from graphql_schema.core.fields import many, one, one_by
from graphql_schema.core.mutations import acting, given, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.chat import messages, parts, versions
from models.chat.messages import (
    FAMILY,
    SEARCHED,
    MessageOutcome,
    MessageRole,
    MessageStatus,
    MessageType,
)
from models.providing import AnswerError
from models.reading import Listing, Order, Words

if TYPE_CHECKING:
    from graphql_schema.builder.fragments import Fragment
    from graphql_schema.chat.attachments import Attachment
    from graphql_schema.chat.conversations import Conversation
    from graphql_schema.chat.message_feedback import MessageFeedback
    from graphql_schema.chat.projects import Project
    from graphql_schema.chat.tool_calls import ToolCall

describe(
    MessageRole,
    "Who speaks in a message.",
    USER="A user.",
    ASSISTANT="A model.",
    SYSTEM="The product, to the model.",
    DATA="Data for the model.",
    TOOL="A tool that the model called.",
)
describe(
    MessageType,
    "What kind of content a message holds.",
    RESULT="What was asked for.",
    ERROR="What went wrong.",
    STREAMING="Text that is still growing.",
)
describe(
    MessageStatus,
    "How far a message is.",
    PENDING="Nobody writes it yet.",
    STREAMING="It is being written.",
    COMPLETE="It is whole.",
)
describe(
    MessageOutcome,
    "How the writing of an answer ended.",
    SUCCEEDED="It was written to its end.",
    FAILED="It could not be written.",
    CANCELED="Somebody stopped it.",
    AWAITING_APPROVAL="It waits for a tool call to be approved.",
)
describe(
    AnswerError,
    "What was wrong with an answer that its user can mend.",
    KEY_REFUSED="The provider did not accept the user's own key.",
    KEY_MISSING="The model needs a key of the user's own, and there is none that can be read.",
)


PREVIEW = 320
"""Characters of a preview."""


@computed(
    "content",
    "parts",
    description="Its parts in order, as far as they are of known kinds.",
    rows=2,
)
def content_parts(rows: Sequence[Any]) -> Sequence[list[parts.Part]]:
    """The parts of each message."""
    return [parts.parts_of(row.content, row.parts) for row in rows]


@computed("content", description=f"The beginning of its text, {PREVIEW} characters at most.")
def preview(rows: Sequence[Any]) -> Sequence[str]:
    """The beginning of each text."""
    return [row.content[:PREVIEW] for row in rows]


@record_type(messages.Message)
class Message(Node):
    conversation_id: strawberry.ID
    project_id: strawberry.ID | None
    user_id: strawberry.ID | None
    role: MessageRole
    type: MessageType
    status: MessageStatus
    outcome: MessageOutcome | None
    content: str
    preview: str = preview
    parts: JSON | None
    content_parts: list[MessagePart] = content_parts
    order_id: int
    message_group_id: str | None
    model: str | None
    provider: str | None
    parent_id: strawberry.ID | None
    regenerated_from_id: strawberry.ID | None
    branch_index: int
    selected: bool
    on_branch: bool
    client_message_id: str | None
    usage: JSON | None
    citations: JSON | None
    finish_reason: str | None
    error: str | None
    error_code: AnswerError | None
    created_at: datetime
    updated_at: datetime
    conversation: Conversation | None = one("conversation_id", "Its conversation.")
    project: Project | None = one("project_id", "The app project it belongs to.")
    fragment: Fragment | None = one_by("message_id", "The files it made.")
    attachments: list[Attachment] = many(
        "message_id", "Its files and images, 20 at most.", order="created_at"
    )
    tool_calls: list[ToolCall] = many(
        "message_id",
        "The calls of tools that it made, in their order; 100 at most.",
        order="number",
        rows=1,
    )
    parent: Message | None = one("parent_id", "The message it follows.")
    regenerated_from: Message | None = one(
        "regenerated_from_id", "The answer that it was written anew from."
    )
    ratings: list[MessageFeedback] = many(
        "message_id",
        "What users think of it, newest first; 100 at most.",
        order="-created_at",
        rows=1,
    )
    siblings: list[Message] = many(
        FAMILY,
        "The versions of it, itself among them, in the order they were made; 100 at most.",
        order="branch_index",
        rows=2,
        by=FAMILY,
    )


@strawberry.input(description="A new text for a message that nothing has answered yet.")
class UpdateMessageInput:
    id: strawberry.ID = given("Which one.")
    content: str = given("Its new text.")


@strawberry.type(description="The changed message.")
class UpdateMessagePayload:
    message: Message = strawberry.field(description="The message.")


FOUND = Listing(
    messages.Message,
    None,
    Order("created_at", descending=True),
    0,
    words=Words(f"left(t.content, {SEARCHED})"),
)


@strawberry.type
class Query:
    message: Message | None = row_by_id(
        messages.Message, "A message that the viewer reaches; null when there is none."
    )
    search_messages: SearchConnection[Message] = pages_of_search(
        FOUND,
        "One owner's messages that have some words, newest first, on all branches. Of a message "
        f"the first {SEARCHED:,} characters are searched.",
    )


@strawberry.type
class Mutation:
    @mutation("Correct a user's message that nothing has answered yet.")
    async def update_message(
        self, info: strawberry.Info, input: UpdateMessageInput
    ) -> UpdateMessagePayload:
        actor = acting(info, input)
        row: Any = await versions.update_message(actor, input.id, input.content)
        return UpdateMessagePayload(message=row)
