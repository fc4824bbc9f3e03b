"""Subscriptions of the app builder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.hearing import AfterCursor, Topic, hear, reach_root
from models.builder.agent_runs import AgentRun as AgentRunRow
from models.builder.imports import Import as ImportRow
from models.chat.projects import Project

if TYPE_CHECKING:
    from graphql_schema.builder.agent_runs import AgentRun
    from graphql_schema.builder.imports import Import


@strawberry.type(description="A run that was added, changed or removed, or a bare cursor.")
class AgentRunChanged:
    node: AgentRun | None = strawberry.field(description="The run as it is now.")
    deleted_id: strawberry.ID | None = strawberry.field(description="The id of a run that is gone.")
    cursor: str = strawberry.field(description="Where to go on after a break.")
    reset: bool = strawberry.field(
        description="True when changes may have been missed: query the list again."
    )


@strawberry.type(description="An import that was added, changed or removed, or a bare cursor.")
class ImportChanged:
    node: Import | None = strawberry.field(description="The import as it is now.")
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id of an import that is gone."
    )
    cursor: str = strawberry.field(description="Where to go on after a break.")
    reset: bool = strawberry.field(
        description="True when changes may have been missed: query the list again."
    )


@strawberry.type
class Subscription:
    @strawberry.subscription(description="The runs of a project, as they change.")
    async def agent_run_changed(
        self,
        info: strawberry.Info,
        project_id: Annotated[strawberry.ID, strawberry.argument(description="The project.")],
        after: AfterCursor = None,
    ) -> AsyncIterator[AgentRunChanged]:
        context = context_of(info)
        root = await reach_root(context, Project, project_id, "projectId")
        async for event in hear(context, Topic(AgentRunRow, "project_id", root), after):
            yield event  # type: ignore[misc]

    @strawberry.subscription(description="The imports of a project, as they change.")
    async def import_changed(
        self,
        info: strawberry.Info,
        project_id: Annotated[strawberry.ID, strawberry.argument(description="The project.")],
        after: AfterCursor = None,
    ) -> AsyncIterator[ImportChanged]:
        context = context_of(info)
        root = await reach_root(context, Project, project_id, "projectId")
        async for event in hear(context, Topic(ImportRow, "project_id", root), after):
            yield event  # type: ignore[misc]
