"""Conversations in the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from graphql_schema.core.connection import Connection
from graphql_schema.core.enums import describe
from graphql_schema.core.fields import one, page
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.chat import conversations
from models.chat.conversations import ConversationStatus

if TYPE_CHECKING:
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
    project: Project | None = one("project_id", "The project it lies in.")
    messages: Connection[Message] = page(
        "conversation_id",
        "The selected branch, oldest first.",
        order="order_id",
        where="t.on_branch",
    )
