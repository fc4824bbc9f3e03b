"""Imports in the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from graphql_schema.core.connection import (
    Connection,
)
from graphql_schema.core.entries import of_viewer, pages_of
from graphql_schema.core.enums import describe
from graphql_schema.core.fields import one
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.builder import imports
from models.builder.imports import ImportSource, ImportStatus
from models.reading import Listing, Order

if TYPE_CHECKING:
    from graphql_schema.chat.messages import Message
    from graphql_schema.chat.projects import Project

describe(ImportSource, "Where an import comes from.", FIGMA="Figma.", GITHUB="GitHub.")
describe(
    ImportStatus,
    "How far an import is.",
    PENDING="Nobody has begun it.",
    PROCESSING="It is being read.",
    COMPLETE="All is there.",
    FAILED="It went wrong.",
)


@record_type(imports.Import)
class Import(Node):
    user_id: strawberry.ID
    project_id: strawberry.ID
    message_id: strawberry.ID | None
    source: ImportSource
    source_id: str
    source_name: str
    source_url: str
    status: ImportStatus
    metadata: JSON | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    project: Project | None = one("project_id", "Its project.")
    message: Message | None = one("message_id", "The message that asked for it.")


OWN = Listing(imports.Import, "user_id", Order("created_at", descending=True), 0)


@strawberry.type
class Query:
    imports: Connection[Import] = pages_of(
        of_viewer, OWN, "What the viewer took over from elsewhere, newest first."
    )
