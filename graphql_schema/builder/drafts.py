"""Fragment drafts in the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.fields import one
from graphql_schema.core.mutations import acting, chosen, given, key_field, mutation, optional
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.builder import drafts
from models.chat.projects import Framework

if TYPE_CHECKING:
    from graphql_schema.chat.projects import Project


@record_type(drafts.FragmentDraft)
class FragmentDraft(Node):
    project_id: strawberry.ID
    files: JSON
    framework: Framework
    created_at: datetime
    updated_at: datetime
    project: Project | None = one("project_id", "Its project.")


@strawberry.input(description="The files in progress, whole: what was there is replaced.")
class SaveFragmentDraftInput:
    project_id: strawberry.ID = given("Whose draft.")
    files: JSON = given("The files: an object of path and text.")
    framework: Framework | None = optional("Their framework; default: the project's.")
    idempotency_key: str | None = key_field()


@strawberry.input(description="A draft to clear.")
class ClearFragmentDraftInput:
    project_id: strawberry.ID = given("Whose draft.")


@strawberry.type(description="The draft as it is now.")
class SaveFragmentDraftPayload:
    draft: FragmentDraft = strawberry.field(description="The draft.")


@strawberry.type(description="What is gone.")
class ClearFragmentDraftPayload:
    deleted_draft_id: strawberry.ID | None = strawberry.field(
        description="The draft's id; null where there was none."
    )


@strawberry.type
class Mutation:
    @mutation("Save the files of a project that are being worked on.")
    async def save_fragment_draft(
        self, info: strawberry.Info, input: SaveFragmentDraftInput
    ) -> SaveFragmentDraftPayload:
        values: Any = chosen(input, "project_id", "files", "framework")
        row: Any = await drafts.save_draft(acting(info, input), **values)
        return SaveFragmentDraftPayload(draft=row)

    @mutation("Throw the draft of a project away.")
    async def clear_fragment_draft(
        self, info: strawberry.Info, input: ClearFragmentDraftInput
    ) -> ClearFragmentDraftPayload:
        gone: Any = await drafts.clear_draft(acting(info, input), input.project_id)
        return ClearFragmentDraftPayload(deleted_draft_id=gone)
