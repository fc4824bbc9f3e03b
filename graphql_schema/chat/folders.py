"""Folders in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.mutations import acting, given, key_field, mutation
from models.chat import folders

if TYPE_CHECKING:
    from graphql_schema.chat.projects import Project


@strawberry.input(description="A new folder for conversations.")
class CreateFolderInput:
    name: str = given("Its name, at most 200 characters.")
    org_id: strawberry.ID | None = given("Whose it is to be; default: the viewer's.", default=None)
    idempotency_key: str | None = key_field()


@strawberry.type(description="The new folder.")
class CreateFolderPayload:
    project: Project = strawberry.field(description="The folder, which is a project.")


@strawberry.type
class Mutation:
    @mutation("Make a folder for conversations.")
    async def create_folder(
        self, info: strawberry.Info, input: CreateFolderInput
    ) -> CreateFolderPayload:
        actor = acting(info, input)
        made: Any = await folders.create_folder(actor, input.name, input.org_id)
        return CreateFolderPayload(project=made)
