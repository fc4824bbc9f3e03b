"""Attachments: files and images that belong to a message, reached by their URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from models import fields
from models.access import PartOf
from models.base import Record
from models.chat.messages import Message, MessageRole
from models.errors import Conflict, Invalid, within
from models.indexes import index
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

PER_MESSAGE = 20


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
    indexes = (index("message_id", "created_at", "id"), index("conversation_id"))

    owner_id: str = fields.key("Whose attachment it is.")
    message: Any = fields.reference("Message", "Id of its message; null while staged.", null=True)
    message_id: str | None
    conversation: Any = fields.reference("Conversation", "Id of its conversation.")
    conversation_id: str
    user_id: str = fields.key("Id of the user who added it.")
    type: AttachmentType = fields.choice(AttachmentType, "What it is.")
    url: str = fields.text("Where it is, by http or https.", limit=2_000)
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
    """An attachment to add; sizes in bytes and pixels."""

    url: str
    size: int
    type: AttachmentType = AttachmentType.IMAGE
    width: int | None = None
    height: int | None = None
    file_name: str | None = None
    file_type: str | None = None
    source_metadata: Any = None

    def check(self) -> None:
        """Raise Invalid for the first value that does not fit."""
        refuse_unsafe(self.url)
        Attachment.check(asdict(self))


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
    """Add attachments to a message in one statement. Raises Invalid for one that does not fit."""
    if len(new) > PER_MESSAGE:
        raise Invalid(f"At most {PER_MESSAGE} attachments.", field="attachments")
    for number, one in enumerate(new):
        with within(f"attachments.{number}"):
            one.check()
    rows = [
        Attachment(
            owner_id=message.owner_id,
            message_id=message.id,
            conversation_id=message.conversation_id,
            user_id=tx.actor.viewer.id,
            **asdict(one),
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
    return (await attach(tx, message, [new]))[0]
