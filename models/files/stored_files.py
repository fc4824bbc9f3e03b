"""Stored files: what is known of bytes that lie in the storage.

A file lives as long as some row refers to it. One that none refers to yet, or any more, has a time
at which it is looked at again and, if still nobody wants it, removed: see models/files/sweeping.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from models import fields
from models.access import Owned
from models.base import Record
from models.errors import Conflict, NotFound
from models.files.media_types import MOST_BYTES, MOST_BYTES_OF
from models.indexes import index, unique
from models.packages import record_models
from models.statements import listed
from models.storing import Announced

if TYPE_CHECKING:
    from models.ports import Database
    from models.transaction import Transaction

LARGEST = max(MOST_BYTES, *MOST_BYTES_OF.values())
UPLOAD_LASTS = timedelta(hours=1)
STAGED_FOR = timedelta(hours=24)  # between an upload's end and the first row that refers to it
GRACE = timedelta(minutes=15)  # longer than completing an upload can take


class FileState(StrEnum):
    """How far a file is."""

    PENDING = "pending"
    READY = "ready"


class FilePurpose(StrEnum):
    """What a file is for."""

    ATTACHMENT = "attachment"
    AVATAR = "avatar"


class StoredFile(Record):
    """A file: its bytes lie in the storage, this is what is known of them."""

    prefix = "fil"
    access = Owned()
    indexes = (
        unique("storage_key"),
        index("owner_id", "created_at", "id"),
        index("due_at", where="(due_at IS NOT NULL)"),
    )

    owner_id: str = fields.key("Whose file it is.")
    user_id: str = fields.key("Id of the user who uploaded it.")
    storage_key: str = fields.key("Where its bytes are; for nobody to guess or choose.")
    purpose: FilePurpose = fields.choice(FilePurpose, "What it is for.")
    state: FileState = fields.choice(FileState, "How far it is.", default=FileState.PENDING)
    file_name: str = fields.text("Its name, a label only.", limit=255)
    content_type: str = fields.key("Its media type.")
    size: int = fields.integer("Its size in bytes.", least=1, most=LARGEST)
    sha256: str | None = fields.key(
        "SHA-256 of its bytes, in hexadecimal; null until it is known.", null=True
    )
    width: int | None = fields.integer("Width in pixels, of an image.", least=1, null=True)
    height: int | None = fields.integer("Height in pixels, of an image.", least=1, null=True)
    has_thumbnail: bool = fields.flag("Whether there is a small picture of it.", default=False)
    due_at: datetime | None = fields.moment(
        "When to look whether anybody still wants it.", null=True
    )
    deleted_at: datetime | None = fields.moment("When it was given up.", null=True)

    class Meta:
        table = "stored_file"

    @property
    def announced(self) -> Announced:
        """What its upload was announced to be."""
        avatar = self.purpose is FilePurpose.AVATAR
        return Announced(self.storage_key, self.content_type, self.size, self.sha256, avatar)


_BY_ID = "SELECT {columns} FROM stored_file t WHERE t.id = $1 AND t.deleted_at IS NULL"
_SHOWN = f"""{_BY_ID} AND EXISTS (
    SELECT 1 FROM user_account u WHERE u.avatar_file_id = t.id AND u.deleted_at IS NULL)"""


async def signed_file(database: Database, id: str) -> StoredFile:
    """A file whose id came in an address that we signed. Raises NotFound."""
    return await _found(database, _BY_ID, id)


async def shown_avatar(database: Database, id: str) -> StoredFile:
    """A file that is the picture of somebody, for everybody. Raises NotFound."""
    return await _found(database, _SHOWN, id)


async def _found(database: Database, sql: str, id: str) -> StoredFile:
    rows = await database.fetch(sql.format(columns=listed(StoredFile)), id)
    if not rows:
        raise NotFound("There is no such file any more.")
    return StoredFile.from_row(rows[0])


def new_storage_key() -> str:
    """A key of 160 random bits, in a folder of its own."""
    drawn = secrets.token_hex(20)
    return f"{drawn[:2]}/{drawn[2:]}"


async def reach_ready(tx: Transaction, id: str, purpose: FilePurpose, field: str) -> StoredFile:
    """Lock a file that is whole, so that a row can refer to it. Raises Conflict, NotFound."""
    file = await tx.reach(StoredFile, id, field=field)
    if file.purpose is not purpose:
        raise NotFound("There is no such thing, or it is not yours.", field=field)
    if file.state is not FileState.READY:
        raise Conflict("The upload is not complete yet.", field=field)
    return file


async def release(tx: Transaction, id: str | None) -> None:
    """Have a file looked at that a row does not refer to any more."""
    file = await tx.lock(StoredFile, id) if id else None
    if file is not None:
        await file.change(due_at=tx.now)


async def release_all(tx: Transaction, ids: Sequence[str]) -> None:
    """Have several files looked at; those that other rows refer to stay."""
    await tx.change_many(StoredFile, "id = ANY($1)", ids, due_at=tx.now)


@cache
def wanted() -> str:
    """The condition under which some row refers to the file `t`.

    OFFSET 0 has each table asked by key: else PostgreSQL may read one whole, to hash it.
    """
    links = (
        f"EXISTS (SELECT 1 FROM {model.table()} r WHERE r.{column} = t.id OFFSET 0)"
        for model in record_models()
        for column, target in model.references().items()
        if target is StoredFile
    )
    return f"({' OR '.join(links)})"
