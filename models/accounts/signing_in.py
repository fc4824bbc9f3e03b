"""Signing in with a password, and out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.accounts.accounts import CREDENTIAL, check_unchanged, set_password
from models.accounts.addresses import address_of
from models.accounts.audit_logs import AuditAction, audit
from models.accounts.guests import take_over
from models.accounts.sessions import NewToken, Renewed, Session, end_sessions, open_session
from models.accounts.users import User
from models.errors import Conflict, Unauthenticated
from models.permissions import Permission
from models.verbs import verb

if TYPE_CHECKING:
    from models.accounts.desk import Desk
    from models.ports import Client, Vault
    from models.transaction import Transaction

_CREDENTIAL = f"""\
SELECT u.id AS user_id, a.password_hash FROM user_account u
LEFT JOIN account a ON a.provider_id = '{CREDENTIAL}' AND a.account_id = u.id
WHERE u.email = $1 AND u.email_verified AND u.deleted_at IS NULL"""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user, their new session, and its token, which nobody can read again."""

    user: User
    session: Session
    token: str


async def sign_in(desk: Desk, email: str, password: str) -> SignedIn:
    """Sign in with a password. Raises Unauthenticated, RateLimited and Invalid.

    What is wrong is not told, and takes as long whether the address is known or not.
    """
    address = address_of(email)
    await desk.count("sign_in", address)
    rows = await desk.actor.database.fetch(_CREDENTIAL, address)
    proof = Proof(**rows[0]) if rows else Proof("", None)
    if not await desk.matches(password, proof.password_hash):
        raise _wrong()
    if desk.is_outdated(proof.password_hash):
        proof = await renew_hash(desk.actor, proof, await desk.rehashed(password))
    token, stored = desk.session_token()
    user, session = await enter(desk.actor, proof, stored, desk.client, desk.ports.vault)
    return SignedIn(user, session, token)


def _wrong() -> Unauthenticated:
    return Unauthenticated("The e-mail address or the password is wrong.")


@dataclass(frozen=True, slots=True)
class Proof:
    """The hash to which a password belonged a moment ago; none for nobody's."""

    user_id: str
    password_hash: str | None


@verb.needing(None)
async def enter(
    tx: Transaction, proof: Proof, token: NewToken, client: Client, vault: Vault
) -> tuple[User, Session]:
    """Open a session for who proved a password, unless it was changed since.

    What they made as a guest moves to them.
    """
    await check_proof(tx, proof)
    user = await tx.lock(User, proof.user_id)
    if user is None or user.deleted_at is not None:
        raise _wrong()
    viewer = tx.actor.viewer
    if viewer.anonymous:
        await take_over(tx, viewer.id, user, vault)
    return user, await open_session(tx, user, token, client)


@verb.needing(None)
async def renew_hash(tx: Transaction, proof: Proof, hashed: str) -> Proof:
    """Store a password's hash by the present parameters."""
    await check_proof(tx, proof)
    await set_password(tx, proof.user_id, hashed)
    return Proof(proof.user_id, hashed)


async def check_proof(tx: Transaction, proof: Proof) -> None:
    """Raise Unauthenticated when the password of a proof was changed."""
    try:
        await check_unchanged(tx, proof.user_id, proof.password_hash)
    except Conflict:
        raise _wrong() from None


@verb.needing(Permission.ACCOUNT)
async def sign_out(tx: Transaction, *, everywhere: bool) -> str:
    """End the viewer's session, or all of them; returns its id. Raises Conflict without one."""
    viewer = tx.actor.viewer
    if viewer.session_id is None:
        raise Conflict("This token is of no session; forget it to sign out.")
    session = await tx.reach(Session, viewer.session_id)
    await audit(tx, AuditAction.SESSION_ENDED, session, everywhere=everywhere)
    await (end_sessions(tx, viewer.id) if everywhere else session.remove())
    return session.id


async def rotate_session(desk: Desk) -> Renewed:
    """Give the viewer's session a new token. Raises Conflict without a session."""
    session_id = desk.actor.viewer.session_id
    if session_id is None:
        raise Conflict("This token is of no session.")
    token, stored = desk.session_token()
    return Renewed(await Session.rotate(desk.actor, session_id, stored), token)
