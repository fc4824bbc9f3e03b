"""Users in the API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.computing import issued
from graphql_schema.core.context import context_of
from graphql_schema.core.entries import own_row
from graphql_schema.core.mutations import given, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.accounts import users
from models.reading import Lookup

if TYPE_CHECKING:
    from graphql_schema.core.context import Ports


@issued("avatar_file_id", "avatar_url", description="A picture of the user.")
def _avatar_url(rows: Sequence[users.User], ports: Ports) -> list[str | None]:
    return [
        ports.files.avatar_url(row.avatar_file_id) if row.avatar_file_id else row.avatar_url
        for row in rows
    ]


@record_type(users.User)
class User(Node):
    clerk_id: str | None
    email: str | None
    email_verified: bool
    name: str
    avatar_url: str | None = _avatar_url
    anonymous: bool
    premium: bool
    message_count: int
    daily_message_count: int
    daily_reset: datetime | None
    daily_pro_message_count: int
    daily_pro_reset: datetime | None
    last_active_at: datetime | None
    favorite_models: list[str]
    system_prompt: str | None
    operator: bool
    created_at: datetime
    updated_at: datetime


@record_type(users.User, shared=True)
class Person:
    """Somebody whom the viewer shares an organisation with."""

    name: str
    avatar_url: str | None = _avatar_url


@strawberry.input(description="What a guest may say of themselves.")
class CreateGuestInput:
    name: str | None = given("What to call the guest.", default=None)


@strawberry.type(description="A new guest and the token that lets them in.")
class CreateGuestPayload:
    user: User = strawberry.field(description="The guest.")
    token: str = strawberry.field(description="Send it as `Authorization: Bearer …`; keep it.")


@strawberry.type
class Query:
    me: User | None = own_row(Lookup(users.User), "The one who asks; null when signed out.")


@strawberry.type
class Mutation:
    @mutation("Make a guest, who may do all that a user may, within a guest's limits.", public=True)
    async def create_guest(
        self, info: strawberry.Info, input: CreateGuestInput
    ) -> CreateGuestPayload:
        context = context_of(info)
        guest: Any = await users.open_guest(context.desk(), input.name)
        token = context.ports.guests.issue_guest_token(guest.id)
        return CreateGuestPayload(user=guest, token=token)
