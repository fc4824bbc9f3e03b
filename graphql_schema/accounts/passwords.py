"""Passwords in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.carriers import TokenCarrier, carried, same_carrier
from graphql_schema.core.context import context_of
from graphql_schema.core.mutations import given, mutation
from models.accounts import passwords
from models.permissions import Permission

if TYPE_CHECKING:
    from graphql_schema.accounts.sessions import Session


@strawberry.input(description="Whose password is forgotten.")
class RequestPasswordResetInput:
    email: str = given("The user's address.")


@strawberry.type(description="The same whether the address is known or not.")
class RequestPasswordResetPayload:
    email: str = strawberry.field(description="The address that a mail goes to.")


@strawberry.input(description="The value of a link that was sent, and a password.")
class ResetPasswordInput:
    token: str = given("What follows `#token=` in the link.")
    password: str = given("The new one, from 8 to 200 characters.")


@strawberry.type(description="Whose password was set.")
class ResetPasswordPayload:
    email: str = strawberry.field(description="The user's address; sign in with it.")


@strawberry.input(description="Another password.")
class ChangePasswordInput:
    current_password: str | None = given(
        "The present one; a user who has none leaves it out.", default=None
    )
    password: str = given("The new one, from 8 to 200 characters.")
    carrier: TokenCarrier | None = given(
        "How the session's token travels; default: as the present one.", default=None
    )


@strawberry.type(description="A new session here; all that there were have ended.")
class ChangePasswordPayload:
    session: Session | None = strawberry.field(
        description="The session; null where the viewer came without one."
    )
    token: str | None = strawberry.field(
        description="Its token, shown once; null where a cookie carries it."
    )


@strawberry.type
class Mutation:
    @mutation("Send a link to choose a new password.", public=True)
    async def request_password_reset(
        self, info: strawberry.Info, input: RequestPasswordResetInput
    ) -> RequestPasswordResetPayload:
        sent = await passwords.request_password_reset(context_of(info).desk(), input.email)
        return RequestPasswordResetPayload(email=sent)

    @mutation("Choose a new password; every device is signed out.", public=True)
    async def reset_password(
        self, info: strawberry.Info, input: ResetPasswordInput
    ) -> ResetPasswordPayload:
        desk = context_of(info).desk()
        email = await passwords.reset_password(desk, input.token, input.password)
        return ResetPasswordPayload(email=email)

    @mutation(
        "Change the password, or add one; every device is signed out, and this one in again.",
        needs=Permission.ACCOUNT,
    )
    async def change_password(
        self, info: strawberry.Info, input: ChangePasswordInput
    ) -> ChangePasswordPayload:
        context, current = context_of(info), input.current_password
        carrier = same_carrier(context, input.carrier)
        made: Any = await passwords.change_password(context.desk(), current, input.password)
        token = made and carried(context, made.token, carrier)
        return ChangePasswordPayload(session=made and made.session, token=token)
