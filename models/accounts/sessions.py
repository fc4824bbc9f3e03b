"""Sessions: where a user is signed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from models import fields
from models.access import Owned
from models.accounts.audit_logs import AuditAction, audit, audit_own
from models.accounts.users import User
from models.base import Record
from models.indexes import index, unique
from models.permissions import Permission
from models.storable import storable
from models.verbs import verb

if TYPE_CHECKING:
    from models.ports import Client
    from models.transaction import Transaction

AGENT_LIMIT = 500
MOST = 100  # sessions of one user; the oldest gives way to a new one
TOUCHED_EVERY = timedelta(minutes=1)
ROTATED_EVERY = timedelta(days=1)  # the tokens of browsers, which take a new one unasked
GRACE = timedelta(minutes=1)  # in which requests under way may still bring the token before


class Session(Record):
    """A device on which a user is signed in."""

    prefix = "ses"
    access = Owned(read=Permission.READ_ACCOUNT)
    indexes = (
        unique("token_hash"),
        index("previous_hash"),
        index("user_id", "created_at", "id"),
        index("expires_at"),
    )

    owner_id: str = fields.key("Whose session it is.")
    user_id: str = fields.key("Id of the user.")
    token_hash: str | None = fields.digest("SHA-256 of the token.")
    previous_hash: str | None = fields.digest("SHA-256 of the token before, until that ends.")
    rotated_at: datetime = fields.moment("When the token was made.")
    expires_at: datetime = fields.moment("When it ends unless its token is renewed.")
    ip_address: str | None = fields.key("The address it was last used from.", null=True)
    user_agent: str | None = fields.text(
        "What the browser or program calls itself.", limit=AGENT_LIMIT, null=True
    )
    last_active: datetime = fields.moment("When it was last used, to the minute.")

    class Meta:
        table = "session"

    @verb.needing(Permission.ACCOUNT)
    async def end(self, tx: Transaction) -> str:
        """Sign the device out; returns its id."""
        await audit(tx, AuditAction.SESSION_ENDED, self)
        await self.remove()
        return self.id

    @verb.needing(Permission.ACCOUNT)
    async def end_others(self, tx: Transaction) -> int:
        """Sign its user out everywhere else; returns how many sessions ended."""
        ended = await end_sessions(tx, self.user_id, but=self.id)
        await audit(tx, AuditAction.SESSION_ENDED, self, others=ended)
        return ended

    @verb.needing(Permission.ACCOUNT)
    async def rotate(self, tx: Transaction, token: NewToken) -> Session:
        """Give it a new token, from now on; the old one serves until the new one is used."""
        return await self.replace_token(tx, token, self.token_hash)

    async def replace_token(self, tx: Transaction, token: NewToken, before: str | None) -> Session:
        """Take a new token; the one with the digest `before` serves beside it for a while."""
        return await self.change(
            token_hash=token.hash,
            previous_hash=before,
            rotated_at=tx.now,
            expires_at=tx.now + token.lifetime,
        )


@dataclass(frozen=True, slots=True)
class NewToken:
    """The digest of a token that was just made, and how long it lets in."""

    hash: str
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class Renewed:
    """A session with a new token, which nobody can read again."""

    session: Session
    token: str


async def open_session(tx: Transaction, user: User, token: NewToken, client: Client) -> Session:
    """Sign a user in on one more device; the oldest of too many is signed out."""
    own = "user_id = $1 ORDER BY created_at DESC, id DESC"
    for session in (await tx.find(Session, own, user.id))[MOST - 1 :]:
        await session.remove()
    agent = storable_agent(client.user_agent)
    session = Session(
        owner_id=user.id,
        user_id=user.id,
        token_hash=token.hash,
        rotated_at=tx.now,
        expires_at=tx.now + token.lifetime,
        ip_address=client.address,
        user_agent=agent,
        last_active=tx.now,
    )
    await tx.add(session)
    await audit_own(tx, AuditAction.SESSION_OPENED, session, user.id)
    return session


def storable_agent(agent: str | None) -> str | None:
    """What is kept of a User-Agent header."""
    text = storable(agent or "").strip()[:AGENT_LIMIT]
    return text or None


async def end_sessions(tx: Transaction, user_id: str, *, but: str | None = None) -> int:
    """Sign a user out everywhere, or everywhere but in one session; returns how often."""
    return await tx.remove_many(Session, "user_id = $1 AND id <> $2", user_id, but or "")


@verb.needing(None)
async def touch(tx: Transaction, id: str, token_hash: str, client: Client) -> None:
    """Note that a session is used with a token; the token before ends with its grace."""
    session = await tx.lock(Session, id)
    if session is None or tx.now - session.last_active < TOUCHED_EVERY:
        return
    arrived = token_hash == session.token_hash and tx.now - session.rotated_at >= GRACE
    await session.change(
        last_active=tx.now,
        ip_address=client.address,
        user_agent=storable_agent(client.user_agent),
        previous_hash=None if arrived else session.previous_hash,
    )
    user = await tx.lock(User, session.user_id)
    if user is not None:
        await user.change(last_active_at=tx.now)


@verb.needing(None)
async def exchange(tx: Transaction, token_hash: str, token: NewToken) -> bool:
    """Replace a session's first token, which was good for nothing else; once."""
    session = await tx.first(Session, "token_hash = $1", token_hash, lock=True)
    if session is None:
        return False
    await session.replace_token(tx, token, None)
    return True


@verb.needing(None)
async def renew(tx: Transaction, id: str, token_hash: str, token: NewToken) -> bool:
    """Rotate a session that was entered with a token, unless another request just did.

    The token before rotates as well, once its grace is over: then the new one never arrived.
    """
    session = await tx.lock(Session, id)
    if session is None or token_hash not in (session.token_hash, session.previous_hash):
        return False
    if tx.now - session.rotated_at < ROTATED_EVERY:
        return False
    await session.replace_token(tx, token, token_hash)
    return True
