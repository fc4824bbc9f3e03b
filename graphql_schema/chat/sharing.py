"""What a share link shows: types of their own, without a word of the owner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from graphql_schema.chat.attachments import attachment_url, thumbnail_url
from graphql_schema.chat.messages import content_parts, preview
from graphql_schema.chat.parts import MessagePart
from graphql_schema.chat.shared_hearing import hear_shared
from graphql_schema.core.computing import computed
from graphql_schema.core.connection import Connection
from graphql_schema.core.context import context_of
from graphql_schema.core.fields import many, one, page
from graphql_schema.core.mutations import acting, given, key_field, mutation
from graphql_schema.core.record_type import record_type
from models.chat import attachments, conversations, messages, share_links, sharing
from models.chat.attachments import AttachmentType
from models.chat.messages import MessageRole, MessageType

if TYPE_CHECKING:
    from graphql_schema.chat.conversations import Conversation

Token = Annotated[str, strawberry.argument(description="The token of a share link.")]


@record_type(attachments.Attachment, shared=True)
class SharedAttachment:
    """A file or an image of a shared message."""

    type: AttachmentType
    url: str = attachment_url
    thumbnail_url: str | None = thumbnail_url
    file_name: str | None
    file_type: str | None
    size: int
    width: int | None
    height: int | None


@record_type(messages.Message, shared=True)
class SharedMessage:
    """A message as a share link shows it."""

    id: strawberry.ID
    role: MessageRole
    type: MessageType
    content: str
    preview: str = preview
    content_parts: list[MessagePart] = content_parts
    model: str | None
    created_at: datetime
    attachments: list[SharedAttachment] = many(
        "message_id", "Its files and images, 20 at most.", order="created_at", known=True
    )


@record_type(conversations.Conversation, shared=True)
class SharedHeading:
    """What stands above a shared conversation."""

    title: str | None
    created_at: datetime


@computed("message_id", description="Whether it stays as it was up to a message.")
def _frozen(rows: Sequence[Any]) -> Sequence[bool]:
    return [row.message_id is not None for row in rows]


@record_type(share_links.ShareLink, shared=True)
class SharedConversation:
    """One branch of a conversation, as a share link shows it."""

    frozen: bool = _frozen
    expires_at: datetime | None
    heading: SharedHeading | None = one("conversation_id", "What stands above it.", known=True)
    messages: Connection[SharedMessage] = page(
        None, "Its messages, oldest first.", order="order_id", where=sharing.SHOWN, known=True
    )


@strawberry.type(description="A shared message that was added, changed or removed, or none.")
class SharedConversationChanged:
    node: SharedMessage | None = strawberry.field(description="The message as it is now.")
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id of a message that is not shown any more."
    )
    reset: bool = strawberry.field(
        description="True at the start, and when changes may have been missed: query the "
        "conversation now."
    )


@strawberry.input(description="What to fork of a shared conversation.")
class ForkSharedConversationInput:
    token: str = given("The token of the share link.")
    message_id: strawberry.ID | None = given(
        "The last message that both have; default: the last one that is shown.", default=None
    )
    idempotency_key: str | None = key_field()


@strawberry.type(description="The new conversation.")
class ForkSharedConversationPayload:
    conversation: Conversation = strawberry.field(description="The conversation.")


@strawberry.type
class Query:
    @strawberry.field(
        description="What a share link shows; null where there is none, it is over, or the viewer "
        "is not among those it lets in."
    )
    async def shared_conversation(
        self, info: strawberry.Info, token: Token
    ) -> SharedConversation | None:
        context = context_of(info)
        now = context.ports.clock.now()
        found: Any = await sharing.open_link(context.database, context.viewer, now, token)
        return found


@strawberry.type
class Mutation:
    @mutation("Make a conversation of one's own of copies of what a share link shows.")
    async def fork_shared_conversation(
        self, info: strawberry.Info, input: ForkSharedConversationInput
    ) -> ForkSharedConversationPayload:
        what = acting(info, input), input.token, input.message_id
        made: Any = await sharing.fork_shared_conversation(*what)
        return ForkSharedConversationPayload(conversation=made)


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="The messages that a share link shows, as they change; ends when the link does."
    )
    async def shared_conversation_changed(
        self, info: strawberry.Info, token: Token
    ) -> AsyncIterator[SharedConversationChanged]:
        async for event in hear_shared(context_of(info), token):
            yield event  # type: ignore[misc]
