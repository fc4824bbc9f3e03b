"""Conversations in the API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.accounts.orgs import org_id_of
from graphql_schema.core.computing import computed
from graphql_schema.core.connection import Connection, SearchConnection
from graphql_schema.core.entries import pages_of_owner, pages_of_search, row_by_id
from graphql_schema.core.enums import describe
from graphql_schema.core.fields import first, many, one, page
from graphql_schema.core.mutations import acting, chosen, given, mutation, optional
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.chat import conversations, moving
from models.chat.conversations import ConversationStatus, TitleSource
from models.permissions import Permission
from models.reading import Listing, Order, Words

if TYPE_CHECKING:
    from graphql_schema.accounts.orgs import Org
    from graphql_schema.chat.messages import Message
    from graphql_schema.chat.projects import Project
    from graphql_schema.chat.share_links import ShareLink

describe(
    ConversationStatus,
    "Whether a conversation is in use or put away.",
    ACTIVE="In use.",
    ARCHIVED="Put away.",
)


describe(
    TitleSource,
    "Who gave a conversation its title.",
    USER="A user, for good.",
    MODEL="A model, after the first answer.",
)

CHANGEABLE = ("title", "model", "system_prompt", "task", "pinned", "status", "project_id")
_LOOSE = "t.project_id IS NULL AND t.deleted_at IS NULL"


@computed("last_order_id", "last_read_order_id", description="Whether there is more to read.")
def _unread(rows: Sequence[Any]) -> Sequence[bool]:
    return [row.last_order_id > (row.last_read_order_id or 0) for row in rows]


@record_type(conversations.Conversation)
class Conversation(Node):
    user_id: strawberry.ID | None
    project_id: strawberry.ID | None
    main: bool
    title: str | None
    title_source: TitleSource | None
    model: str | None
    system_prompt: str | None
    task: str | None
    status: ConversationStatus
    public: bool
    pinned: bool
    pinned_at: datetime | None
    last_message_at: datetime | None
    last_order_id: int
    last_read_order_id: int | None
    unread: bool = _unread
    created_at: datetime
    updated_at: datetime
    org_id: strawberry.ID | None = org_id_of
    org: Org | None = one("owner_id", "The organisation it belongs to; null for a user's own.")
    project: Project | None = one("project_id", "The project it lies in.")
    messages: Connection[Message] = page(
        "conversation_id",
        "The selected branch, oldest first.",
        order="order_id",
        where="t.on_branch",
    )
    share_links: list[ShareLink] = many(
        "conversation_id",
        "The links by which others read it, newest first; 50 at most.",
        order="-created_at",
        rows=1,
    )
    latest_message: Message | None = first(
        "conversation_id",
        "The newest message with text on the selected branch; lists show its preview.",
        order="-order_id",
        where="t.on_branch AND t.content <> ''",
    )


LATEST = Order("updated_at", descending=True)


def _listed(where: str, order: Order = LATEST) -> Listing:
    return Listing(conversations.Conversation, "owner_id", order, 0, where=where)


FOUND = Listing(
    conversations.Conversation,
    None,
    LATEST,
    0,
    where="NOT t.main AND t.deleted_at IS NULL",
    words=Words("coalesce(t.title, '')", short=True),
)


@strawberry.input(description="What to change of a conversation; what is left out stays.")
class UpdateConversationInput:
    id: strawberry.ID = given("Which one.")
    title: str | None = optional("Its title, which no model changes; null: one from a model.")
    model: str | None = optional("The model to answer; null: the default.")
    system_prompt: str | None = optional("Given to the model before the messages.")
    task: str | None = optional("What it is for.")
    pinned: bool | None = optional("Whether to keep it on top.")
    status: ConversationStatus | None = optional("Whether it is in use or put away.")
    project_id: strawberry.ID | None = optional("The folder to put it in; null: none.")


@strawberry.input(description="How far a conversation was read.")
class MarkConversationReadInput:
    id: strawberry.ID = given("Which one.")
    order_id: int | None = given("Up to the message of this order; default: all.", default=None)


@strawberry.input(description="Where a conversation is to go, with all in it.")
class MoveConversationInput:
    id: strawberry.ID = given("Which one; it leaves its folder.")
    org_id: strawberry.ID | None = given(
        "The organisation; left out, the conversation becomes the viewer's.", default=None
    )


@strawberry.type(description="The changed conversation.")
class UpdateConversationPayload:
    conversation: Conversation = strawberry.field(description="The conversation.")


@strawberry.type(description="The conversation as it is read now.")
class MarkConversationReadPayload:
    conversation: Conversation = strawberry.field(description="The conversation.")


@strawberry.type(description="The conversation at its new owner.")
class MoveConversationPayload:
    conversation: Conversation = strawberry.field(description="The conversation.")


@strawberry.type
class Query:
    conversation: Conversation | None = row_by_id(
        conversations.Conversation,
        "A conversation that the viewer reaches; null when there is none.",
    )
    conversations: Connection[Conversation] = pages_of_owner(
        _listed(f"t.status = 'active' AND t.pinned_at IS NULL AND {_LOOSE}"),
        "One owner's conversations that are in use, neither pinned nor in a folder, those that "
        "changed last first.",
    )
    pinned_conversations: Connection[Conversation] = pages_of_owner(
        _listed(
            "t.pinned_at IS NOT NULL AND t.deleted_at IS NULL", Order("pinned_at", descending=True)
        ),
        "One owner's pinned conversations, those pinned last first.",
    )
    archived_conversations: Connection[Conversation] = pages_of_owner(
        _listed("t.status = 'archived' AND t.deleted_at IS NULL"),
        "One owner's conversations that were put away, those that changed last first.",
    )
    search_conversations: SearchConnection[Conversation] = pages_of_search(
        FOUND, "One owner's conversations whose title has some words, latest change first."
    )


@strawberry.type
class Mutation:
    @mutation("Change a conversation: title, model, prompt, task, pin, status or folder.")
    async def update_conversation(
        self, info: strawberry.Info, input: UpdateConversationInput
    ) -> UpdateConversationPayload:
        changed, actor = chosen(input, *CHANGEABLE), acting(info, input)
        row: Any = await conversations.Conversation.update(actor, input.id, **changed)
        return UpdateConversationPayload(conversation=row)

    @mutation("Note how far a conversation was read; never goes back.")
    async def mark_conversation_read(
        self, info: strawberry.Info, input: MarkConversationReadInput
    ) -> MarkConversationReadPayload:
        what = acting(info, input), input.id, input.order_id
        row: Any = await conversations.Conversation.mark_read(*what)
        return MarkConversationReadPayload(conversation=row)

    @mutation(
        "Give a conversation to an organisation, or take it back; WRITE is needed where it goes.",
        needs=Permission.MOVE,
    )
    async def move_conversation(
        self, info: strawberry.Info, input: MoveConversationInput
    ) -> MoveConversationPayload:
        row: Any = await moving.move_conversation(acting(info, input), input.id, input.org_id)
        return MoveConversationPayload(conversation=row)
