"""Fragments: the set of files that a message made."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import PartOf
from models.base import Record
from models.builder.files import check_files
from models.chat.messages import Message
from models.chat.projects import Framework
from models.indexes import unique
from models.statements import listed
from models.verbs import verb

if TYPE_CHECKING:
    from models.ports import Database
    from models.transaction import Transaction

PREVIEW_PLACEHOLDER = "about:blank"
CONTEXT_MESSAGES = 25


class Fragment(Record):
    """The files of an app as one message left them; one per message."""

    prefix = "frg"
    access = PartOf("message")
    indexes = (unique("message_id"),)

    owner_id: str = fields.key("Whose fragment it is.")
    message: Any = fields.reference("Message", "Id of the message that made it.")
    message_id: str
    sandbox_url: str = fields.text("Where its preview runs.", limit=2_000)
    title: str = fields.text("Its title.", limit=500)
    files: Any = fields.json("The files: an object of path and text.")
    metadata: Any = fields.json("What else is known about it.", null=True)
    framework: Framework = fields.choice(Framework, "The framework of the files.")

    class Meta:
        table = "fragment"


@dataclass(frozen=True, slots=True)
class FragmentBody:
    """What a fragment holds besides its message."""

    sandbox_url: str
    title: str
    files: dict[str, Any]
    framework: Framework
    metadata: Any = None


@verb
async def upsert_fragment(tx: Transaction, message_id: str, body: FragmentBody) -> Fragment:
    """Make the fragment of a message, or replace what it holds."""
    message = await tx.reach(Message, message_id, field="messageId")
    return await put_fragment(tx, message, body)


async def put_fragment(tx: Transaction, message: Message, body: FragmentBody) -> Fragment:
    """Make or replace the fragment of a locked message."""
    check_files(body.files)
    found = await tx.find(Fragment, "message_id = $1", message.id, lock=True)
    if found:
        return await found[0].change(**asdict(body))
    return await tx.add(Fragment(owner_id=message.owner_id, message_id=message.id, **asdict(body)))


_NEWEST = """\
message_id = (
    SELECT f.message_id FROM (
        SELECT id, order_id FROM message WHERE project_id = $1 AND on_branch
        ORDER BY order_id DESC, id DESC LIMIT $2
    ) m JOIN fragment f ON f.message_id = m.id ORDER BY m.order_id DESC LIMIT 1
)"""


async def newest_files(tx: Transaction, project_id: str) -> dict[str, Any]:
    """The files of the newest fragment within the last 25 messages, {} where there is none."""
    found = await tx.find(Fragment, _NEWEST, project_id, CONTEXT_MESSAGES)
    return dict(found[0].files) if found else {}


async def newest_of(database: Database, project_id: str, messages: int) -> Fragment | None:
    """The newest fragment within so many messages of a project, to be read."""
    sql = f"SELECT {listed(Fragment)} FROM {Fragment.table()} t WHERE {_NEWEST}"
    rows = await database.fetch(sql, project_id, messages)
    return Fragment.from_row(rows[0]) if rows else None
