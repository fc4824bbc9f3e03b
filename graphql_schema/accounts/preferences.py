"""Preferences in the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.entries import own_row
from graphql_schema.core.hearing import AfterCursor, Topic, hear, reach_root
from graphql_schema.core.mutations import acting, chosen, mutation, optional
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.accounts import preferences
from models.accounts.users import User
from models.reading import Lookup


@record_type(preferences.UserPreferences)
class UserPreferences(Node):
    user_id: strawberry.ID
    layout: str
    prompt_suggestions: bool
    show_tool_invocations: bool
    show_conversation_previews: bool
    multi_model_enabled: bool
    hidden_models: list[str]
    default_model: str
    preferred_locale: str
    output_tone: str
    marketing_opt_in: bool
    created_at: datetime
    updated_at: datetime


@strawberry.input(description="What to change of the viewer's preferences; the rest stays.")
class UpdatePreferencesInput:
    layout: str | None = optional("How the front end is laid out, a word of its own.")
    prompt_suggestions: bool | None = optional("Whether prompts are suggested.")
    show_tool_invocations: bool | None = optional("Whether calls of tools are shown.")
    show_conversation_previews: bool | None = optional(
        "Whether lists of conversations show their beginnings."
    )
    multi_model_enabled: bool | None = optional("Whether several models may be asked at once.")
    hidden_models: list[str] | None = optional("Ids of models that are not offered, 100 at most.")
    default_model: str | None = optional("The model to use when none is named.")
    preferred_locale: str | None = optional("The language to use, a tag of BCP 47.")
    output_tone: str | None = optional("How answers sound, in a word or two.")
    marketing_opt_in: bool | None = optional("Whether the user wants news by mail.")


CHANGEABLE = tuple(UpdatePreferencesInput.__annotations__)


@strawberry.type(description="The viewer's preferences as they are now.")
class UpdatePreferencesPayload:
    preferences: UserPreferences = strawberry.field(description="The preferences.")


@strawberry.type(description="The viewer's preferences when they have changed, or a bare cursor.")
class PreferencesChanged:
    node: UserPreferences | None = strawberry.field(description="The preferences as they are now.")
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id of preferences that are gone."
    )
    cursor: str = strawberry.field(description="Where to go on after a break.")
    reset: bool = strawberry.field(
        description="True when changes may have been missed: query them again."
    )


OWN = Lookup(preferences.UserPreferences, "user_id")


@strawberry.type
class Query:
    preferences: UserPreferences | None = own_row(
        OWN, "What the viewer has chosen, at first the defaults; null when signed out."
    )


@strawberry.type
class Mutation:
    @mutation("Change some of the viewer's preferences.")
    async def update_preferences(
        self, info: strawberry.Info, input: UpdatePreferencesInput
    ) -> UpdatePreferencesPayload:
        changed = chosen(input, *CHANGEABLE)
        row: Any = await preferences.update_preferences(acting(info, input), **changed)
        return UpdatePreferencesPayload(preferences=row)


@strawberry.type
class Subscription:
    @strawberry.subscription(description="The viewer's preferences, as they change.")
    async def preferences_changed(
        self, info: strawberry.Info, after: AfterCursor = None
    ) -> AsyncIterator[PreferencesChanged]:
        context = context_of(info)
        root = await reach_root(context, User, context.viewer.id, "of")
        topic = Topic(preferences.UserPreferences, "user_id", root)
        async for event in hear(context, topic, after):
            yield event  # type: ignore[misc]
