"""Sending messages, in the API."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

import strawberry

from graphql_schema.chat.attachments import AttachmentInput
from graphql_schema.core.context import context_of
from graphql_schema.core.enums import describe
from graphql_schema.core.mutations import (
    acting,
    chosen,
    given,
    into,
    key_field,
    mutation,
    optional,
)
from models.builder.agent_runs import AgentRun as AgentRunRow
from models.chat import sending
from models.chat.attachments import NewAttachment
from models.chat.projects import Framework
from models.chat.sending import RunSource
from models.reading import Lookup

if TYPE_CHECKING:
    from graphql_schema.builder.agent_runs import AgentRun
    from graphql_schema.chat.messages import Message
    from graphql_schema.chat.projects import Project

PayloadT = TypeVar("PayloadT")

describe(
    RunSource,
    "Who writes the answer.",
    name="AgentRunSource",
    WEBCONTAINER="A browser or an external worker that claims the run.",
    INNGEST="The server's own workers.",
)


@strawberry.input(description="Where a message goes or is heard of.", one_of=True)
class MessageTarget:
    project_id: strawberry.ID | None = optional("The main conversation of this app project.")
    conversation_id: strawberry.ID | None = optional("This conversation.")


@strawberry.input(description="What every new message for a model has.")
class DraftInput:
    content: str = given("The text.")
    model: str | None = optional("The model to answer; default: the conversation's.")
    models: list[str] = given(
        "Several models instead, 5 at most, each of which answers side by side with the others.",
        default_factory=list,
    )
    attachments: list[AttachmentInput] = given(
        "Files and images, 20 at most.", default_factory=list
    )
    run_source: RunSource = given("Who writes the answer.", default=RunSource.INNGEST)
    client_message_id: str | None = optional("Your own id for the message, kept with it.")
    idempotency_key: str | None = key_field()


@strawberry.input(description="A message to send and have answered.")
class SendMessageInput(DraftInput):
    to: MessageTarget = given("Where it goes.")
    supersede: bool = given("Stop an answer that is being written.", default=False)


@strawberry.input(description="A new project and its first message.")
class CreateProjectWithMessageInput(DraftInput):
    framework: Framework = given("The framework of the app.", default=Framework.NEXTJS)
    org_id: strawberry.ID | None = given("Whose it is to be; default: the viewer's.", default=None)


@strawberry.input(description="A message of the user's that nothing answers.")
class CreateMessageInput:
    to: MessageTarget = given("Where it goes.")
    content: str = given("The text.")
    client_message_id: str | None = optional("Your own id for the message, kept with it.")
    idempotency_key: str | None = key_field()


@strawberry.input(description="An answer to stop.")
class StopMessageInput:
    id: strawberry.ID = given("The message that is being written.")


def replies_field() -> Any:
    """All answers to what was sent, which usually is one."""
    return strawberry.field(
        description="The answer of each model, the one that is shown first.", metadata={"rows": 1}
    )


async def _run_of(info: strawberry.Info, reply: Any) -> Any:
    query = Lookup(AgentRunRow, "message_id")
    return await context_of(info).loaders.row(query, reply.id)


@strawberry.type(description="What was sent, and what answers it.")
class SendMessagePayload:
    message: Message = strawberry.field(description="The user's message.")
    reply: Message = strawberry.field(description="The answer that is shown, PENDING at first.")
    replies: list[Message] = replies_field()

    @strawberry.field(description="The run that writes the answer, in an app project.")
    async def agent_run(self, info: strawberry.Info) -> AgentRun | None:
        return await _run_of(info, self.reply)


@strawberry.type(description="The new project, its first message and what answers it.")
class CreateProjectWithMessagePayload(SendMessagePayload):
    project: Project = strawberry.field(description="The project, with a made-up name.")


@strawberry.type(description="The new message.")
class CreateMessagePayload:
    message: Message = strawberry.field(description="The message.")


@strawberry.type(description="The stopped message.")
class StopMessagePayload:
    message: Message = strawberry.field(description="The message with the text it has.")


def draft_of(given_input: DraftInput) -> sending.Draft:
    """What an input gives of a message to send."""
    names = ("content", "model", "models", "run_source", "client_message_id")
    attachments = [into(NewAttachment, one) for one in given_input.attachments or ()]
    return sending.Draft(**chosen(given_input, *names), attachments=attachments)


def told(payload: type[PayloadT], made: Any) -> PayloadT:
    """A payload whose fields are called as those of what was made."""
    return payload(**{field.name: getattr(made, field.name) for field in dataclasses.fields(made)})


@strawberry.type
class Mutation:
    @mutation("Send a message and have it answered; stream the answer with `messageStreamed`.")
    async def send_message(
        self, info: strawberry.Info, input: SendMessageInput
    ) -> SendMessagePayload:
        to, draft = into(sending.Target, input.to), draft_of(input)
        actor = acting(info, input)
        sent: Any = await sending.send_message(actor, to, draft, supersede=input.supersede)
        return told(SendMessagePayload, sent)

    @mutation("Make a project with a made-up name and send its first message.")
    async def create_project_with_message(
        self, info: strawberry.Info, input: CreateProjectWithMessageInput
    ) -> CreateProjectWithMessagePayload:
        what = input.framework, draft_of(input), input.org_id
        made: Any = await sending.create_project_with_message(acting(info, input), *what)
        return told(CreateProjectWithMessagePayload, made)

    @mutation("Add a message of the user's that nothing answers.")
    async def create_message(
        self, info: strawberry.Info, input: CreateMessageInput
    ) -> CreateMessagePayload:
        to, actor = into(sending.Target, input.to), acting(info, input)
        own_id = chosen(input, "client_message_id")
        row: Any = await sending.create_message(actor, to, input.content, **own_id)
        return CreateMessagePayload(message=row)

    @mutation("Stop the writing of an answer and keep the text it has.")
    async def stop_message(
        self, info: strawberry.Info, input: StopMessageInput
    ) -> StopMessagePayload:
        row: Any = await sending.stop_message(acting(info, input), input.id)
        return StopMessagePayload(message=row)
