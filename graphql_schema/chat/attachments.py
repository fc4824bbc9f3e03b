"""Attachments in the API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.computing import issued
from graphql_schema.core.enums import describe
from graphql_schema.core.fields import one
from graphql_schema.core.mutations import acting, given, into, key_field, mutation, optional
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from graphql_schema.files.stored_files import LASTING
from models.chat import attachments
from models.chat.attachments import AttachmentType

if TYPE_CHECKING:
    from graphql_schema.builder.imports import Import
    from graphql_schema.chat.messages import Message
    from graphql_schema.core.context import Ports

describe(
    AttachmentType,
    "What an attachment is.",
    IMAGE="An image.",
    FIGMA_FILE="A Figma file.",
    GITHUB_REPO="A GitHub repository.",
    FILE="Another file.",
)


@issued(
    "stored_file_id",
    "url",
    description=f"Where it can be had: an address of others, or that of an upload. {LASTING}",
)
def attachment_url(rows: Sequence[attachments.Attachment], ports: Ports) -> list[str | None]:
    link = ports.files.download_url
    return [link(row.stored_file_id, "file") if row.stored_file_id else row.url for row in rows]


@issued(
    "stored_file_id",
    "type",
    description=f"Where a small picture of an uploaded image can be had. {LASTING}",
)
def thumbnail_url(rows: Sequence[attachments.Attachment], ports: Ports) -> list[str | None]:
    link, image = ports.files.download_url, AttachmentType.IMAGE
    return [
        link(row.stored_file_id, "thumbnail") if row.stored_file_id and row.type is image else None
        for row in rows
    ]


@record_type(attachments.Attachment)
class Attachment(Node):
    message_id: strawberry.ID | None
    conversation_id: strawberry.ID
    user_id: strawberry.ID
    type: AttachmentType
    stored_file_id: strawberry.ID | None
    url: str = attachment_url
    thumbnail_url: str | None = thumbnail_url
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


@strawberry.input(description="A file or an image to attach: an upload, or what is at a URL.")
class AttachmentInput:
    file_id: strawberry.ID | None = optional(
        "A complete upload of the viewer's, or of whom the message is; it says the rest itself."
    )
    url: str | None = optional("Or where it is, by http or https.")
    size: int | None = optional("Its size in bytes, which a URL needs.")
    type: AttachmentType = given("What it is, at a URL.", default=AttachmentType.IMAGE)
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
