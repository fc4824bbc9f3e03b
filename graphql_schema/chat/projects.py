"""Projects in the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.accounts.orgs import org_id_of
from graphql_schema.core.connection import (
    Connection,
)
from graphql_schema.core.entries import of_all, pages_of, pages_of_owner, row_by_id
from graphql_schema.core.enums import describe
from graphql_schema.core.fields import first, first_through, one, one_by, page
from graphql_schema.core.mutations import (
    acting,
    chosen,
    given,
    into,
    key_field,
    mutation,
    optional,
)
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.chat import moving, projects
from models.chat.messages import Message as MessageRow
from models.chat.projects import Framework, ProjectKind
from models.permissions import Permission
from models.reading import Listing, Order

if TYPE_CHECKING:
    from graphql_schema.accounts.orgs import Org
    from graphql_schema.builder.agent_runs import AgentRun
    from graphql_schema.builder.drafts import FragmentDraft
    from graphql_schema.builder.imports import Import
    from graphql_schema.builder.snapshots import FileSnapshot
    from graphql_schema.chat.attachments import Attachment
    from graphql_schema.chat.conversations import Conversation
    from graphql_schema.chat.messages import Message

describe(ProjectKind, "What a project is.", APP="An app being built.", FOLDER="A folder of chats.")
describe(
    Framework,
    "The front-end framework of an app.",
    NEXTJS="Next.js.",
    ANGULAR="Angular.",
    REACT="React.",
    VUE="Vue.",
    SVELTE="Svelte.",
)

_NEWEST_IMAGE = first(
    "message_id",
    "The newest image of the latest message.",
    order="-created_at",
    where="t.type = 'IMAGE'",
)


@record_type(projects.Project)
class Project(Node):
    user_id: strawberry.ID
    name: str
    kind: ProjectKind
    framework: Framework | None
    model_preference: str | None
    description: str | None
    showcased: bool
    created_at: datetime
    updated_at: datetime
    org_id: strawberry.ID | None = org_id_of
    org: Org | None = one("owner_id", "The organisation it belongs to; null for a user's own.")
    conversation: Conversation | None = one_by(
        "project_id", "The main conversation of an app.", where="t.main"
    )
    messages: Connection[Message] = page(
        "project_id",
        "The selected branch of the main conversation, oldest first.",
        order="order_id",
        where="t.on_branch",
    )
    conversations: Connection[Conversation] = page(
        "project_id",
        "The conversations in a folder that are in use, those that changed last first.",
        order="-updated_at",
        where="NOT t.main AND t.status = 'active' AND t.deleted_at IS NULL",
    )
    draft: FragmentDraft | None = one_by("project_id", "The files in progress.")
    agent_runs: Connection[AgentRun] = page(
        "project_id", "What agents were asked to do, newest first.", order="-created_at"
    )
    latest_files: FileSnapshot | None = first(
        "project_id", "The newest snapshot of its files.", order="-created_at"
    )
    file_history: Connection[FileSnapshot] = page(
        "project_id", "The snapshots of its files, newest first.", order="-created_at"
    )
    imports: Connection[Import] = page(
        "project_id", "What it took over from elsewhere, newest first.", order="-created_at"
    )
    preview_attachment: Attachment | None = first_through(
        MessageRow,
        first("project_id", "", order="-order_id", where="t.on_branch"),
        _NEWEST_IMAGE,
    )


@record_type(projects.Project, shared=True)
class ShowcaseProject:
    """A project that its owner shows to everybody, without a word of the owner."""

    id: strawberry.ID
    name: str
    framework: Framework | None
    description: str | None
    created_at: datetime


@strawberry.input(description="A new app project.")
class CreateProjectInput:
    name: str = given("Its name, at most 200 characters.")
    framework: Framework = given("The framework of the app.")
    model_preference: str | None = optional("The model to use when none is named.")
    description: str | None = optional("What it is about.")
    showcased: bool = given("Whether to show it to everybody.", default=False)
    org_id: strawberry.ID | None = given("Whose it is to be; default: the viewer's.", default=None)
    idempotency_key: str | None = key_field()


@strawberry.input(description="What to change of a project; what is left out stays.")
class UpdateProjectInput:
    id: strawberry.ID = given("Which one.")
    name: str | None = optional("Its new name.")
    framework: Framework | None = optional("Its new framework.")
    model_preference: str | None = optional("The model to use when none is named.")
    description: str | None = optional("What it is about.")
    showcased: bool | None = optional("Whether to show it to everybody.")


@strawberry.input(description="A project to delete.")
class DeleteProjectInput:
    id: strawberry.ID = given("Which one.")


@strawberry.input(description="Where a project is to go, with all in it.")
class MoveProjectInput:
    id: strawberry.ID = given("Which one.")
    org_id: strawberry.ID | None = given(
        "The organisation; left out, the project becomes the viewer's.", default=None
    )


@strawberry.type(description="The new project.")
class CreateProjectPayload:
    project: Project = strawberry.field(description="The project.")


@strawberry.type(description="The changed project.")
class UpdateProjectPayload:
    project: Project = strawberry.field(description="The project.")


@strawberry.type(description="What is gone.")
class DeleteProjectPayload:
    deleted_project_id: strawberry.ID = strawberry.field(description="The project's id.")


@strawberry.type(description="The project at its new owner.")
class MoveProjectPayload:
    project: Project = strawberry.field(description="The project.")


OWN = Listing(projects.Project, "owner_id", Order("created_at", descending=True), 0)
SHOWCASE = Listing(
    projects.Project,
    None,
    Order("created_at", descending=True),
    0,
    where="t.showcased AND t.deleted_at IS NULL",
    public=True,
)


@strawberry.type
class Query:
    project: Project | None = row_by_id(
        projects.Project, "A project of the viewer's; null when there is none."
    )
    projects: Connection[Project] = pages_of_owner(OWN, "One owner's projects, newest first.")
    showcase_projects: Connection[ShowcaseProject] = pages_of(
        of_all, SHOWCASE, "The projects that their owners show to all, newest first."
    )


@strawberry.type
class Mutation:
    @mutation("Make an app project, with its main conversation.")
    async def create_project(
        self, info: strawberry.Info, input: CreateProjectInput
    ) -> CreateProjectPayload:
        new = into(projects.NewProject, input)
        made: Any = await projects.create_project(acting(info, input), new)
        return CreateProjectPayload(project=made)

    @mutation("Change a project.")
    async def update_project(
        self, info: strawberry.Info, input: UpdateProjectInput
    ) -> UpdateProjectPayload:
        names = ("name", "framework", "model_preference", "description", "showcased")
        changed = chosen(input, *names)
        row: Any = await projects.Project.update(acting(info, input), input.id, **changed)
        return UpdateProjectPayload(project=row)

    @mutation("Delete a project and all in it. It is hidden at once and emptied after 30 days.")
    async def delete_project(
        self, info: strawberry.Info, input: DeleteProjectInput
    ) -> DeleteProjectPayload:
        deleted = await projects.Project.delete(acting(info, input), input.id)
        return DeleteProjectPayload(deleted_project_id=strawberry.ID(deleted))

    @mutation(
        "Give a project to an organisation, or take it back; WRITE is needed where it goes.",
        needs=Permission.MOVE,
    )
    async def move_project(
        self, info: strawberry.Info, input: MoveProjectInput
    ) -> MoveProjectPayload:
        row: Any = await moving.move_project(acting(info, input), input.id, input.org_id)
        return MoveProjectPayload(project=row)
