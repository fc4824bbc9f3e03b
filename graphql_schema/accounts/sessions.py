"""Sessions in the API: where a user is signed in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.entries import of_session, own_row
from graphql_schema.core.fields import LIST_LIMIT
from graphql_schema.core.mutations import acting, given, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.accounts import sessions
from models.permissions import Permission
from models.reading import Listing, Lookup, Order


@record_type(sessions.Session)
class Session(Node):
    user_id: strawberry.ID
    expires_at: datetime
    ip_address: str | None
    user_agent: str | None
    last_active: datetime
    created_at: datetime
    updated_at: datetime


@strawberry.input(description="Which session to end.")
class RevokeSessionInput:
    id: strawberry.ID = given("Which one.")


@strawberry.type(description="The session that ended.")
class RevokeSessionPayload:
    revoked_session_id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.input(description="Which session to keep.")
class RevokeOtherSessionsInput:
    id: strawberry.ID = given("The one to keep: that of `session`, as a rule.")


@strawberry.type(description="What ended.")
class RevokeOtherSessionsPayload:
    revoked_count: int = strawberry.field(description="How many sessions ended.")


OWN = Listing(sessions.Session, "user_id", Order("created_at", descending=True), LIST_LIMIT)


@strawberry.type
class Query:
    session: Session | None = own_row(
        Lookup(sessions.Session),
        "The session that asks; null for another kind of token.",
        of_session,
    )

    @strawberry.field(description="Where the viewer is signed in, newest first.")
    async def sessions(self, info: strawberry.Info) -> list[Session]:
        context = context_of(info)
        found: list[Any] = await context.loaders.rows(OWN, context.viewer.user_id)
        return found


@strawberry.type
class Mutation:
    @mutation(
        "Sign a device out; what it listens to ends within a second.",
        needs=Permission.ACCOUNT,
    )
    async def revoke_session(
        self, info: strawberry.Info, input: RevokeSessionInput
    ) -> RevokeSessionPayload:
        ended = await sessions.Session.end(acting(info, input), input.id)
        return RevokeSessionPayload(revoked_session_id=strawberry.ID(ended))

    @mutation("Sign out everywhere but in one session.", needs=Permission.ACCOUNT)
    async def revoke_other_sessions(
        self, info: strawberry.Info, input: RevokeOtherSessionsInput
    ) -> RevokeOtherSessionsPayload:
        ended = await sessions.Session.end_others(acting(info, input), input.id)
        return RevokeOtherSessionsPayload(revoked_count=ended)
