"""Uploads: announced, put into the storage by the client, and completed by a look at them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.accounts.action_limits import limited
from models.billing.admission import UploadRequest, admit_upload
from models.errors import Conflict, Invalid, NotFound
from models.files.media_types import ALLOWED, FIG, IMAGES, MOST_BYTES, MOST_BYTES_OF
from models.files.names import is_plain
from models.files.stored_files import (
    GRACE,
    STAGED_FOR,
    UPLOAD_LASTS,
    FilePurpose,
    FileState,
    StoredFile,
    new_storage_key,
    wanted,
)
from models.permissions import Permission
from models.verbs import verb

if TYPE_CHECKING:
    from models.storing import Accepted, Files, UploadTarget
    from models.transaction import Transaction
    from models.verbs import Actor

UPLOADS = limited("upload", 120, hours=1)
FIG_UPLOADS = limited("figma_upload", 5, minutes=1)

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What is to be uploaded: `size` in bytes, `sha256` in hexadecimal."""

    file_name: str
    content_type: str
    size: int
    sha256: str | None = None
    purpose: FilePurpose = FilePurpose.ATTACHMENT

    def check(self) -> None:
        """Raise Invalid for the first value that does not fit."""
        if not is_plain(self.file_name):
            raise Invalid("Must be a name without folders.", field="fileName")
        if self.content_type not in (IMAGES if self.purpose is FilePurpose.AVATAR else ALLOWED):
            raise Invalid("Files of this type are not taken.", field="contentType")
        if (self.content_type == FIG) != self.file_name.lower().endswith(".fig"):
            raise Invalid(f"Names end in .fig where the type is {FIG}, else not.", field="fileName")
        most = MOST_BYTES_OF.get(self.content_type, MOST_BYTES)
        if not 1 <= self.size <= most:
            raise Invalid(f"From 1 to {most:,} bytes.", field="size")
        if self.sha256 is not None and not _SHA256.fullmatch(self.sha256):
            raise Invalid("Must be 64 hexadecimal digits in lower case.", field="sha256")


@verb
async def create_upload(tx: Transaction, new: NewUpload) -> StoredFile:
    """Announce a file. Raises Invalid, and RateLimited for too many in an hour."""
    viewer = tx.actor.viewer
    tx.require(viewer.id)
    if new.purpose is FilePurpose.AVATAR:
        viewer.require(Permission.ACCOUNT, viewer.id)
    new.check()
    await UPLOADS.count(tx)
    if new.content_type == FIG:
        await FIG_UPLOADS.count(tx)
    if new.purpose is FilePurpose.ATTACHMENT:  # of pictures only one is kept
        await admit_upload(tx, UploadRequest(viewer.id, new.size))
    return await tx.add(
        StoredFile(
            owner_id=viewer.id,
            user_id=viewer.id,
            storage_key=new_storage_key(),
            purpose=new.purpose,
            file_name=new.file_name,
            content_type=new.content_type,
            size=new.size,
            sha256=new.sha256,
            due_at=tx.now + UPLOAD_LASTS + GRACE,
        )
    )


async def target_of(files: Files, file: StoredFile) -> UploadTarget:
    """Where the bytes of an announced file are to be put."""
    until = file.created_at + UPLOAD_LASTS
    return await files.upload_target(file.id, file.announced, until)


async def complete_upload(actor: Actor, files: Files, id: str) -> StoredFile:
    """Look at what was uploaded and keep it; once it is kept, say so again.

    Raises NotFound, Conflict when nothing was uploaded, Invalid when it is something else, and
    Unavailable.
    """
    file = await _find(actor, id)
    if file.state is FileState.READY:
        return file
    accepted = await files.accept(file.announced)
    try:
        file = await _keep(actor, id, accepted)
    except NotFound:  # given up meanwhile, and what was kept came after its removal
        await files.remove(file.storage_key)
        raise
    if file.sha256 != accepted.sha256:
        raise Conflict("Another upload of this file was completed first.")
    await files.remove_upload(file.storage_key)
    return file


@verb
async def _find(tx: Transaction, id: str) -> StoredFile:
    """A file to complete. Raises NotFound, and Conflict when its time is over."""
    file = await tx.reach(StoredFile, id, field="id")
    if file.state is FileState.PENDING and (file.due_at or tx.now) - GRACE <= tx.now:
        raise Conflict("The time for this upload is over; create another.", field="id")
    return file


@verb
async def _keep(tx: Transaction, id: str, accepted: Accepted) -> StoredFile:
    """Note what was kept, unless somebody was faster."""
    file = await tx.reach(StoredFile, id, field="id")
    if file.state is FileState.READY:
        return file
    return await file.change(
        state=FileState.READY,
        content_type=accepted.content_type,
        size=accepted.size,
        sha256=accepted.sha256,
        width=accepted.width,
        height=accepted.height,
        has_thumbnail=accepted.thumbnail,
        due_at=tx.now + STAGED_FOR,
    )


@verb
async def delete_file(tx: Transaction, id: str) -> str:
    """Give up a file. Raises Conflict while a row refers to it."""
    file = await tx.reach(StoredFile, id, field="id")
    if await tx.find(StoredFile, f"t.id = $1 AND {wanted()}", id):
        raise Conflict("Something still refers to this file.", field="id")
    await file.change(deleted_at=tx.now, due_at=tx.now)
    return file.id
