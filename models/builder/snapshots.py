"""File snapshots: what a browser preview held, kept as a history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import PartOf
from models.base import Record
from models.builder.files import check_files
from models.builder.fragments import Fragment
from models.chat.messages import Message
from models.chat.projects import Framework, Project
from models.errors import NotFound
from models.indexes import index
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction


class FileSnapshot(Record):
    """The files of a project at one moment; nothing overwrites it."""

    prefix = "fsn"
    access = PartOf("project")
    indexes = (
        index("project_id", "created_at", "id"),
        index("fragment_id"),
        index("message_id"),
    )

    owner_id: str = fields.key("Whose snapshot it is.")
    project: Any = fields.reference("Project", "Id of its project.")
    project_id: str
    message_id: str | None = fields.key("Id of the message the files came with.", null=True)
    fragment_id: str | None = fields.key("Id of the fragment the files came from.", null=True)
    restored_from: str | None = fields.key("Id of the snapshot this one restored.", null=True)
    files: Any = fields.json("The files: an object of path and text.")
    framework: Framework | None = fields.choice(Framework, "The framework of the files.", null=True)

    class Meta:
        table = "file_snapshot"


@dataclass(frozen=True, slots=True)
class SavedFiles:
    """Files to keep, and what they came from, if anything."""

    files: dict[str, Any]
    framework: Framework | None = None
    message_id: str | None = None
    fragment_id: str | None = None


@verb
async def save_files(tx: Transaction, project_id: str, saved: SavedFiles) -> FileSnapshot:
    """Keep a set of files as the project's newest snapshot.

    The message and the fragment it names must be of this project.
    """
    check_files(saved.files)
    project = await tx.reach(Project, project_id, field="projectId")
    await _refuse_foreign(tx, project, saved)
    return await tx.add(
        FileSnapshot(
            owner_id=project.owner_id,
            project_id=project.id,
            files=saved.files,
            framework=saved.framework or project.framework,
            message_id=saved.message_id,
            fragment_id=saved.fragment_id,
        )
    )


async def _refuse_foreign(tx: Transaction, project: Project, saved: SavedFiles) -> None:
    if saved.message_id is not None:
        mine = "id = $1 AND project_id = $2"
        if not await tx.find(Message, mine, saved.message_id, project.id):
            raise NotFound("There is no such message in the project.", field="messageId")
    if saved.fragment_id is not None:
        mine = "id = $1 AND message_id IN (SELECT id FROM message WHERE project_id = $2)"
        if not await tx.find(Fragment, mine, saved.fragment_id, project.id):
            raise NotFound("There is no such fragment in the project.", field="fragmentId")


@verb
async def restore_snapshot(tx: Transaction, snapshot_id: str) -> FileSnapshot:
    """Make an earlier snapshot the newest one, as a new row."""
    old = await tx.reach(FileSnapshot, snapshot_id, field="id")
    return await tx.add(
        FileSnapshot(
            owner_id=old.owner_id,
            project_id=old.project_id,
            files=old.files,
            framework=old.framework,
            message_id=old.message_id,
            fragment_id=old.fragment_id,
            restored_from=old.id,
        )
    )
