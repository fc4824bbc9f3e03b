"""Imports in the API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.computing import computed
from graphql_schema.core.connection import Connection
from graphql_schema.core.entries import of_viewer, pages_of, row_by_id
from graphql_schema.core.enums import describe
from graphql_schema.core.fields import one
from graphql_schema.core.mutations import acting, given, into, key_field, mutation, optional
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.builder import importing, imports
from models.builder.agent_runs import ExecutionPhase
from models.builder.imports import ImportSource, ImportStatus
from models.chat.messages import MessageOutcome
from models.reading import Listing, Order

if TYPE_CHECKING:
    from graphql_schema.builder.fragments import Fragment
    from graphql_schema.chat.messages import Message
    from graphql_schema.chat.projects import Project

describe(ImportSource, "Where an import comes from.", FIGMA="Figma.", GITHUB="GitHub.")
describe(
    ImportStatus,
    "How far an import is.",
    PENDING="Nobody has begun it, or it waits for another try.",
    PROCESSING="It is being read.",
    COMPLETE="All is there.",
    FAILED="It went wrong or was called off; the outcome says which.",
)


@computed("status", "outcome", description="How far it is, in the words of all executions.")
def _phase(rows: Sequence[imports.Import]) -> list[ExecutionPhase]:
    return [row.phase for row in rows]


@record_type(imports.Import)
class Import(Node):
    user_id: strawberry.ID
    project_id: strawberry.ID
    message_id: strawberry.ID | None
    source: ImportSource
    source_id: str
    source_name: str
    source_url: str
    ref: str | None
    status: ImportStatus
    outcome: MessageOutcome | None
    metadata: JSON | None
    error: str | None
    fragment_id: strawberry.ID | None
    bytes_done: int
    bytes_total: int | None
    files_done: int
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    project: Project | None = one("project_id", "Its project.")
    message: Message | None = one("message_id", "The message that asked for it.")
    fragment: Fragment | None = one("fragment_id", "The fragment that has its files.")
    phase: ExecutionPhase = _phase


@strawberry.input(description="A repository of GitHub to take over into an app.")
class ImportGithubRepositoryInput:
    project_id: strawberry.ID = given("The app; its files are replaced in a new fragment.")
    repository: str = given("Its owner and its name, as in `octocat/hello`.")
    repository_id: str | None = optional("GitHub's number of it, to be sure that it is the one.")
    ref: str | None = optional("A branch, a tag or a commit; default: the default branch.")
    message_id: strawberry.ID | None = optional("The app's message that asks for it.")
    idempotency_key: str | None = key_field()


@strawberry.input(description="A file at Figma to take over into an app.")
class ImportFigmaFileInput:
    project_id: strawberry.ID = given("The app.")
    file: str = given("Its key, or its address at Figma.")
    message_id: strawberry.ID | None = given("The app's message that asks for it.", default=None)
    idempotency_key: str | None = key_field()


@strawberry.input(description="An uploaded file of Figma to take over into an app.")
class ImportFigmaUploadInput:
    project_id: strawberry.ID = given("The app.")
    file_id: strawberry.ID = given("A complete upload of a `.fig` file.")
    message_id: strawberry.ID | None = given("The app's message that asks for it.", default=None)
    idempotency_key: str | None = key_field()


@strawberry.input(description="An import to call off.")
class CancelImportInput:
    id: strawberry.ID = given("Which one.")


@strawberry.type(description="The new import, which a worker is about to carry out.")
class ImportGithubRepositoryPayload:
    import_: Import = strawberry.field(description="The import.", name="import")


@strawberry.type(description="The new import, which a worker is about to carry out.")
class ImportFigmaFilePayload:
    import_: Import = strawberry.field(description="The import.", name="import")


@strawberry.type(description="The new import, which a worker is about to carry out.")
class ImportFigmaUploadPayload:
    import_: Import = strawberry.field(description="The import.", name="import")


@strawberry.type(description="The canceled import.")
class CancelImportPayload:
    import_: Import = strawberry.field(description="The import.", name="import")


OWN = Listing(imports.Import, "user_id", Order("created_at", descending=True), 0)


@strawberry.type
class Query:
    import_: Import | None = row_by_id(
        imports.Import, "An import that the viewer reaches; null when there is none.", "import"
    )
    imports: Connection[Import] = pages_of(
        of_viewer, OWN, "What the viewer took over from elsewhere, newest first."
    )


@strawberry.type
class Mutation:
    @mutation("Take over the files of a repository into an app; a worker does it.")
    async def import_github_repository(
        self, info: strawberry.Info, input: ImportGithubRepositoryInput
    ) -> ImportGithubRepositoryPayload:
        wanted, actor = into(importing.GithubRepository, input), acting(info, input)
        row: Any = await importing.import_github_repository(actor, input.project_id, wanted)
        return ImportGithubRepositoryPayload(import_=row)

    @mutation("Take over what Figma tells of a file into an app; a worker does it.")
    async def import_figma_file(
        self, info: strawberry.Info, input: ImportFigmaFileInput
    ) -> ImportFigmaFilePayload:
        actor, message = acting(info, input), input.message_id
        row: Any = await importing.import_figma_file(actor, input.project_id, input.file, message)
        return ImportFigmaFilePayload(import_=row)

    @mutation("Take over an uploaded `.fig` file into an app; a worker does it.")
    async def import_figma_upload(
        self, info: strawberry.Info, input: ImportFigmaUploadInput
    ) -> ImportFigmaUploadPayload:
        actor, given_ids = acting(info, input), (input.project_id, input.file_id)
        row: Any = await importing.import_figma_upload(actor, *given_ids, input.message_id)
        return ImportFigmaUploadPayload(import_=row)

    @mutation("Call off an import that has not ended.")
    async def cancel_import(
        self, info: strawberry.Info, input: CancelImportInput
    ) -> CancelImportPayload:
        row: Any = await imports.Import.cancel(acting(info, input), input.id)
        return CancelImportPayload(import_=row)
