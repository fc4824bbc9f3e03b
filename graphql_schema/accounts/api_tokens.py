"""Tokens for scripts in the API, which shows each once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from graphql_schema.core.connection import Connection
from graphql_schema.core.context import context_of
from graphql_schema.core.entries import of_viewer, pages_of
from graphql_schema.core.enums import describe
from graphql_schema.core.mutations import acting, given, into, key_field, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.accounts import api_tokens
from models.permissions import Permission, Scope
from models.reading import Listing, Order

describe(
    Scope,
    "What a token for scripts is good for, within what its user may do.",
    READ="To read projects, conversations and organisations.",
    WRITE="To make, change and delete them too.",
    ADMIN="To manage organisations and their members, read audit logs, and move things.",
    BILLING="To see what is used and paid.",
)


@record_type(api_tokens.ApiToken)
class ApiToken(Node):
    name: str
    start: str
    scopes: list[Scope]
    expires_at: datetime
    last_used_at: datetime | None
    created_at: datetime


@strawberry.input(description="A new token for scripts.")
class CreateApiTokenInput:
    name: str = given("What it is for, at most 100 characters.")
    scopes: list[Scope] = given("What it is good for.")
    days: int = given("Days until it ends, at most 366.", default=90)
    current_password: str | None = given(
        "The user's password; a user who has none leaves it out.", default=None
    )
    idempotency_key: str | None = key_field()


@strawberry.input(description="A token to end.")
class RevokeApiTokenInput:
    id: strawberry.ID = given("Which one.")


@strawberry.type(description="The new token; only a call repeated with its key shows it again.")
class CreateApiTokenPayload:
    api_token: ApiToken = strawberry.field(description="What is kept of it.")
    token: str = strawberry.field(description="Send it as `Authorization: Bearer …`; keep it.")


@strawberry.type(description="What is gone.")
class RevokeApiTokenPayload:
    revoked_token_id: strawberry.ID = strawberry.field(description="The token's id.")


OWN = Listing(api_tokens.ApiToken, "user_id", Order("created_at", descending=True), 0)


@strawberry.type
class Query:
    api_tokens: Connection[ApiToken] = pages_of(
        of_viewer, OWN, "The viewer's tokens for scripts, newest first; needs ACCOUNT."
    )


@strawberry.type
class Mutation:
    @mutation("Make a token for scripts. It is shown this once.", needs=Permission.ACCOUNT)
    async def create_api_token(
        self, info: strawberry.Info, input: CreateApiTokenInput
    ) -> CreateApiTokenPayload:
        desk, new = context_of(info).desk(), into(api_tokens.NewApiToken, input)
        password, once = input.current_password, acting(info, input).once
        row: Any
        row, token = await api_tokens.create_api_token(desk, new, password, once)
        return CreateApiTokenPayload(api_token=row, token=token)

    @mutation("End a token for scripts at once.", needs=Permission.ACCOUNT)
    async def revoke_api_token(
        self, info: strawberry.Info, input: RevokeApiTokenInput
    ) -> RevokeApiTokenPayload:
        gone = await api_tokens.revoke_api_token(acting(info, input), input.id)
        return RevokeApiTokenPayload(revoked_token_id=strawberry.ID(gone))
