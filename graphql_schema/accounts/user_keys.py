"""Users' own keys for providers of models in the API, which shows no more than their ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

from graphql_schema.core.computing import computed
from graphql_schema.core.context import context_of
from graphql_schema.core.enums import describe
from graphql_schema.core.fields import LIST_LIMIT
from graphql_schema.core.mutations import acting, given, into, key_field, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.accounts import user_keys
from models.accounts.user_keys import KeyMode, KeyTest
from models.permissions import Permission
from models.reading import Listing, Order

describe(
    KeyMode,
    "When a user's own key goes before the server's.",
    PRIORITY="Always: the server's key is not used for this user, even if theirs is refused.",
    FALLBACK="When the server has no key for the provider, or its key is refused or used up.",
)
describe(
    KeyTest,
    "What came of showing a key to its provider.",
    OK="It is accepted.",
    REFUSED="It is not accepted.",
    UNREACHABLE="The provider could not tell.",
)


@computed(
    "encrypted_key",
    "masked_key",
    description="The key's first and last four characters; null for one that an import left out.",
)
def _masked_key(rows: Sequence[user_keys.UserKey]) -> list[str | None]:
    return [None if row.encrypted_key is None else row.masked_key for row in rows]


@record_type(user_keys.UserKey)
class UserKey(Node):
    user_id: strawberry.ID
    provider: str
    masked_key: str | None = _masked_key
    mode: KeyMode
    last_used_at: datetime | None
    created_at: datetime
    updated_at: datetime


@strawberry.input(description="A key for a provider, in the place of the one that is there.")
class SetUserKeyInput:
    provider: str = given("The provider, as models name it: `openai`.")
    key: str = given("The key, from 16 to 500 characters; what is around it is cut off.")
    mode: KeyMode = given("When it goes before the server's.", default=KeyMode.PRIORITY)
    idempotency_key: str | None = key_field()


@strawberry.input(description="How a key is to be used.")
class UpdateUserKeyInput:
    id: strawberry.ID = given("Which one.")
    mode: KeyMode = given("When it goes before the server's.")


@strawberry.input(description="A key to forget.")
class DeleteUserKeyInput:
    id: strawberry.ID = given("Which one.")


@strawberry.input(description="A key to try.")
class TestUserKeyInput:
    id: strawberry.ID = given("Which one.")


@strawberry.type(description="The key as it is kept.")
class SetUserKeyPayload:
    user_key: UserKey = strawberry.field(description="The key.")


@strawberry.type(description="The changed key.")
class UpdateUserKeyPayload:
    user_key: UserKey = strawberry.field(description="The key.")


@strawberry.type(description="What is gone.")
class DeleteUserKeyPayload:
    deleted_user_key_id: strawberry.ID = strawberry.field(description="The key's id.")


@strawberry.type(description="What its provider says of a key.")
class TestUserKeyPayload:
    user_key: UserKey = strawberry.field(description="The key.")
    result: KeyTest = strawberry.field(description="What came of it.")
    message: str = strawberry.field(description="The same in words.")


OWN = Listing(user_keys.UserKey, "user_id", Order("provider"), LIST_LIMIT)


@strawberry.type
class Query:
    @strawberry.field(description="The viewer's own keys, one for each provider; needs ACCOUNT.")
    async def user_keys(self, info: strawberry.Info) -> list[UserKey]:
        context = context_of(info)
        found: list[Any] = await context.loaders.rows(OWN, context.viewer.user_id)
        return found


@strawberry.type
class Mutation:
    @mutation("Keep a key for a provider of models, encrypted.", needs=Permission.ACCOUNT)
    async def set_user_key(
        self, info: strawberry.Info, input: SetUserKeyInput
    ) -> SetUserKeyPayload:
        new, vault = into(user_keys.NewUserKey, input), context_of(info).ports.sign_in.vault
        row: Any = await user_keys.set_user_key(acting(info, input), new, vault)
        return SetUserKeyPayload(user_key=row)

    @mutation("Say when a key goes before the server's.", needs=Permission.ACCOUNT)
    async def update_user_key(
        self, info: strawberry.Info, input: UpdateUserKeyInput
    ) -> UpdateUserKeyPayload:
        row: Any = await user_keys.UserKey.set_mode(acting(info, input), input.id, input.mode)
        return UpdateUserKeyPayload(user_key=row)

    @mutation("Forget a key at once.", needs=Permission.ACCOUNT)
    async def delete_user_key(
        self, info: strawberry.Info, input: DeleteUserKeyInput
    ) -> DeleteUserKeyPayload:
        gone = await user_keys.delete_user_key(acting(info, input), input.id)
        return DeleteUserKeyPayload(deleted_user_key_id=strawberry.ID(gone))

    @mutation("Show a key to its provider, at no cost.", needs=Permission.ACCOUNT)
    async def test_user_key(
        self, info: strawberry.Info, input: TestUserKeyInput
    ) -> TestUserKeyPayload:
        vault = context_of(info).ports.sign_in.vault
        tried = await user_keys.try_user_key(acting(info, input), input.id, vault)
        row: Any = tried.user_key
        return TestUserKeyPayload(user_key=row, result=tried.result, message=tried.message)
