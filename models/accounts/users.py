"""Users: everybody who owns rows, guests included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import Owned
from models.accounts.preferences import UserPreferences
from models.base import Record
from models.hooks import Hook
from models.ids import prefix_of
from models.indexes import index, unique
from models.permissions import Permission
from models.verbs import verb

if TYPE_CHECKING:
    from models.accounts.desk import Desk
    from models.transaction import Transaction

GUEST_NAME = "Guest"
NAME_LIMIT = 200
EMAIL_LIMIT = 320
NO_SUCH_USER = "There is no such user; it appears with its first request."


@dataclass(frozen=True, slots=True)
class Identity:
    """What a verified token says of its subject, and the guest they have been until now."""

    subject: str
    email: str | None = None
    email_verified: bool = False
    name: str | None = None
    avatar_url: str | None = None
    guest_id: str | None = None


user_met: Hook[[Transaction, User]] = Hook()
"""Called in the transaction in which a subject is met for the first time."""


class User(Record):
    """A person, or a guest who may become one."""

    prefix = "usr"
    access = Owned("id", read=Permission.READ_ACCOUNT)
    indexes = (
        unique("clerk_id"),
        unique("email", where="(deleted_at IS NULL)"),
        index("email"),
        index("avatar_file_id"),
    )

    clerk_id: str | None = fields.key("The subject at the identity provider.", null=True)
    email: str | None = fields.text(
        "The e-mail address, lower-cased.", limit=EMAIL_LIMIT, null=True
    )
    email_verified: bool = fields.flag("Whether the address is proven.", default=False)
    name: str = fields.text("What to call the user.", limit=NAME_LIMIT)
    avatar_url: str | None = fields.text(
        "The picture that the identity provider tells of.", limit=2_000, null=True
    )
    avatar_file: Any = fields.reference("StoredFile", "Id of their own picture.", null=True)
    avatar_file_id: str | None
    anonymous: bool = fields.flag("Whether this is a guest.", default=False)
    premium: bool = fields.flag("Whether a paying plan is live.", default=False)
    premium_by_plan: bool = fields.flag(
        "Whether a subscription made the user premium, and its end ends that.", default=False
    )
    message_count: int = fields.integer("Messages sent in all.", default=0)
    daily_message_count: int = fields.integer("Messages sent today.", default=0)
    daily_reset: datetime | None = fields.moment("When today's count began.", null=True)
    daily_pro_message_count: int = fields.integer("Messages to pro models today.", default=0)
    daily_pro_reset: datetime | None = fields.moment("When the pro count began.", null=True)
    last_active_at: datetime | None = fields.moment("When the user last did something.", null=True)
    favorite_models: list[str] = fields.json("Ids of favourite models.", default=[], opaque=False)
    system_prompt: str | None = fields.text(
        "Given to the model where the conversation has none.", limit=20_000, null=True
    )
    operator: bool = fields.flag("Whether this user runs the service.", default=False)
    identity_at: datetime | None = fields.moment(
        "When the identity provider last changed what it tells.", null=True
    )
    deleted_at: datetime | None = fields.moment("When the account was erased.", null=True)

    class Meta:
        table = "user_account"


async def open_guest(desk: Desk, name: str | None) -> User:
    """A guest, of whom one address makes only so many. Raises Invalid and RateLimited."""
    await desk.count("guest")
    return await create_guest(desk.actor, name)


@verb.needing(None)
async def create_guest(tx: Transaction, name: str | None = None) -> User:
    """A guest, whose signed token is the only way in."""
    return await _add(tx, User(name=GUEST_NAME if name is None else name, anonymous=True))


@verb.needing(None)
async def meet(tx: Transaction, identity: Identity) -> User:
    """The user of a subject, made at first sight.

    An address that another user holds already is left out: two subjects share one only when both
    sides are verified, which the accounts decide later.
    """
    known = await tx.first(User, "clerk_id = $1", identity.subject)
    if known is not None:
        return known
    user = await _first_met(tx, identity)
    await user_met(tx, user)
    return user


async def _first_met(tx: Transaction, identity: Identity) -> User:
    email = identity.email.lower() if identity.email else None
    if email and len(email) > EMAIL_LIMIT:
        email = None  # in lower case some letters become two
    if email and await tx.first(User, "email = $1 AND deleted_at IS NULL", email):
        email = None
    known = {
        "clerk_id": identity.subject,
        "email": email,
        "email_verified": bool(email and identity.email_verified),
        "name": (identity.name or identity.subject).strip()[:NAME_LIMIT] or identity.subject,
        "avatar_url": identity.avatar_url,
    }
    return await become(tx, identity.guest_id, known)


async def become(tx: Transaction, guest_id: str | None, known: Mapping[str, Any]) -> User:
    """A user of whom this is known: the guest, if there still is one, or else a new row."""
    guest = await tx.lock(User, guest_id) if guest_id else None
    if guest is not None and guest.anonymous and guest.deleted_at is None:
        return await guest.change(anonymous=False, **known)
    return await _add(tx, User(**known))


async def _add(tx: Transaction, user: User) -> User:
    """Add a user who is active just now, with the preferences that everybody begins with."""
    user.last_active_at = tx.now
    await tx.add(user)
    await tx.add(UserPreferences(owner_id=user.id, user_id=user.id))
    return user


def column_of(who: str) -> str:
    """The column that holds `who`: an id or, if it is none, a subject."""
    return "id" if prefix_of(who) == User.prefix else "clerk_id"
