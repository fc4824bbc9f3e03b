"""Conversations in the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.accounts.orgs import org_id_of
from graphql_schema.core.connection import Connection
from graphql_schema.core.enums import describe
from graphql_schema.core.fields import one, page
from graphql_schema.core.mutations import acting, given, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.chat import conversations, moving
from models.chat.conversations import ConversationStatus
from models.permissions import Permission

if TYPE_CHECKING:
    from graphql_schema.accounts.orgs import Org
    from graphql_schema.chat.messages import Message
    from graphql_schema.chat.projects import Project

describe(
    ConversationStatus,
    "Whether a conversation is in use or put away.",
    ACTIVE="In use.",
    ARCHIVED="Put away.",
)


@record_type(conversations.Conversation)
class Conversation(Node):
    project_id: strawberry.ID | None
    main: bool
    title: str | None
    model: str | None
    system_prompt: str | None
    status: ConversationStatus
    last_message_at: datetime | None
    created_at: datetime
    updated_at: datetime
    org_id: strawberry.ID | None = org_id_of
    org: Org | None = one("owner_id", "The organisation it belongs to; null for a user's own.")
    project: Project | None = one("project_id", "The project it lies in.")
    messages: Connection[Message] = page(
        "conversation_id",
        "The selected branch, oldest first.",
        order="order_id",
        where="t.on_branch",
    )


@strawberry.input(description="Where a conversation is to go, with all in it.")
class MoveConversationInput:
    id: strawberry.ID = given("Which one; it leaves its folder.")
    org_id: strawberry.ID | None = given(
        "The organisation; left out, the conversation becomes the viewer's.", default=None
    )


@strawberry.type(description="The conversation at its new owner.")
class MoveConversationPayload:
    conversation: Conversation = strawberry.field(description="The conversation.")


@strawberry.type
class Mutation:
    @mutation(
        "Give a conversation to an organisation, or take it back; WRITE is needed where it goes.",
        needs=Permission.MOVE,
    )
    async def move_conversation(
        self, info: strawberry.Info, input: MoveConversationInput
    ) -> MoveConversationPayload:
        row: Any = await moving.move_conversation(acting(info, input), input.id, input.org_id)
        return MoveConversationPayload(conversation=row)
