"""Changing the e-mail address in the API."""

from __future__ import annotations

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.mutations import given, mutation
from models.accounts import changing_email
from models.permissions import Permission


@strawberry.input(description="Another address.")
class ChangeEmailInput:
    email: str = given("The new address; a link goes there.")
    current_password: str | None = given(
        "The user's password; a user who has none leaves it out.", default=None
    )


@strawberry.type(description="The same whether the address is known or not.")
class ChangeEmailPayload:
    email: str = strawberry.field(description="The address that a mail goes to.")


@strawberry.type
class Mutation:
    @mutation(
        "Send a link that proves a new address; `verifyEmail` then changes it.",
        needs=Permission.ACCOUNT,
    )
    async def change_email(
        self, info: strawberry.Info, input: ChangeEmailInput
    ) -> ChangeEmailPayload:
        desk = context_of(info).desk()
        sent = await changing_email.change_email(desk, input.email, input.current_password)
        return ChangeEmailPayload(email=sent)
