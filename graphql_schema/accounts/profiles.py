"""Profiles in the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.hearing import AfterCursor, Topic, hear, reach_root
from graphql_schema.core.mutations import acting, chosen, given, mutation, optional
from models.accounts import profiles
from models.accounts.users import User as UserRow

if TYPE_CHECKING:
    from graphql_schema.accounts.users import User


@strawberry.input(description="What to change of the viewer's profile; what is left out stays.")
class UpdateProfileInput:
    name: str | None = optional("What to call the user, at most 200 characters.")
    system_prompt: str | None = optional(
        "Given to the model where the conversation has none; null for none at all."
    )


@strawberry.input(description="The models that are to be the viewer's favourites.")
class UpdateFavoriteModelsInput:
    models: list[str] = given("Their ids in the order to show them in, 100 at most.")


@strawberry.input(description="A model that is to be one of the viewer's favourites.")
class AddFavoriteModelInput:
    model: str = given("Its id.")


@strawberry.input(description="A model that is to be none of the viewer's favourites.")
class RemoveFavoriteModelInput:
    model: str = given("Its id.")


@strawberry.type(description="The viewer as they are now.")
class UpdateProfilePayload:
    user: User = strawberry.field(description="The viewer.")


@strawberry.type(description="The viewer with their favourites.")
class UpdateFavoriteModelsPayload:
    user: User = strawberry.field(description="The viewer.")


@strawberry.type(description="The viewer with their favourites.")
class AddFavoriteModelPayload:
    user: User = strawberry.field(description="The viewer.")


@strawberry.type(description="The viewer with their favourites.")
class RemoveFavoriteModelPayload:
    user: User = strawberry.field(description="The viewer.")


@strawberry.type(description="The viewer when something of them has changed, or a bare cursor.")
class ViewerChanged:
    node: User | None = strawberry.field(description="The viewer as they are now.")
    deleted_id: strawberry.ID | None = strawberry.field(description="Never set.")
    cursor: str = strawberry.field(description="Where to go on after a break.")
    reset: bool = strawberry.field(
        description="True when changes may have been missed: query the viewer again."
    )


@strawberry.type
class Mutation:
    @mutation("Change the viewer's name or system prompt.")
    async def update_profile(
        self, info: strawberry.Info, input: UpdateProfileInput
    ) -> UpdateProfilePayload:
        changed = chosen(input, "name", "system_prompt")
        row: Any = await profiles.update_profile(acting(info, input), **changed)
        return UpdateProfilePayload(user=row)

    @mutation("Choose the viewer's favourite models.")
    async def update_favorite_models(
        self, info: strawberry.Info, input: UpdateFavoriteModelsInput
    ) -> UpdateFavoriteModelsPayload:
        row: Any = await profiles.update_favorite_models(acting(info, input), input.models)
        return UpdateFavoriteModelsPayload(user=row)

    @mutation("Add a model to the viewer's favourites, at their end.")
    async def add_favorite_model(
        self, info: strawberry.Info, input: AddFavoriteModelInput
    ) -> AddFavoriteModelPayload:
        row: Any = await profiles.add_favorite_model(acting(info, input), input.model)
        return AddFavoriteModelPayload(user=row)

    @mutation("Take a model out of the viewer's favourites.")
    async def remove_favorite_model(
        self, info: strawberry.Info, input: RemoveFavoriteModelInput
    ) -> RemoveFavoriteModelPayload:
        row: Any = await profiles.remove_favorite_model(acting(info, input), input.model)
        return RemoveFavoriteModelPayload(user=row)


@strawberry.type
class Subscription:
    @strawberry.subscription(description="The viewer's own account, as it changes.")
    async def viewer_changed(
        self, info: strawberry.Info, after: AfterCursor = None
    ) -> AsyncIterator[ViewerChanged]:
        context = context_of(info)
        root = await reach_root(context, UserRow, context.viewer.id, "of")
        async for event in hear(context, Topic(UserRow, "id", root), after):
            yield event  # type: ignore[misc]
