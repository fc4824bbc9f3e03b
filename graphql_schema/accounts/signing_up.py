"""Signing up in the API."""

from __future__ import annotations

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.mutations import given, mutation
from models.accounts import signing_up


@strawberry.input(description="Who wants to sign up.")
class SignUpInput:
    email: str = given("Where to send the link that proves the address.")
    password: str = given("From 8 to 200 characters.")
    name: str | None = given(
        "What to call the user; default: the address up to its @.", default=None
    )


@strawberry.type(description="The same whether the address is known or not.")
class SignUpPayload:
    email: str = strawberry.field(description="The address that a mail goes to.")


@strawberry.input(description="The value of a link that was sent.")
class VerifyEmailInput:
    token: str = given("What follows `#token=` in the link.")
    password: str | None = given(
        "The password that was chosen, to end signing up; a changed address needs none.",
        default=None,
    )


@strawberry.type(description="A proven address.")
class VerifyEmailPayload:
    email: str = strawberry.field(description="The address; sign in with it.")


@strawberry.type
class Mutation:
    @mutation(
        "Sign up: sends a link that proves the address, to end with `verifyEmail`. A guest who "
        "signs up becomes the user, with all they made.",
        public=True,
    )
    async def sign_up(self, info: strawberry.Info, input: SignUpInput) -> SignUpPayload:
        desk = context_of(info).desk()
        sent = await signing_up.sign_up(desk, input.email, input.password, input.name)
        return SignUpPayload(email=sent)

    @mutation("Prove an address: ends signing up, or changing the address.", public=True)
    async def verify_email(
        self, info: strawberry.Info, input: VerifyEmailInput
    ) -> VerifyEmailPayload:
        desk = context_of(info).desk()
        proven = await signing_up.verify_email(desk, input.token, input.password)
        return VerifyEmailPayload(email=proven)
