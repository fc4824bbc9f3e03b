"""Signing in and out in the API."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.context import Context, context_of
from graphql_schema.core.enums import describe
from graphql_schema.core.mutations import given, mutation
from models.accounts import signing_in
from models.errors import Invalid

if TYPE_CHECKING:
    from graphql_schema.accounts.sessions import Session
    from graphql_schema.accounts.users import User


class TokenCarrier(StrEnum):
    """How a session's token travels."""

    BEARER = "BEARER"
    COOKIE = "COOKIE"


describe(
    TokenCarrier,
    "How a session's token travels.",
    BEARER="In the payload; send it as `Authorization: Bearer …`.",
    COOKIE="In a cookie that no script can read, for browsers; only over HTTP.",
)


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


def carried(context: Context, token: str, carrier: TokenCarrier) -> str | None:
    """The token for the payload; None once it is in the answer's cookie."""
    if carrier is TokenCarrier.BEARER:
        return token
    assert context.cookie is not None, "check_carrier has been asked"
    context.cookie.keep(token, context.ports.sign_in.rules.session_lifetime)
    return None


def check_carrier(context: Context, carrier: TokenCarrier) -> None:
    """Raise Invalid where no cookie can be set."""
    if carrier is TokenCarrier.COOKIE and context.cookie is None:
        raise Invalid("Cookies are set over plain HTTP only.", field="carrier")


@strawberry.type
class Mutation:
    @mutation("Sign in with a password.", public=True)
    async def sign_in(self, info: strawberry.Info, input: SignInInput) -> SignInPayload:
        context = context_of(info)
        check_carrier(context, input.carrier)
        made: Any = await signing_in.sign_in(context.desk(), input.email, input.password)
        token = carried(context, made.token, input.carrier)
        return SignInPayload(user=made.user, session=made.session, token=token)

    @mutation("Sign out: the session's token holds no longer, and what it listens to ends.")
    async def sign_out(self, info: strawberry.Info, input: SignOutInput) -> SignOutPayload:
        context = context_of(info)
        ended = await signing_in.sign_out(context.actor(), everywhere=input.everywhere)
        if context.cookie is not None:
            context.cookie.drop()
        return SignOutPayload(session_id=strawberry.ID(ended))
