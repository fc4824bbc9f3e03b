"""File snapshots in the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.fields import one
from graphql_schema.core.mutations import acting, given, into, key_field, mutation, optional
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.builder import snapshots
from models.chat.projects import Framework

if TYPE_CHECKING:
    from graphql_schema.chat.projects import Project


@record_type(snapshots.FileSnapshot)
class FileSnapshot(Node):
    project_id: strawberry.ID
    message_id: strawberry.ID | None
    fragment_id: strawberry.ID | None
    restored_from: strawberry.ID | None
    files: JSON
    framework: Framework | None
    created_at: datetime
    updated_at: datetime
    project: Project | None = one("project_id", "Its project.")


@strawberry.input(description="Files to keep as the project's newest snapshot.")
class SaveFilesInput:
    project_id: strawberry.ID = given("Whose files.")
    files: JSON = given("The files: an object of path and text.")
    framework: Framework | None = optional("Their framework; default: the project's.")
    message_id: strawberry.ID | None = optional("The project's message they came with.")
    fragment_id: strawberry.ID | None = optional("The project's fragment they came from.")
    idempotency_key: str | None = key_field()


@strawberry.input(description="A snapshot to go back to.")
class RestoreFileSnapshotInput:
    id: strawberry.ID = given("Which one.")
    idempotency_key: str | None = key_field()


@strawberry.type(description="The new snapshot.")
class SaveFilesPayload:
    file_snapshot: FileSnapshot = strawberry.field(description="The snapshot.")


@strawberry.type(description="The new snapshot, equal to the earlier one.")
class RestoreFileSnapshotPayload:
    file_snapshot: FileSnapshot = strawberry.field(description="The snapshot.")


@strawberry.type
class Mutation:
    @mutation("Keep a set of files as the project's newest snapshot.")
    async def save_files(self, info: strawberry.Info, input: SaveFilesInput) -> SaveFilesPayload:
        saved = into(snapshots.SavedFiles, input)
        row: Any = await snapshots.save_files(acting(info, input), input.project_id, saved)
        return SaveFilesPayload(file_snapshot=row)

    @mutation("Make an earlier snapshot the newest one; the history stays.")
    async def restore_file_snapshot(
        self, info: strawberry.Info, input: RestoreFileSnapshotInput
    ) -> RestoreFileSnapshotPayload:
        row: Any = await snapshots.restore_snapshot(acting(info, input), input.id)
        return RestoreFileSnapshotPayload(file_snapshot=row)
