"""Attachments: files and images that belong to a message, uploaded or reached by their URL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from models import fields
from models.access import PartOf
from models.base import Record
from models.chat.messages import Message, MessageRole
from models.errors import Conflict, Invalid, NotFound, within
from models.fields import camel
from models.files.media_types import FIG, IMAGES
from models.files.stored_files import FilePurpose, StoredFile, reach_ready
from models.indexes import Check, index
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

PER_MESSAGE = 20
BATCH = 200
"""Attachments that are copied in one statement."""


class AttachmentType(StrEnum):
    """What an attachment is."""

    IMAGE = "IMAGE"
    FIGMA_FILE = "FIGMA_FILE"
    GITHUB_REPO = "GITHUB_REPO"
    FILE = "FILE"


class Attachment(Record):
    """A file or an image of a message."""

    prefix = "att"
    access = PartOf("conversation")
    indexes = (
        index("message_id", "created_at", "id"),
        index("conversation_id"),
        index("stored_file_id"),
    )
    checks = (Check("attachment_source_check", "((url IS NULL) <> (stored_file_id IS NULL))"),)

    owner_id: str = fields.key("Whose attachment it is.")
    message: Any = fields.reference("Message", "Id of its message; null while staged.", null=True)
    message_id: str | None
    conversation: Any = fields.reference("Conversation", "Id of its conversation.")
    conversation_id: str
    user_id: str = fields.key("Id of the user who added it.")
    type: AttachmentType = fields.choice(AttachmentType, "What it is.")
    url: str | None = fields.text(
        "Where it is, by http or https; null for an upload.", limit=2_000, null=True
    )
    stored_file: Any = fields.reference("StoredFile", "Id of the upload it shows.", null=True)
    stored_file_id: str | None
    file_name: str | None = fields.text("Its file name.", limit=255, null=True)
    file_type: str | None = fields.text("Its media type.", limit=127, null=True)
    size: int = fields.integer("Its size in bytes.")
    width: int | None = fields.integer("Width in pixels.", least=1, most=100_000, null=True)
    height: int | None = fields.integer("Height in pixels.", least=1, most=100_000, null=True)
    source_metadata: Any = fields.json("What its source tells about it.", null=True)
    import_id: str | None = fields.key("Id of the import it came with.", null=True)

    class Meta:
        table = "attachment"


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """An attachment to add; sizes in bytes and pixels. Of an upload the file tells them."""

    url: str | None = None
    size: int | None = None
    type: AttachmentType = AttachmentType.IMAGE
    width: int | None = None
    height: int | None = None
    file_name: str | None = None
    file_type: str | None = None
    source_metadata: Any = None
    file_id: str | None = None

    def check(self) -> None:
        """Raise Invalid for the first value that does not fit."""
        if (self.url is None) == (self.file_id is None):
            both = self.file_id is not None
            field = "fileId" if both else "url"
            raise Invalid("Give either a URL or the id of an upload.", field=field)
        if self.url is not None:
            refuse_unsafe(self.url)
            Attachment.check(self.columns())
        elif self.told:
            raise Invalid("The upload says what it is.", field=camel(self.told[0]))

    @property
    def told(self) -> list[str]:
        """What is said of it that an upload's file knows better."""
        names = ("size", "width", "height", "file_name", "file_type")
        return [name for name in names if getattr(self, name) is not None]

    def columns(self, file: StoredFile | None = None) -> dict[str, Any]:
        """The columns that say what it is."""
        if file is None:
            found = asdict(self)
            del found["file_id"]
            return found
        return {
            "stored_file_id": file.id,
            "type": _type_of(file),
            "file_name": file.file_name,
            "file_type": file.content_type,
            "size": file.size,
            "width": file.width,
            "height": file.height,
            "source_metadata": self.source_metadata,
        }


def _type_of(file: StoredFile) -> AttachmentType:
    if file.content_type == FIG:
        return AttachmentType.FIGMA_FILE
    return AttachmentType.IMAGE if file.content_type in IMAGES else AttachmentType.FILE


