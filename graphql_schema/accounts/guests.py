"""Guests in the API: taking over what one made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.mutations import given, mutation
from models.accounts import guests
from models.permissions import Permission

if TYPE_CHECKING:
    from graphql_schema.accounts.users import User


@strawberry.input(description="The guest that the viewer has been.")
class ClaimGuestInput:
    token: str = given("The guest's token.")


@strawberry.type(description="Who has the guest's work now.")
class ClaimGuestPayload:
    user: User = strawberry.field(description="The viewer.")


@strawberry.type
class Mutation:
    @mutation(
        "Take over what the viewer made as a guest; the guest's token ends.",
        needs=Permission.ACCOUNT,
    )
    async def claim_guest(self, info: strawberry.Info, input: ClaimGuestInput) -> ClaimGuestPayload:
        context = context_of(info)
        guest = context.ports.guests.guest_of(input.token)
        user: Any = await guests.claim_guest(context.actor(), guest, context.ports.sign_in.vault)
        return ClaimGuestPayload(user=user)
