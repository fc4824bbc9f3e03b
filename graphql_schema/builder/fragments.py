"""Fragments in the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.entries import row_by_id
from graphql_schema.core.fields import one
from graphql_schema.core.mutations import acting, given, into, key_field, mutation, optional
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.builder import fragments
from models.chat.projects import Framework

if TYPE_CHECKING:
    from graphql_schema.chat.messages import Message


@record_type(fragments.Fragment)
class Fragment(Node):
    message_id: strawberry.ID
    sandbox_url: str
    title: str
    files: JSON
    metadata: JSON | None
    framework: Framework
    created_at: datetime
    updated_at: datetime
    message: Message | None = one("message_id", "The message that made it.")


@strawberry.input(description="The files of a message, whole: what was there is replaced.")
class UpsertFragmentInput:
    message_id: strawberry.ID = given("The message that made them.")
    sandbox_url: str = given("Where the preview runs.")
    title: str = given("Its title.")
    files: JSON = given("The files: an object of path and text.")
    framework: Framework = given("The framework of the files.")
    metadata: JSON | None = optional("What else is known about it.")
    idempotency_key: str | None = key_field()


@strawberry.type(description="The fragment as it is now.")
class UpsertFragmentPayload:
    fragment: Fragment = strawberry.field(description="The fragment.")


@strawberry.type
class Query:
    fragment: Fragment | None = row_by_id(
        fragments.Fragment, "A fragment that the viewer reaches; null when there is none."
    )


@strawberry.type
class Mutation:
    @mutation("Make the fragment of a message, or replace what it holds.")
    async def upsert_fragment(
        self, info: strawberry.Info, input: UpsertFragmentInput
    ) -> UpsertFragmentPayload:
        body = into(fragments.FragmentBody, input)
        row: Any = await fragments.upsert_fragment(acting(info, input), input.message_id, body)
        return UpsertFragmentPayload(fragment=row)
