"""Passwords: changing one, and choosing another when it is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.accounts.accounts import check_unchanged, set_password
from models.accounts.addresses import address_of, holder_of
from models.accounts.audit_logs import AuditAction, audit_own
from models.accounts.mails import MailKind, post
from models.accounts.proving import own_user, prove
from models.accounts.sessions import Renewed, Session, end_sessions, open_session
from models.accounts.users import User
from models.accounts.verifications import Purpose, Ticket, issue, redeem, withdraw
from models.errors import Invalid
from models.permissions import Permission
from models.verbs import verb

if TYPE_CHECKING:
    from models.accounts.desk import Desk
    from models.accounts.sessions import NewToken
    from models.ports import Client
    from models.transaction import Transaction


async def request_password_reset(desk: Desk, email: str) -> str:
    """Send a link to choose a new password; returns the address as it is stored.

    An address without an account gets a mail that says so. Raises Invalid and RateLimited.
    """
    address = address_of(email)
    await desk.count("reset_password", address)
    await ask_to_reset(desk.actor, address, desk.ticket(Purpose.RESET_PASSWORD))
    return address


@verb.needing(None)
async def ask_to_reset(tx: Transaction, email: str, ticket: Ticket) -> None:
    """Send the link that sets a new password."""
    holder = await holder_of(tx, email)
    # Written for an unknown address as well, so that it takes as long; its value goes nowhere.
    await issue(tx, ticket, email, user_id=holder.id if holder else None)
    kind = MailKind.RESET_PASSWORD if holder else MailKind.NO_ACCOUNT
    await post(tx, kind, email, ticket.id if holder else None)


async def reset_password(desk: Desk, token: str, password: str) -> str:
    """Set a new password with the value of a link; returns the user's address.

    Every device is signed out. Raises Invalid and RateLimited.
    """
    await desk.count("verify")
    return await replace_forgotten(desk.actor, token, await desk.hashed(password))


@verb.needing(None)
async def replace_forgotten(tx: Transaction, token: str, password_hash: str) -> str:
    """Use a verification to set a password, and sign every device out."""
    proven = await redeem(tx, token, Purpose.RESET_PASSWORD)
    user = await tx.lock(User, proven.user_id or "")
    if user is None or user.deleted_at is not None or user.email != proven.identifier:
        raise Invalid("This link does not hold any more; ask for a new one.", field="token")
    await set_password(tx, user.id, password_hash)
    await _changed(tx, user, proven.identifier)
    return proven.identifier


async def _changed(tx: Transaction, user: User, email: str | None) -> None:
    """End what the old password let in, and tell the owner."""
    await audit_own(tx, AuditAction.PASSWORD_CHANGED, user, user.id)
    await withdraw(tx, user.id)
    await end_sessions(tx, user.id)
    if email is not None:
        await post(tx, MailKind.PASSWORD_CHANGED, email)


async def change_password(desk: Desk, current: str | None, password: str) -> Renewed | None:
    """Set the viewer's password; every device is signed out, and this one gets a new session.

    So whoever has a copy of this one's token is out as well, and what they listen to ends. None
    where the viewer came without a session. Raises Forbidden for a wrong current password, which
    a user who has one must give, and Invalid.
    """
    proven = await prove(desk, current)
    hashed = await desk.hashed(password)
    token, stored = desk.session_token()
    session = await replace_own(desk.actor, proven, hashed, stored, desk.client)
    return None if session is None else Renewed(session, token)


@verb.needing(Permission.ACCOUNT)
async def replace_own(
    tx: Transaction, proven: str | None, password_hash: str, token: NewToken, client: Client
) -> Session | None:
    """Set the viewer's password, unless it was changed since it was proven."""
    user = await own_user(tx)
    await check_unchanged(tx, user.id, proven)
    await set_password(tx, user.id, password_hash)
    await _changed(tx, user, user.email if user.email_verified else None)
    if tx.actor.viewer.session_id is None:
        return None
    return await open_session(tx, user, token, client)
