"""Signing up: an address is proven before there is a user.

Whoever signs up with an address that is known gets the same answer; its owner is told by mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.accounts.accounts import set_password
from models.accounts.addresses import address_of, claim_address, holder_of
from models.accounts.audit_logs import AuditAction, audit_own
from models.accounts.mails import MailKind, post
from models.accounts.tokens import digest
from models.accounts.users import NAME_LIMIT, User, become
from models.accounts.verifications import Purpose, Ticket, Verification, issue, redeem
from models.errors import Invalid
from models.storable import refuse_unstorable
from models.verbs import verb

if TYPE_CHECKING:
    from models.accounts.desk import Desk
    from models.transaction import Transaction

_CHOSEN = f"SELECT password_hash FROM {Verification.Meta.table} WHERE value_hash = $1"


@dataclass(frozen=True, slots=True)
class SigningUp:
    """Who wants to sign up. A guest who does becomes the user, with all they made."""

    email: str
    name: str | None
    password_hash: str
    ticket: Ticket


async def sign_up(desk: Desk, email: str, password: str, name: str | None) -> str:
    """Send a mail to prove an address; returns the address as it is stored.

    Raises Invalid and RateLimited.
    """
    address = address_of(email)
    if name is not None:
        check_name(name)
    await desk.count("sign_up", address)
    hashed = await desk.hashed(password)
    new = SigningUp(address, name, hashed, desk.ticket(Purpose.SIGN_UP))
    await ask_to_confirm(desk.actor, new)
    return address


def check_name(name: str) -> None:
    """Raise Invalid for what can't be a user's name."""
    User.check({"name": name})
    refuse_unstorable(name, "name")


@verb.needing(None)
async def ask_to_confirm(tx: Transaction, new: SigningUp) -> None:
    """Send the link that ends signing up, or tell the owner that there is an account."""
    holder = await holder_of(tx, new.email)
    viewer = tx.actor.viewer
    # Written for a known address as well, so that it takes as long; its value goes nowhere.
    await issue(
        tx,
        new.ticket,
        new.email,
        user_id=viewer.user_id if viewer.anonymous else None,
        name=new.name,
        password_hash=new.password_hash,
    )
    kind = MailKind.CONFIRM_SIGN_UP if holder is None else MailKind.ALREADY_SIGNED_UP
    await post(tx, kind, new.email, None if holder else new.ticket.id)


async def verify_email(desk: Desk, token: str, password: str | None) -> str:
    """Prove an address with the value that was sent to it, and do what it was sent for.

    Whoever signs up gives the chosen password once more: else a stranger who signs up with
    somebody's address, and waits until they open the link, has a way into what becomes theirs.
    Returns the address. Raises Invalid, Conflict and RateLimited.
    """
    await desk.count("verify")
    rows = await desk.actor.database.fetch(_CHOSEN, digest(token))
    chosen = rows[0]["password_hash"] if rows else None
    if chosen is not None and not await desk.matches(password or "", chosen):
        raise Invalid("This is not the password of who signed up.", field="password")
    return await confirm(desk.actor, token)


@verb.needing(None)
async def confirm(tx: Transaction, token: str) -> str:
    """Use a verification: make the user who signed up, or give a user the new address."""
    found = await redeem(tx, token, Purpose.SIGN_UP, Purpose.CHANGE_EMAIL)
    if found.purpose is Purpose.SIGN_UP:
        await _make_user(tx, found)
    else:
        await _change_address(tx, found)
    return found.identifier


async def _make_user(tx: Transaction, proven: Verification) -> None:
    email = proven.identifier
    await claim_address(tx, email)
    assert proven.password_hash is not None, "who signs up chooses a password"
    user = await new_user(tx, email, proven.name, proven.user_id)
    await set_password(tx, user.id, proven.password_hash)


async def new_user(
    tx: Transaction, email: str | None, name: str | None, guest_id: str | None, **more: str | None
) -> User:
    """A user with a proven address; the guest who signs up becomes that user, if still there."""
    called = name or (email or "").partition("@")[0][:NAME_LIMIT].strip() or "Somebody"
    known = {"email": email, "email_verified": email is not None, "name": called, **more}
    user = await become(tx, guest_id, known)
    await audit_own(tx, AuditAction.USER_SIGNED_UP, user, user.id)
    return user


async def _change_address(tx: Transaction, proven: Verification) -> None:
    user = await tx.lock(User, proven.user_id or "")
    if user is None or user.deleted_at is not None:
        raise Invalid("This link does not hold any more; ask for a new one.", field="token")
    await claim_address(tx, proven.identifier, user)
    if user.email is not None and user.email_verified and user.email != proven.identifier:
        await post(tx, MailKind.ADDRESS_CHANGED, user.email)
    await user.change(email=proven.identifier, email_verified=True)
    await audit_own(tx, AuditAction.EMAIL_CHANGED, user, user.id)
