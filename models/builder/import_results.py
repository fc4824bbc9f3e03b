"""What an import leaves in its project: a message, an attachment, and the files in a fragment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.builder.fragments import PREVIEW_PLACEHOLDER, FragmentBody, put_fragment
from models.builder.import_jobs import ImportJob, Progress, held_import
from models.builder.imports import Import, ImportSource, ImportStatus
from models.chat import branches
from models.chat.attachments import Attachment, AttachmentType
from models.chat.conversations import Conversation
from models.chat.messages import Message, MessageOutcome, MessageRole
from models.chat.projects import Framework, Project
from models.files.stored_files import FilePurpose, StoredFile, reach_ready
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

_TYPES = {
    ImportSource.GITHUB: AttachmentType.GITHUB_REPO,
    ImportSource.FIGMA: AttachmentType.FIGMA_FILE,
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What was taken over: what its source calls it, and where it is there.

    `summary` is what the message says, `size` in bytes. `files` are paths and texts, None where
    there are none to take; `file_id` is an upload that it was read from.
    """

    source_id: str
    source_name: str
    source_url: str
    summary: str
    size: int
    metadata: Mapping[str, Any]
    files: Mapping[str, str] | None = None
    file_id: str | None = None


@verb
async def finish_import(
    tx: Transaction, job: ImportJob, found: Imported, progress: Progress
) -> bool:
    """Put all of it into the project, as the user who asked; False when it was called off.

    Raises Forbidden or NotFound when that user may not write there any more, or it is gone.
    """
    project = await tx.reach(Project, job.project_id)
    file = (
        await reach_ready(tx, found.file_id, FilePurpose.ATTACHMENT, "fileId")
        if (found.file_id)
        else None
    )
    (main,) = await tx.find(Conversation, "project_id = $1 AND main", project.id, lock=True)
    row = await held_import(tx, job)
    if row is None:
        return False
    message = Message(
        role=MessageRole.ASSISTANT, outcome=MessageOutcome.SUCCEEDED, content=found.summary
    )
    await branches.append(tx, main, await branches.tail_of(tx, main.id), message)
    await tx.add(_attachment(row, message, found, file))
    fragment_id = await _put_files(tx, project, message, found)
    await row.end(
        tx,
        ImportStatus.COMPLETE,
        MessageOutcome.SUCCEEDED,
        source_id=found.source_id,
        source_name=found.source_name,
        source_url=found.source_url,
        metadata=dict(found.metadata),
        fragment_id=fragment_id,
        bytes_done=progress.bytes_done,
        bytes_total=progress.bytes_done,
        files_done=len(found.files or ()),
    )
    return True


def _attachment(
    row: Import, message: Message, found: Imported, file: StoredFile | None
) -> Attachment:
    return Attachment(
        owner_id=message.owner_id,
        message_id=message.id,
        conversation_id=message.conversation_id,
        user_id=row.user_id,
        type=_TYPES[row.source],
        url=None if file else found.source_url,
        stored_file_id=file.id if file else None,
        file_name=file.file_name if file else None,
        file_type=file.content_type if file else None,
        size=file.size if file else found.size,
        import_id=row.id,
        source_metadata=dict(found.metadata),
    )


async def _put_files(
    tx: Transaction, project: Project, message: Message, found: Imported
) -> str | None:
    if found.files is None:
        return None
    body = FragmentBody(
        sandbox_url=PREVIEW_PLACEHOLDER,
        title=found.source_name,
        files=dict(found.files),
        framework=project.framework or Framework.NEXTJS,
        metadata=dict(found.metadata),
    )
    return (await put_fragment(tx, message, body)).id
