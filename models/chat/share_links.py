"""Share links: what lets others read one branch of a conversation, until its owner ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import PartOf
from models.accounts.addresses import address_of
from models.accounts.audit_logs import AuditAction, audit
from models.accounts.tokens import digest
from models.base import Record
from models.chat.branches import WALK_UP
from models.chat.conversations import Conversation
from models.chat.deletion import Phase, empties
from models.chat.messages import Message, MessageStatus
from models.errors import Conflict, Invalid, NotFound
from models.ids import new_id
from models.indexes import index, unique
from models.verbs import verb

if TYPE_CHECKING:
    from models.accounts.desk import Desk
    from models.idempotency import Once
    from models.ports import Tickets
    from models.transaction import Transaction

MOST = 50
"""Links of a conversation."""
MOST_PEOPLE = 50
"""Addresses of a link."""

_PLACES = f"""\
{WALK_UP.format(going_on="true")}\
SELECT range_agg(int8range(order_id, order_id + 1))::text FROM up"""


class ShareMode(StrEnum):
    """Whom a share link lets in."""

    PUBLIC = "public"
    TOKEN = "token"  # noqa: S105 - a mode
    SIGNED_IN = "signed_in"
    NAMED = "named"


class ShareLink(Record):
    """What lets others read one branch of a conversation."""

    prefix = "shr"
    access = PartOf("conversation")
    indexes = (
        unique("token_hash"),
        index("conversation_id", "created_at", "id"),
        index("owner_id"),
    )

    owner_id: str = fields.key("Whose link it is.")
    conversation: Any = fields.reference("Conversation", "Id of the conversation it shows.")
    conversation_id: str
    message_id: str | None = fields.key(
        "Id of the last message it shows; null: all that is on the selected branch.", null=True
    )
    places: str | None = fields.text(
        "The orders of what it shows, an int8multirange; null where it is not frozen.",
        limit=20_000_000,
        null=True,
    )
    user_id: str | None = fields.key("Id of the user who made it.", null=True)
    mode: ShareMode = fields.choice(ShareMode, "Whom it lets in.")
    people: list[str] = fields.json(
        "The addresses of those whom a link for named people lets in.", default=[], opaque=False
    )
    token_hash: str | None = fields.digest("SHA-256 of the token.")
    expires_at: datetime | None = fields.moment("When it ends; null: never.", null=True)

    class Meta:
        table = "share_link"


@dataclass(frozen=True, slots=True)
class NewShareLink:
    """What a link is to show, and to whom."""

    conversation_id: str
    mode: ShareMode
    message_id: str | None = None
    people: Sequence[str] = ()
    expires_at: datetime | None = None


def share_token_of(tickets: Tickets, id: str, mode: ShareMode) -> str:
    """The token of a link, which no table holds: made from its id, so that a repeated call shows
    the same. A public link is no secret, and its token is its id."""
    return id if mode is ShareMode.PUBLIC else tickets.token_of("share link", id)


async def create_share_link(
    desk: Desk, new: NewShareLink, once: Once | None
) -> tuple[ShareLink, str]:
    """Share a conversation; returns the link with its token, which is stored nowhere.

    A call repeated with its key gives the same. Raises NotFound, Conflict and Invalid.
    """
    tickets, id = desk.ports.tickets, new_id(ShareLink.prefix)
    token = share_token_of(tickets, id, new.mode)
    link = await keep_share_link(replace(desk.actor, once=once), new, id, digest(token))
    return link, share_token_of(tickets, link.id, link.mode)


@verb
async def keep_share_link(
    tx: Transaction, new: NewShareLink, id: str, token_hash: str
) -> ShareLink:
    """Keep a link to a conversation that the viewer may write to."""
    conversation = await tx.reach(Conversation, new.conversation_id, field="conversationId")
    places = await _places(tx, conversation, new.message_id)
    if new.expires_at is not None and new.expires_at <= tx.now:
        raise Invalid("Must lie ahead.", field="expiresAt")
    if len(await tx.find(ShareLink, f"conversation_id = $1 LIMIT {MOST}", conversation.id)) == MOST:
        raise Conflict(f"At most {MOST} links.")
    link = ShareLink(
        id=id,
        owner_id=conversation.owner_id,
        conversation_id=conversation.id,
        message_id=new.message_id,
        places=places,
        user_id=tx.actor.viewer.id,
        mode=new.mode,
        people=_people(new),
        token_hash=token_hash,
        expires_at=new.expires_at,
    )
    await tx.add(link)
    if new.mode is ShareMode.PUBLIC:
        await conversation.change(public=True)
    await audit(tx, AuditAction.LINK_CREATED, link, conversation=conversation.id, mode=link.mode)
    return link


@verb
async def revoke_share_link(tx: Transaction, id: str) -> str:
    """End a link; returns its id. Whoever reads by it is sent away."""
    seen = await tx.first(ShareLink, "id = $1", id) or await tx.reach(ShareLink, id, field="id")
    await tx.reach(Conversation, seen.conversation_id, field="id")
    link = await tx.reach(ShareLink, id, field="id")
    await _end(tx, [link])
    return link.id


async def end_links(tx: Transaction, where: str, *args: Any) -> None:
    """End the links that meet `where`, as if each were revoked."""
    seen = await tx.find(ShareLink, where, *args)
    talks = [link.conversation_id for link in seen]
    await tx.find(Conversation, "id = ANY($1) ORDER BY id", talks, lock=True)
    ids = [link.id for link in seen]
    await _end(tx, await tx.find(ShareLink, "id = ANY($1) ORDER BY id", ids, lock=True))


async def _end(tx: Transaction, links: Sequence[ShareLink]) -> None:
    """End locked links of locked conversations."""
    await tx.remove_many(ShareLink, "id = ANY($1)", [link.id for link in links])
    talks = [link.conversation_id for link in links]
    await tx.change_many(Conversation, _SEEMS_PUBLIC, talks, public=False)
    for link in links:
        await audit(tx, AuditAction.LINK_REVOKED, link, conversation=link.conversation_id)


async def _places(
    tx: Transaction, conversation: Conversation, message_id: str | None
) -> str | None:
    """Where a message and all that it follows are; nothing moves them, so no reader has to look.

    It is a whole one of the conversation. Raises NotFound, Conflict.
    """
    if message_id is None:
        return None
    where = "id = $1 AND conversation_id = $2"
    message = await tx.first(Message, where, message_id, conversation.id)
    if message is None:
        raise NotFound("There is no such message in it.", field="messageId")
    if message.status is not MessageStatus.COMPLETE:
        raise Conflict("It is being written.", field="messageId")
    return await tx.connection.fetchval(_PLACES, message_id)


def _people(new: NewShareLink) -> list[str]:
    """The addresses of a link. Raises Invalid where there are too many, or none where some are
    needed."""
    people = sorted({address_of(one, field="people") for one in new.people})
    if bool(people) != (new.mode is ShareMode.NAMED):
        raise Invalid("A link for named people names some, and no other does.", field="people")
    if len(people) > MOST_PEOPLE:
        raise Invalid(f"At most {MOST_PEOPLE}.", field="people")
    return people


_SEEMS_PUBLIC = f"""\
id = ANY($1) AND public AND NOT EXISTS (
    SELECT 1 FROM share_link s WHERE s.conversation_id = t.id AND s.mode = '{ShareMode.PUBLIC}')"""
_IN_PROJECT = "conversation_id = ANY (ARRAY(SELECT id FROM conversation WHERE project_id = $1))"

empties(
    Phase("prj", 40, ShareLink, _IN_PROJECT),
    Phase("cnv", 40, ShareLink, "conversation_id = $1"),
)
