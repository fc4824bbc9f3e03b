"""Deleting one's own account in the API."""

from __future__ import annotations

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.mutations import given, mutation
from models.accounts import erasing


@strawberry.input(description="That the viewer's account is to go.")
class DeleteMeInput:
    current_password: str | None = given(
        "The user's password; a user who has none leaves it out.", default=None
    )


@strawberry.type(description="Who is gone.")
class DeleteMePayload:
    deleted_user_id: strawberry.ID = strawberry.field(description="The id that was the viewer's.")


@strawberry.type
class Mutation:
    @mutation("Delete the viewer's account with all that is in it, at once and for good.")
    async def delete_me(self, info: strawberry.Info, input: DeleteMeInput) -> DeleteMePayload:
        context = context_of(info)
        gone = await erasing.delete_me(context.desk(), input.current_password)
        if context.cookie is not None:
            context.cookie.drop()
        return DeleteMePayload(deleted_user_id=strawberry.ID(gone))
