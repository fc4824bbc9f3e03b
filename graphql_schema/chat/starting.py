"""Starting conversations, in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.chat.sending import DraftInput, draft_of, replies_field, told
from graphql_schema.core.mutations import acting, chosen, given, into, key_field, mutation, optional
from models.chat import starting

if TYPE_CHECKING:
    from graphql_schema.chat.conversations import Conversation
    from graphql_schema.chat.messages import Message


@strawberry.input(description="A new conversation without messages.")
class CreateConversationInput:
    title: str | None = optional("Its title; without one a model finds it later.")
    model: str | None = optional("The model to answer; default: the server's.")
    system_prompt: str | None = optional("Given to the model before the messages.")
    task: str | None = optional("What it is for.")
    project_id: strawberry.ID | None = optional("The folder to put it in.")
    org_id: strawberry.ID | None = given("Whose it is to be; default: the viewer's.", default=None)
    idempotency_key: str | None = key_field()


@strawberry.input(description="A new conversation and its first message.")
class StartConversationInput(DraftInput):
    title: str | None = optional("Its title; without one a model finds it later.")
    system_prompt: str | None = optional("Given to the model before the messages.")
    task: str | None = optional("What it is for.")
    project_id: strawberry.ID | None = optional("The folder to put it in.")
    org_id: strawberry.ID | None = given("Whose it is to be; default: the viewer's.", default=None)


@strawberry.type(description="The new conversation.")
class CreateConversationPayload:
    conversation: Conversation = strawberry.field(description="The conversation.")


@strawberry.type(description="The new conversation, its first message and what answers it.")
class StartConversationPayload:
    conversation: Conversation = strawberry.field(description="The conversation.")
    message: Message = strawberry.field(description="The user's message.")
    reply: Message = strawberry.field(description="The answer that is shown, PENDING at first.")
    replies: list[Message] = replies_field()


def _new(given_input: StartConversationInput) -> starting.NewConversation:
    """The conversation goes on with the model that it was started with, if that is one."""
    names = ("title", "model", "system_prompt", "task", "project_id", "org_id")
    return starting.NewConversation(**chosen(given_input, *names))


@strawberry.type
class Mutation:
    @mutation("Make a conversation without messages.")
    async def create_conversation(
        self, info: strawberry.Info, input: CreateConversationInput
    ) -> CreateConversationPayload:
        new = into(starting.NewConversation, input)
        made: Any = await starting.create_conversation(acting(info, input), new)
        return CreateConversationPayload(conversation=made)

    @mutation("Make a conversation with its first message, and have that answered.")
    async def start_conversation(
        self, info: strawberry.Info, input: StartConversationInput
    ) -> StartConversationPayload:
        what = _new(input), draft_of(input)
        made: Any = await starting.start_conversation(acting(info, input), *what)
        return told(StartConversationPayload, made)
