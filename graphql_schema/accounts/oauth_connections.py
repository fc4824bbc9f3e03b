"""OAuth connections in the API, which tells of tokens only whether there are any.

There they are grants, since a type whose name ends in `Connection` is Relay's page of a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

from graphql_schema.core.computing import computed
from graphql_schema.core.context import context_of
from graphql_schema.core.enums import describe
from graphql_schema.core.fields import LIST_LIMIT
from graphql_schema.core.mutations import acting, given, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.accounts import connecting, oauth_connections
from models.accounts.oauth_connections import OAuthProvider
from models.permissions import Permission
from models.reading import Listing, Order

describe(
    OAuthProvider,
    "An outside service that users may connect.",
    FIGMA="Figma.",
    GITHUB="GitHub.",
)


@computed("access_token", description="Whether there is a token to use it with.")
def _has_access_token(rows: Sequence[oauth_connections.OAuthConnection]) -> list[bool]:
    return [row.access_token is not None for row in rows]


@computed("refresh_token", description="Whether there is a token that brings a new one.")
def _has_refresh_token(rows: Sequence[oauth_connections.OAuthConnection]) -> list[bool]:
    return [row.refresh_token is not None for row in rows]


@computed(
    "refused_at", description="Whether the service refused it for good: it must be connected anew."
)
def _needs_reconnecting(rows: Sequence[oauth_connections.OAuthConnection]) -> list[bool]:
    return [row.refused_at is not None for row in rows]


@record_type(oauth_connections.OAuthConnection)
class OAuthGrant(Node):
    user_id: strawberry.ID
    provider: OAuthProvider
    has_access_token: bool = _has_access_token
    has_refresh_token: bool = _has_refresh_token
    expires_at: datetime | None
    scope: str
    metadata: JSON | None
    refused_at: datetime | None
    needs_reconnecting: bool = _needs_reconnecting
    created_at: datetime
    updated_at: datetime


@strawberry.input(description="A connection to end.")
class RevokeOauthConnectionInput:
    id: strawberry.ID = given("Which one.")


@strawberry.input(description="What a client wants to know beside a connection.")
class UpdateOauthConnectionInput:
    id: strawberry.ID = given("Which one.")
    metadata: JSON = given(
        "An object whose members replace those of the same name; null takes one away. `account` "
        "and `askedScope` are the server's."
    )


@strawberry.type(description="What is gone.")
class RevokeOauthConnectionPayload:
    revoked_oauth_grant_id: strawberry.ID = strawberry.field(description="The connection's id.")


@strawberry.type(description="The changed connection.")
class UpdateOauthConnectionPayload:
    oauth_grant: OAuthGrant = strawberry.field(description="The connection.")


OWN = Listing(oauth_connections.OAuthConnection, "user_id", Order("provider"), LIST_LIMIT)


@strawberry.type
class Query:
    @strawberry.field(description="The outside services that the viewer connected, one row each.")
    async def oauth_connections(self, info: strawberry.Info) -> list[OAuthGrant]:
        context = context_of(info)
        found: list[Any] = await context.loaders.rows(OWN, context.viewer.user_id)
        return found


@strawberry.type
class Mutation:
    @mutation(
        "End a connection at once; a worker then has its service forget the token.",
        needs=Permission.ACCOUNT,
    )
    async def revoke_oauth_connection(
        self, info: strawberry.Info, input: RevokeOauthConnectionInput
    ) -> RevokeOauthConnectionPayload:
        gone = await connecting.disconnect(acting(info, input), input.id)
        return RevokeOauthConnectionPayload(revoked_oauth_grant_id=strawberry.ID(gone))

    @mutation("Keep something beside a connection.", needs=Permission.ACCOUNT)
    async def update_oauth_connection(
        self, info: strawberry.Info, input: UpdateOauthConnectionInput
    ) -> UpdateOauthConnectionPayload:
        merge = oauth_connections.OAuthConnection.merge_metadata
        row: Any = await merge(acting(info, input), input.id, input.metadata)
        return UpdateOauthConnectionPayload(oauth_grant=row)
