"""Accounts in the API: the ways in which a user signs in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

from graphql_schema.core.computing import computed
from graphql_schema.core.context import context_of
from graphql_schema.core.fields import LIST_LIMIT
from graphql_schema.core.mutations import given, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.accounts import accounts, linking
from models.permissions import Permission
from models.reading import Listing, Order


@computed("password_hash", description="Whether it is entered with a password.")
def _has_password(rows: Sequence[accounts.Account]) -> list[bool]:
    return [row.password_hash is not None for row in rows]


@computed("access_token", description="Whether there is an access token of the provider.")
def _has_access_token(rows: Sequence[accounts.Account]) -> list[bool]:
    return [row.access_token is not None for row in rows]


@computed("refresh_token", description="Whether there is a token that brings a new one.")
def _has_refresh_token(rows: Sequence[accounts.Account]) -> list[bool]:
    return [row.refresh_token is not None for row in rows]


@computed("id_token", description="Whether there is an identity token of the provider.")
def _has_id_token(rows: Sequence[accounts.Account]) -> list[bool]:
    return [row.id_token is not None for row in rows]


@record_type(accounts.Account)
class Account(Node):
    user_id: strawberry.ID
    provider_id: str
    account_id: str
    scope: str | None
    has_password: bool = _has_password
    has_access_token: bool = _has_access_token
    has_refresh_token: bool = _has_refresh_token
    has_id_token: bool = _has_id_token
    created_at: datetime
    updated_at: datetime


@strawberry.input(description="Which way in to take away.")
class UnlinkAccountInput:
    id: strawberry.ID = given("Which one.")
    current_password: str | None = given(
        "The user's password; a user who has none leaves it out.", default=None
    )


@strawberry.type(description="The way in that is gone.")
class UnlinkAccountPayload:
    unlinked_account_id: strawberry.ID = strawberry.field(description="Its id.")


OWN = Listing(accounts.Account, "user_id", Order("created_at"), LIST_LIMIT)


@strawberry.type
class Query:
    @strawberry.field(description="The ways in which the viewer signs in, oldest first.")
    async def accounts(self, info: strawberry.Info) -> list[Account]:
        context = context_of(info)
        found: list[Any] = await context.loaders.rows(OWN, context.viewer.user_id)
        return found


@strawberry.type
class Mutation:
    @mutation("Take a way of signing in away; never the last one.", needs=Permission.ACCOUNT)
    async def unlink_account(
        self, info: strawberry.Info, input: UnlinkAccountInput
    ) -> UnlinkAccountPayload:
        desk = context_of(info).desk()
        gone = await linking.unlink(desk, input.id, input.current_password)
        return UnlinkAccountPayload(unlinked_account_id=strawberry.ID(gone))
