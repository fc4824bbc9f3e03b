"""Versions of messages, in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.chat.attachments import AttachmentInput
from graphql_schema.chat.sending import DraftInput, SendMessagePayload, draft_of, told
from graphql_schema.core.mutations import acting, chosen, given, key_field, mutation, optional
from models.chat import versions

if TYPE_CHECKING:
    from graphql_schema.chat.messages import Message


@strawberry.input(description="Another version of a user's message.")
class EditMessageInput(DraftInput):
    id: strawberry.ID = given("The message that it is another version of, which stays.")
    attachments: list[AttachmentInput] | None = given(  # type: ignore[assignment]
        "Files and images, 20 at most; left out, those of the message.", default=None
    )
    supersede: bool = given("Stop an answer that is being written.", default=False)


@strawberry.input(description="An answer to be written anew.")
class RegenerateMessageInput:
    id: strawberry.ID = given("The answer, which stays.")
    model: str | None = optional("The model to answer; default: the one that did.")
    supersede: bool = given("Stop an answer that is being written.", default=False)
    idempotency_key: str | None = key_field()


@strawberry.input(description="A message to show instead of its siblings.")
class SelectBranchInput:
    id: strawberry.ID = given("The message; all that it follows is shown as well.")
    expected_id: strawberry.ID | None = given(
        "The sibling that you take to be shown now; CONFLICT when it is another.", default=None
    )


@strawberry.type(description="The message on the selected branch.")
class SelectBranchPayload:
    message: Message = strawberry.field(description="The message.")


@strawberry.type(description="The new version, and what answers it.")
class EditMessagePayload(SendMessagePayload):
    pass


@strawberry.type(description="The user's message, and its new answer.")
class RegenerateMessagePayload(SendMessagePayload):
    pass


@strawberry.type
class Mutation:
    @mutation("Send another version of a user's message, shown instead of it and answered anew.")
    async def edit_message(
        self, info: strawberry.Info, input: EditMessageInput
    ) -> EditMessagePayload:
        options = {"supersede": input.supersede, "attached": input.attachments is not None}
        what = acting(info, input), input.id, draft_of(input)
        return told(EditMessagePayload, await versions.edit_message(*what, **options))

    @mutation("Have an answer written anew; it gives way again if it ends without a word.")
    async def regenerate_message(
        self, info: strawberry.Info, input: RegenerateMessageInput
    ) -> RegenerateMessagePayload:
        options, actor = chosen(input, "model", "supersede"), acting(info, input)
        made = await versions.regenerate_message(actor, input.id, **options)
        return told(RegenerateMessagePayload, made)

    @mutation("Show a message, and what it follows, instead of their siblings.")
    async def select_branch(
        self, info: strawberry.Info, input: SelectBranchInput
    ) -> SelectBranchPayload:
        what = acting(info, input), input.id, input.expected_id
        row: Any = await versions.select_branch(*what)
        return SelectBranchPayload(message=row)
