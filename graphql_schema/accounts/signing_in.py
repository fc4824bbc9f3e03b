"""Signing in and out in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.carriers import TokenCarrier, carried, check_carrier, same_carrier
from graphql_schema.core.context import context_of
from graphql_schema.core.mutations import given, mutation
from models.accounts import signing_in
from models.permissions import Permission

if TYPE_CHECKING:
    from graphql_schema.accounts.sessions import Session
    from graphql_schema.accounts.users import User


@strawberry.input(description="Who wants to sign in.")
class SignInInput:
    email: str = given("The user's proven address.")
    password: str = given("The user's password.")
    carrier: TokenCarrier = given("How the token travels.", default=TokenCarrier.BEARER)


@strawberry.type(description="Who is signed in now.")
class SignInPayload:
    user: User = strawberry.field(description="The user.")
    session: Session = strawberry.field(description="The new session.")
    token: str | None = strawberry.field(
        description="The session's token, shown once; null where a cookie carries it."
    )


@strawberry.input(description="Ends the session that asks.")
class SignOutInput:
    everywhere: bool = given("Whether to end all the others too.", default=False)


@strawberry.type(description="Who is signed out now.")
class SignOutPayload:
    session_id: strawberry.ID = strawberry.field(description="Id of the session that ended.")


@strawberry.input(description="A new token for the session that asks.")
class RotateSessionInput:
    carrier: TokenCarrier | None = given(
        "How the token travels; default: as the present one.", default=None
    )


@strawberry.type(description="The session with its new token.")
class RotateSessionPayload:
    session: Session = strawberry.field(description="The session; it lasts longer now.")
    token: str | None = strawberry.field(
        description="Its new token, shown once; null where a cookie carries it."
    )


@strawberry.type
class Mutation:
    @mutation("Sign in with a password.", public=True)
    async def sign_in(self, info: strawberry.Info, input: SignInInput) -> SignInPayload:
        context = context_of(info)
        check_carrier(context, input.carrier)
        made: Any = await signing_in.sign_in(context.desk(), input.email, input.password)
        token = carried(context, made.token, input.carrier)
        return SignInPayload(user=made.user, session=made.session, token=token)

    @mutation(
        "Sign out: the session's token holds no longer, and what it listens to ends.",
        needs=Permission.ACCOUNT,
    )
    async def sign_out(self, info: strawberry.Info, input: SignOutInput) -> SignOutPayload:
        context = context_of(info)
        ended = await signing_in.sign_out(context.actor(), everywhere=input.everywhere)
        if context.cookie is not None:
            context.cookie.drop()
        return SignOutPayload(session_id=strawberry.ID(ended))

    @mutation(
        "Take a new token before the session ends; the old one holds until it is used.",
        needs=Permission.ACCOUNT,
    )
    async def rotate_session(
        self, info: strawberry.Info, input: RotateSessionInput
    ) -> RotateSessionPayload:
        context = context_of(info)
        carrier = same_carrier(context, input.carrier)
        made: Any = await signing_in.rotate_session(context.desk())
        token = carried(context, made.token, carrier)
        return RotateSessionPayload(session=made.session, token=token)
