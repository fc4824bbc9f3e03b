"""Ratings of messages in the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.fields import one
from graphql_schema.core.mutations import acting, given, key_field, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.chat import message_feedback
from models.permissions import Permission

if TYPE_CHECKING:
    from graphql_schema.chat.messages import Message


@record_type(message_feedback.MessageFeedback)
class MessageFeedback(Node):
    message_id: strawberry.ID
    user_id: strawberry.ID
    rating: int
    comment: str | None
    created_at: datetime
    updated_at: datetime
    message: Message | None = one("message_id", "The message.")


@strawberry.input(description="What the viewer thinks of a message.")
class RateMessageInput:
    message_id: strawberry.ID = given("Which message.")
    rating: int = given("-1 for bad, 1 for good, 0 for neither.")
    comment: str | None = given("Why, at most 2,000 characters.", default=None)
    idempotency_key: str | None = key_field()


@strawberry.type(description="The viewer's rating.")
class RateMessagePayload:
    message_feedback: MessageFeedback = strawberry.field(description="The rating.")


@strawberry.type
class Mutation:
    @mutation("Rate a message, or rate it anew.", needs=Permission.READ)
    async def rate_message(
        self, info: strawberry.Info, input: RateMessageInput
    ) -> RateMessagePayload:
        what = input.message_id, input.rating, input.comment
        row: Any = await message_feedback.rate_message(acting(info, input), *what)
        return RateMessagePayload(message_feedback=row)
