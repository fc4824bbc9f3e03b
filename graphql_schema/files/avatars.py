"""Users' own pictures in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.mutations import acting, given, mutation
from models.files import avatars
from models.permissions import Permission

if TYPE_CHECKING:
    from graphql_schema.accounts.users import User


@strawberry.input(description="A picture to show.")
class SetAvatarInput:
    file_id: strawberry.ID = given("A complete upload for an avatar.")


@strawberry.input(description="That the viewer's picture is to go.")
class DeleteAvatarInput:
    keep_provided: bool = given(
        "Show the identity provider's picture instead, if there is one.", default=False
    )


@strawberry.type(description="The user with the picture.")
class SetAvatarPayload:
    user: User = strawberry.field(description="The viewer.")


@strawberry.type(description="The user without the picture.")
class DeleteAvatarPayload:
    user: User = strawberry.field(description="The viewer.")


@strawberry.type
class Mutation:
    @mutation("Show a picture of the viewer, to everybody.", needs=Permission.ACCOUNT)
    async def set_avatar(self, info: strawberry.Info, input: SetAvatarInput) -> SetAvatarPayload:
        row: Any = await avatars.set_avatar(acting(info, input), input.file_id)
        return SetAvatarPayload(user=row)

    @mutation("Show no picture of the viewer any more.", needs=Permission.ACCOUNT)
    async def delete_avatar(
        self, info: strawberry.Info, input: DeleteAvatarInput
    ) -> DeleteAvatarPayload:
        kept = input.keep_provided
        row: Any = await avatars.delete_avatar(acting(info, input), keep_provided=kept)
        return DeleteAvatarPayload(user=row)
