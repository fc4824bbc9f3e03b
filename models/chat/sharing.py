"""Reading by a share link: whom it lets in, and what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models import statements
from models.accounts.action_limits import limited
from models.accounts.tokens import digest
from models.chat.conversations import Conversation
from models.chat.forking import copy_into
from models.chat.messages import Message
from models.chat.share_links import ShareLink
from models.errors import Conflict, NotFound
from models.verbs import verb

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from models.ports import Connection, Database
    from models.transaction import Transaction
    from models.viewer import Viewer

FORKS = limited("shared_fork", 30, hours=1)

# One statement whatever is wrong, so that nobody learns from it, or from its time, what was.
_OPEN = """\
SELECT {columns} FROM share_link t
JOIN conversation c ON c.id = t.conversation_id
LEFT JOIN project p ON p.id = c.project_id
LEFT JOIN user_account owner ON owner.id = c.owner_id
LEFT JOIN org ON org.id = c.owner_id
LEFT JOIN user_account u ON u.id = $3
WHERE t.token_hash = $1 AND (t.expires_at IS NULL OR t.expires_at > $2)
AND c.deleted_at IS NULL AND p.deleted_at IS NULL
AND owner.deleted_at IS NULL AND org.deleted_at IS NULL
AND (t.mode IN ('public', 'token') OR t.mode = 'signed_in' AND u.id IS NOT NULL
    OR t.mode = 'named' AND u.email_verified AND t.people ? u.email)
AND (t.message_id IS NULL OR EXISTS (
    SELECT 1 FROM message m
    WHERE m.id = t.message_id AND m.conversation_id = t.conversation_id))"""

_LINK = "SELECT s.{column} FROM share_link s WHERE s.id = parent.key"
_TO_SEE = """\
t.status = 'COMPLETE' AND t.role NOT IN ('SYSTEM', 'DATA')
AND (t.content <> '' OR t.parts IS NOT NULL)
AND t.outcome IS DISTINCT FROM 'AWAITING_APPROVAL'"""
SHOWN = f"""\
t.conversation_id = ({_LINK.format(column="conversation_id")})
AND CASE WHEN ({_LINK.format(column="message_id")}) IS NULL THEN t.on_branch
    ELSE t.order_id::bigint <@ ({_LINK.format(column="places::int8multirange")}) END
AND {_TO_SEE}"""
"""The messages `t` that the link `parent.key` shows: the selected branch, or the one that its last
message ends; whole ones with something to see, and nothing the product tells the model."""
_ONE = f"""\
SELECT {{columns}} FROM message t, (SELECT $1::text AS key) parent WHERE t.id = $2 AND {SHOWN}"""
_WAS = f"SELECT t.on_branch, {_TO_SEE} AS to_see FROM message t WHERE t.id = $1"
_BRANCH = f"""\
SELECT t.id FROM message t, (SELECT $1::text AS key) parent WHERE {SHOWN} ORDER BY t.order_id"""


async def open_link(
    source: Database | Connection, viewer: Viewer, now: datetime, token: str
) -> ShareLink | None:
    """The link of a token, where it lets the viewer in."""
    sql = _OPEN.format(columns=statements.listed(ShareLink))
    rows = await source.fetch(sql, digest(token), now, viewer.reader)
    return ShareLink.from_row(rows[0]) if rows else None


async def shown_message(database: Database, link: ShareLink, id: str) -> Message | None:
    """A message, where the link shows it."""
    sql = _ONE.format(columns=statements.shown(Message))
    rows = await database.fetch(sql, link.id, id)
    return Message.from_shown_row(rows[0]) if rows else None


async def was_shown(database: Database, link: ShareLink, change: Mapping[str, Any]) -> bool | None:
    """Whether a link showed a message, which it doesn't show now, before a change of it.

    None where the message is gone for good, and nobody knows. A frozen link ends with the first
    message that it loses.
    """
    columns, before = change["columns"], change["old"].get("conversation_id")
    if link.message_id is not None or before != link.conversation_id:
        return False
    rows = await database.fetch(_WAS, change["id"])
    if not rows:
        return None
    (row,) = rows
    was_on_branch = row["on_branch"] != ("on_branch" in columns)
    moved = "on_branch" in columns or "conversation_id" in columns
    return moved and was_on_branch and row["to_see"]


@verb
async def fork_shared_conversation(
    tx: Transaction, token: str, message_id: str | None
) -> Conversation:
    """A conversation of the viewer's own with copies of what a link shows, up to a message.

    Raises NotFound for a link that does not let the viewer in, or does not show the message,
    Conflict where there is nothing to copy, or too much, and RateLimited for too many forks.
    """
    viewer = tx.actor.viewer
    tx.require(viewer.id)
    link = await open_link(tx.connection, viewer, tx.now, token)
    source = await tx.first(Conversation, "id = $1", link.conversation_id) if link else None
    if link is None or source is None:
        raise NotFound("There is no such link, or it is over.", field="token")
    path = [row["id"] for row in await tx.connection.fetch(_BRANCH, link.id)]
    if message_id is not None and message_id not in path:
        raise NotFound("The link does not show it.", field="messageId")
    if not path:
        raise Conflict("There is nothing in it yet.", field="token")
    await FORKS.count(tx)
    path = path if message_id is None else path[: path.index(message_id) + 1]
    fork = Conversation(owner_id=viewer.id, user_id=viewer.id, title=source.title)
    fork.title_source = source.title_source
    return await copy_into(tx, fork, path)
