"""Imports: what projects took over from Figma and GitHub."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from models import fields
from models.access import PartOf
from models.base import Record
from models.indexes import index


class ImportSource(StrEnum):
    """Where an import comes from."""

    FIGMA = "FIGMA"
    GITHUB = "GITHUB"


class ImportStatus(StrEnum):
    """How far an import is."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


class Import(Record):
    """A Figma file or a GitHub repository that a project took over."""

    prefix = "imp"
    access = PartOf("project")
    indexes = (
        index("user_id", "created_at", "id"),
        index("project_id", "created_at", "id"),
        index("message_id"),
        index("status"),
    )

    owner_id: str = fields.key("Whose import it is.")
    user_id: str = fields.key("Id of the user who asked for it.")
    project: Any = fields.reference("Project", "Id of its project.")
    project_id: str
    message: Any = fields.reference("Message", "Id of the message that asked for it.", null=True)
    message_id: str | None
    source: ImportSource = fields.choice(ImportSource, "Where it comes from.")
    source_id: str = fields.key("Its id there.")
    source_name: str = fields.text("Its name there.", limit=500)
    source_url: str = fields.text("Where it is, by http or https.", limit=2_000)
    status: ImportStatus = fields.choice(
        ImportStatus, "How far it is.", default=ImportStatus.PENDING
    )
    metadata: Any = fields.json("What its source tells about it.", null=True)
    error: str | None = fields.text("What went wrong, in neutral words.", limit=20_000, null=True)

    class Meta:
        table = "project_import"
