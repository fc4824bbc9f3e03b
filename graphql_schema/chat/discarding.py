"""Discarding conversations and messages, in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.mutations import acting, given, mutation
from models.chat import discarding

if TYPE_CHECKING:
    from graphql_schema.chat.conversations import Conversation


@strawberry.input(description="A conversation to delete.")
class DeleteConversationInput:
    id: strawberry.ID = given("Which one.")


@strawberry.input(description="A conversation to clear.")
class ClearConversationInput:
    id: strawberry.ID = given("Which one.")


@strawberry.input(description="A message to delete.")
class DeleteMessageInput:
    id: strawberry.ID = given("Which one; all that follows it goes too.")


@strawberry.type(description="What is gone.")
class DeleteConversationPayload:
    deleted_conversation_id: strawberry.ID = strawberry.field(description="The conversation's id.")


@strawberry.type(description="The empty conversation.")
class ClearConversationPayload:
    conversation: Conversation = strawberry.field(description="The conversation.")


@strawberry.type(description="What is gone.")
class DeleteMessagePayload:
    deleted_message_id: strawberry.ID = strawberry.field(description="The message's id.")


@strawberry.type
class Mutation:
    @mutation("Delete a conversation. It is hidden at once and emptied after 30 days.")
    async def delete_conversation(
        self, info: strawberry.Info, input: DeleteConversationInput
    ) -> DeleteConversationPayload:
        deleted = await discarding.delete_conversation(acting(info, input), input.id)
        return DeleteConversationPayload(deleted_conversation_id=strawberry.ID(deleted))

    @mutation("Delete all messages of a conversation, on all branches.")
    async def clear_conversation(
        self, info: strawberry.Info, input: ClearConversationInput
    ) -> ClearConversationPayload:
        row: Any = await discarding.clear_conversation(acting(info, input), input.id)
        return ClearConversationPayload(conversation=row)

    @mutation("Delete a message and all that follows it, on all branches.")
    async def delete_message(
        self, info: strawberry.Info, input: DeleteMessageInput
    ) -> DeleteMessagePayload:
        deleted = await discarding.delete_message(acting(info, input), input.id)
        return DeleteMessagePayload(deleted_message_id=strawberry.ID(deleted))