def refuse_unsafe(url: str) -> None:
    """Only http and https, with a host and without credentials. Raises Invalid."""
    # urlsplit remembers what it is given, so it is given nothing long.
    Attachment.check({"url": url})
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
    except ValueError:
        fine = False
    if not fine or any(character.isspace() or character < " " for character in url):
        raise Invalid("Must be an http or https URL.", field="url")


async def attach(
    tx: Transaction, message: Message, new: Sequence[NewAttachment]
) -> list[Attachment]:
    """Add attachments to a message in one statement.

    Raises Invalid for one that does not fit, NotFound and Conflict for an upload that can't be had.
    """
    if len(new) > PER_MESSAGE:
        raise Invalid(f"At most {PER_MESSAGE} attachments.", field="attachments")
    for number, one in enumerate(new):
        with within(f"attachments.{number}"):
            one.check()
    named = {one.file_id: number for number, one in enumerate(new) if one.file_id is not None}
    files = {
        id: await _file(tx, message, id, f"attachments.{number}.fileId")
        for id, number in sorted(named.items())  # locked in one order
    }
    return await _add(tx, message, new, files)


async def _file(tx: Transaction, message: Message, id: str, field: str) -> StoredFile:
    """Lock an upload of the viewer's, or of the owner of the message. Raises Conflict, NotFound."""
    file = await reach_ready(tx, id, FilePurpose.ATTACHMENT, field)
    if file.owner_id not in {tx.actor.viewer.id, message.owner_id}:
        raise NotFound("There is no such thing, or it is not yours.", field=field)
    return file


async def _add(
    tx: Transaction,
    message: Message,
    new: Sequence[NewAttachment],
    files: Mapping[str, StoredFile],
) -> list[Attachment]:
    rows = [
        Attachment(
            owner_id=message.owner_id,
            message_id=message.id,
            conversation_id=message.conversation_id,
            user_id=tx.actor.viewer.id,
            **one.columns(files.get(one.file_id or "")),
        )
        for one in new
    ]
    await tx.add_many(rows)
    return rows


@verb
async def add_attachment(tx: Transaction, message_id: str, new: NewAttachment) -> Attachment:
    """Add an attachment to a user's message."""
    message = await tx.reach(Message, message_id, field="messageId")
    if message.role is not MessageRole.USER:
        raise Conflict("Only a user's message takes attachments.")
    there = await tx.find(Attachment, "message_id = $1", message.id)
    if len(there) >= PER_MESSAGE:
        raise Invalid(f"At most {PER_MESSAGE} attachments.", field="messageId")
    new.check()
    files = {new.file_id: await _file(tx, message, new.file_id, "fileId")} if new.file_id else {}
    return (await _add(tx, message, [new], files))[0]


async def copy_attachments(tx: Transaction, copies: Mapping[str, Message]) -> None:
    """Give each message, by the id of the one it is made of, what is attached to that one.

    The files stay where they are, and are locked: nobody may find that none refers to them.
    """
    where = "message_id = ANY($1) ORDER BY message_id, created_at, id"
    found = await tx.find(Attachment, where, list(copies))
    files = {one.stored_file_id for one in found if one.stored_file_id is not None}
    if files:
        await tx.find(StoredFile, "id = ANY($1) ORDER BY id", list(files), lock=True)
    rows = [_copied(one, copies[one.message_id]) for one in found if one.message_id is not None]
    for start in range(0, len(rows), BATCH):
        await tx.add_many(rows[start : start + BATCH])


def _copied(one: Attachment, message: Message) -> Attachment:
    own = {"id", "created_at", "updated_at"}
    copy = Attachment(**{name: getattr(one, name) for name in one.columns() if name not in own})
    copy.message_id, copy.conversation_id = message.id, message.conversation_id
    if one.owner_id != message.owner_id:
        copy.owner_id, copy.user_id = message.owner_id, message.owner_id
        copy.import_id = copy.source_metadata = None
    return copy
