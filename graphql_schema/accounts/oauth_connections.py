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
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.accounts import oauth_connections
from models.accounts.oauth_connections import OAuthProvider
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


@record_type(oauth_connections.OAuthConnection)
class OAuthGrant(Node):
    user_id: strawberry.ID
    provider: OAuthProvider
    has_access_token: bool = _has_access_token
    has_refresh_token: bool = _has_refresh_token
    expires_at: datetime | None
    scope: str
    metadata: JSON | None
    created_at: datetime
    updated_at: datetime


OWN = Listing(oauth_connections.OAuthConnection, "user_id", Order("provider"), LIST_LIMIT)


@strawberry.type
class Query:
    @strawberry.field(description="The outside services that the viewer connected, one row each.")
    async def oauth_connections(self, info: strawberry.Info) -> list[OAuthGrant]:
        context = context_of(info)
        found: list[Any] = await context.loaders.rows(OWN, context.viewer.user_id)
        return found
