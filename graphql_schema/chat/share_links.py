"""Share links in the API, for those whose conversations they show."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.enums import describe
from graphql_schema.core.fields import one
from graphql_schema.core.mutations import acting, given, into, key_field, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.chat import share_links
from models.chat.share_links import ShareMode

if TYPE_CHECKING:
    from graphql_schema.chat.conversations import Conversation

describe(
    ShareMode,
    "Whom a share link lets in.",
    PUBLIC="Everybody; the link is no secret, and its id is its token.",
    TOKEN="Whoever has the token.",  # noqa: S106 - a description
    SIGNED_IN="Whoever has the token and an account.",
    NAMED="Those of some addresses who have the token.",
)


@record_type(share_links.ShareLink)
class ShareLink(Node):
    conversation_id: strawberry.ID
    message_id: strawberry.ID | None
    user_id: strawberry.ID | None
    mode: ShareMode
    people: list[str]
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    conversation: Conversation | None = one("conversation_id", "The conversation.")


@strawberry.input(description="What to share, and with whom.")
class CreateShareLinkInput:
    conversation_id: strawberry.ID = given("The conversation.")
    mode: ShareMode = given("Whom to let in.")
    message_id: strawberry.ID | None = given(
        "The last message to show, with all that it follows; default: all that is on the selected "
        "branch, also later.",
        default=None,
    )
    people: list[str] = given(
        "The addresses of those to let in, for named people only; 50 at most.",
        default_factory=list[str],
    )
    expires_at: datetime | None = given("When it is to end; default: never.", default=None)
    idempotency_key: str | None = key_field()


@strawberry.input(description="A share link to end.")
class RevokeShareLinkInput:
    id: strawberry.ID = given("Which one.")


@strawberry.type(description="The new link; only a call repeated with its key shows it again.")
class CreateShareLinkPayload:
    share_link: ShareLink = strawberry.field(description="What is kept of it.")
    token: str = strawberry.field(description="What `sharedConversation` takes.")


@strawberry.type(description="What is gone.")
class RevokeShareLinkPayload:
    revoked_link_id: strawberry.ID = strawberry.field(description="The link's id.")


@strawberry.type
class Mutation:
    @mutation("Share a conversation, as it is up to a message or as it goes on.")
    async def create_share_link(
        self, info: strawberry.Info, input: CreateShareLinkInput
    ) -> CreateShareLinkPayload:
        new, once = into(share_links.NewShareLink, input), acting(info, input).once
        row: Any
        row, token = await share_links.create_share_link(context_of(info).desk(), new, once)
        return CreateShareLinkPayload(share_link=row, token=token)

    @mutation("End a share link at once; whoever reads by it is sent away.")
    async def revoke_share_link(
        self, info: strawberry.Info, input: RevokeShareLinkInput
    ) -> RevokeShareLinkPayload:
        gone = await share_links.revoke_share_link(acting(info, input), input.id)
        return RevokeShareLinkPayload(revoked_link_id=strawberry.ID(gone))
