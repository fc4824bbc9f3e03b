"""Deletions in the API: what may still be undone, and how far the rest is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from graphql_schema.accounts.orgs import org_id_of
from graphql_schema.core.connection import Connection
from graphql_schema.core.context import context_of
from graphql_schema.core.entries import pages_of_owner, row_by_id
from graphql_schema.core.enums import describe
from graphql_schema.core.fields import one
from graphql_schema.core.hearing import AfterCursor, Topic, hear, reach_root
from graphql_schema.core.mutations import acting, given, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.chat import deletion, undoing
from models.chat.deletion import DeletionJob, DeletionKind, DeletionState
from models.reading import Listing, Order

if TYPE_CHECKING:
    from graphql_schema.accounts.orgs import Org
    from graphql_schema.chat.conversations import Conversation
    from graphql_schema.chat.messages import Message
    from graphql_schema.chat.projects import Project

describe(
    DeletionKind,
    "What was deleted.",
    PROJECT="A project with all in it.",
    CONVERSATION="A conversation with all in it.",
    CLEARED="All messages of a conversation.",
    MESSAGE="A message with all that follows it.",
    ORG="An organisation with all it owns.",
    USER="A user with all they own.",
)
describe(
    DeletionState,
    "How far a deletion is.",
    PENDING="Hidden; it can be undone.",
    RUNNING="Its rows are being removed.",
    COMPLETE="Nothing is left.",
)


@record_type(deletion.DeletionJob)
class Deletion(Node):
    kind: DeletionKind
    subject_id: strawberry.ID
    title: str | None
    conversation_id: strawberry.ID | None
    state: DeletionState
    due_at: datetime
    removed_rows: int
    total_rows: int | None
    created_at: datetime
    updated_at: datetime
    org_id: strawberry.ID | None = org_id_of
    org: Org | None = one("owner_id", "The organisation it belongs to; null for a user's own.")
    conversation: Conversation | None = one(
        "conversation_id", "The conversation that deleted messages belong to."
    )


WAITING = Listing(
    DeletionJob, "owner_id", Order("created_at", descending=True), 0, where="t.state <> 'complete'"
)


@strawberry.input(description="A deletion to undo.")
class UndoDeletionInput:
    id: strawberry.ID = given("Which one.")


@strawberry.input(description="A deletion not to wait for.")
class EmptyDeletionInput:
    id: strawberry.ID = given("Which one.")


@strawberry.type(description="What is back.")
class UndoDeletionPayload:
    project: Project | None = strawberry.field(description="The project, if it was one.")
    conversation: Conversation | None = strawberry.field(
        description="The conversation, or the one that messages went back to."
    )
    message: Message | None = strawberry.field(description="The message, if it was one.")


@strawberry.type(description="The deletion that goes on now.")
class EmptyDeletionPayload:
    deletion: Deletion = strawberry.field(description="The deletion.")


@strawberry.type(description="How far a deletion is, or a bare cursor.")
class DeletionChanged:
    node: Deletion | None = strawberry.field(description="The deletion as it is now.")
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id of a deletion that is gone."
    )
    cursor: str = strawberry.field(description="Where to go on after a break.")
    reset: bool = strawberry.field(
        description="True when changes may have been missed: query it again."
    )


@strawberry.type
class Query:
    deletion: Deletion | None = row_by_id(
        DeletionJob, "A deletion that the viewer reaches; null when there is none, or it is undone."
    )
    deletions: Connection[Deletion] = pages_of_owner(
        WAITING, "What one owner deleted and is not gone for good yet, newest first."
    )


@strawberry.type
class Mutation:
    @mutation("Show again what was deleted, as long as nothing of it was removed.")
    async def undo_deletion(
        self, info: strawberry.Info, input: UndoDeletionInput
    ) -> UndoDeletionPayload:
        undone: Any = await undoing.undo_deletion(acting(info, input), input.id)
        back = {name: getattr(undone, name) for name in ("project", "conversation", "message")}
        return UndoDeletionPayload(**back)

    @mutation("Remove for good what was deleted, without waiting for 30 days.")
    async def empty_deletion(
        self, info: strawberry.Info, input: EmptyDeletionInput
    ) -> EmptyDeletionPayload:
        row: Any = await DeletionJob.bring_forward(acting(info, input), input.id)
        return EmptyDeletionPayload(deletion=row)


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="How far a deletion is, as its rows are removed; ends with NOT_FOUND when it "
        "is undone."
    )
    async def deletion_changed(
        self,
        info: strawberry.Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Which one.")],
        after: AfterCursor = None,
    ) -> AsyncIterator[DeletionChanged]:
        context = context_of(info)
        root = await reach_root(context, DeletionJob, id, "id")
        async for event in hear(context, Topic(DeletionJob, "id", root), after):
            yield event  # type: ignore[misc]
