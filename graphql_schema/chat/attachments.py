"""Attachments in the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.enums import describe
from graphql_schema.core.fields import one
from graphql_schema.core.mutations import acting, given, into, key_field, mutation, optional
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.chat import attachments
from models.chat.attachments import AttachmentType

if TYPE_CHECKING:
    from graphql_schema.builder.imports import Import
    from graphql_schema.chat.messages import Message

describe(
    AttachmentType,
    "What an attachment is.",
    IMAGE="An image.",
    FIGMA_FILE="A Figma file.",
    GITHUB_REPO="A GitHub repository.",
    FILE="Another file.",
)


@record_type(attachments.Attachment)
class Attachment(Node):
    message_id: strawberry.ID | None
    conversation_id: strawberry.ID
    user_id: strawberry.ID
    type: AttachmentType
    url: str
    file_name: str | None
    file_type: str | None
    size: int
    width: int | None
    height: int | None
    source_metadata: JSON | None
    import_id: strawberry.ID | None
    created_at: datetime
    updated_at: datetime
    message: Message | None = one("message_id", "The message it belongs to.")
    import_: Import | None = one("import_id", "The import it came with.", name="import")


@strawberry.input(description="A file or an image to attach.")
class AttachmentInput:
    url: str = given("Where it is, by http or https.")
    size: int = given("Its size in bytes.")
    type: AttachmentType = given("What it is.", default=AttachmentType.IMAGE)
    width: int | None = optional("Width in pixels.")
    height: int | None = optional("Height in pixels.")
    file_name: str | None = optional("Its file name.")
    file_type: str | None = optional("Its media type.")
    source_metadata: JSON | None = optional("What its source tells about it.")


@strawberry.input(description="An attachment for a message of a user.")
class AddAttachmentInput(AttachmentInput):
    message_id: strawberry.ID = given("The message to attach it to.")
    idempotency_key: str | None = key_field()


@strawberry.type(description="The new attachment.")
class AddAttachmentPayload:
    attachment: Attachment = strawberry.field(description="The attachment.")


@strawberry.type
class Mutation:
    @mutation("Attach a file or an image to a user's message.")
    async def add_attachment(
        self, info: strawberry.Info, input: AddAttachmentInput
    ) -> AddAttachmentPayload:
        new = into(attachments.NewAttachment, input)
        row: Any = await attachments.add_attachment(acting(info, input), input.message_id, new)
        return AddAttachmentPayload(attachment=row)
