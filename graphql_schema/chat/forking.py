"""Forking, in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.mutations import acting, given, key_field, mutation
from models.chat import forking

if TYPE_CHECKING:
    from graphql_schema.chat.conversations import Conversation


@strawberry.input(description="Where to fork a conversation.")
class ForkConversationInput:
    message_id: strawberry.ID = given("The last message that both have.")
    idempotency_key: str | None = key_field()


@strawberry.type(description="The new conversation.")
class ForkConversationPayload:
    conversation: Conversation = strawberry.field(description="The conversation.")


@strawberry.type
class Mutation:
    @mutation("Make a conversation of copies of a message and all that it follows.")
    async def fork_conversation(
        self, info: strawberry.Info, input: ForkConversationInput
    ) -> ForkConversationPayload:
        made: Any = await forking.fork_conversation(acting(info, input), input.message_id)
        return ForkConversationPayload(conversation=made)
