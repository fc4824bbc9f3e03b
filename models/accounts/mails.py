"""Mails: what is to be told by e-mail, kept until it is sent.

A mail holds no secret: the value of its link is made when it is sent, from its ticket.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from models import fields
from models.access import OperatorOnly
from models.accounts.users import EMAIL_LIMIT
from models.accounts.verifications import Purpose
from models.base import Record
from models.indexes import index
from models.ports import Letter
from models.verbs import verb

if TYPE_CHECKING:
    from models.ports import Tickets
    from models.transaction import Transaction

TRIES = 8
FIRST_PAUSE = timedelta(seconds=10)  # doubles with each try, so that the last is after 21 minutes
ABOUT_LIMIT = 200

INVITATION = "invitation"
"""What the values of links to organisations are made for."""


class MailKind(StrEnum):
    """What a mail tells."""

    CONFIRM_SIGN_UP = "confirm_sign_up"
    ALREADY_SIGNED_UP = "already_signed_up"
    CONFIRM_ADDRESS = "confirm_address"
    ADDRESS_TAKEN = "address_taken"
    ADDRESS_CHANGED = "address_changed"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - no password
    NO_ACCOUNT = "no_account"
    ACCOUNT_DELETED = "account_deleted"
    ACCOUNT_LINKED = "account_linked"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - no password
    INVITATION = "invitation"
    BUDGET_WARNING = "budget_warning"


class Mail(Record):
    """A mail that waits to be sent."""

    prefix = "mal"
    access = OperatorOnly()
    indexes = (index("due_at"), index("ticket"))

    kind: MailKind = fields.choice(MailKind, "What it tells.")
    recipient: str = fields.text("The address it goes to.", limit=EMAIL_LIMIT)
    ticket: str | None = fields.key("What the value of its link is made from.", null=True)
    about: str | None = fields.text("What it names.", limit=ABOUT_LIMIT, null=True)
    tries: int = fields.integer("How often sending it was tried.", default=0)
    due_at: datetime = fields.moment("When it is tried next.")

    class Meta:
        table = "mail"


async def post(
    tx: Transaction,
    kind: MailKind,
    recipient: str,
    ticket: str | None = None,
    about: str | None = None,
) -> None:
    """Have a mail sent once the transaction has committed."""
    mail = Mail(kind=kind, recipient=recipient, ticket=ticket, about=about, due_at=tx.now)
    await tx.add(mail)


async def take_back(tx: Transaction, ticket: str | None) -> None:
    """Forget a mail whose link holds no longer, if it was not sent yet."""
    await tx.remove_many(Mail, "ticket = $1", ticket)


@verb.needing(None)
async def take_mails(tx: Transaction, most: int) -> list[Mail]:
    """Take mails that are due; one that is not forgotten is due again after a pause."""
    due = f"due_at <= $1 ORDER BY due_at LIMIT {most}"
    found = await tx.find(Mail, due, tx.now, lock=True)
    for mail in found:
        await mail.change(tries=mail.tries + 1, due_at=tx.now + FIRST_PAUSE * 2**mail.tries)
    return found


@verb.needing(None)
async def forget_mail(tx: Transaction, id: str) -> None:
    """A mail was sent, or never can be."""
    mail = await tx.lock(Mail, id)
    if mail is not None:
        await mail.remove()


@dataclass(frozen=True, slots=True)
class _Text:
    """A mail's subject and its words, in which `{link}` and `{about}` stand for these."""

    subject: str
    words: str
    purpose: str | None = None
    page: str = ""


_TEXTS = {
    MailKind.CONFIRM_SIGN_UP: _Text(
        "Confirm your e-mail address",
        "Open this link within 24 hours to confirm your address and end signing up:\n\n{link}\n\n"
        "If you did not sign up, ignore this mail, and nothing happens.",
        Purpose.SIGN_UP,
        "verify-email",
    ),
    MailKind.ALREADY_SIGNED_UP: _Text(
        "You have an account already",
        "Somebody, perhaps you, tried to sign up with this address, which has an account already. "
        "Sign in with it, or ask for a new password if you forgot the old one:\n\n{link}\n\n"
        "If it was not you, there is nothing to do.",
        page="sign-in",
    ),
    MailKind.CONFIRM_ADDRESS: _Text(
        "Confirm your new e-mail address",
        "Open this link within an hour to use this address from now on:\n\n{link}\n\n"
        "If you did not ask for it, ignore this mail, and nothing changes.",
        Purpose.CHANGE_EMAIL,
        "verify-email",
    ),
    MailKind.ADDRESS_TAKEN: _Text(
        "This address has an account already",
        "Somebody, perhaps you, wanted to use this address for another account, but it has one "
        "already. Nothing was changed.\n\n{link}",
        page="sign-in",
    ),
    MailKind.ADDRESS_CHANGED: _Text(
        "Your e-mail address was changed",
        "Your account has another e-mail address now, and this one no longer belongs to it. If "
        "that was not you, get in touch at once.\n\n{link}",
    ),
    MailKind.RESET_PASSWORD: _Text(
        "Choose a new password",
        "Open this link within an hour to choose a new password:\n\n{link}\n\n"
        "If you did not ask for it, ignore this mail, and your password stays as it is.",
        Purpose.RESET_PASSWORD,
        "reset-password",
    ),
    MailKind.NO_ACCOUNT: _Text(
        "You have no account yet",
        "Somebody, perhaps you, asked for a new password, but this address has no account. "
        "You can sign up here:\n\n{link}\n\nIf it was not you, there is nothing to do.",
        page="sign-up",
    ),
    MailKind.ACCOUNT_LINKED: _Text(
        "Your account can be entered in a new way",
        "An account at another service that has the same e-mail address was linked to yours. If "
        "that was not you, sign in and unlink it:\n\n{link}",
    ),
    MailKind.ACCOUNT_DELETED: _Text(
        "Your account was deleted",
        "Your account and all that was in it are gone. If that was not you, get in touch at once."
        "\n\n{link}",
    ),
    MailKind.PASSWORD_CHANGED: _Text(
        "Your password was changed",
        "Your account has a new password, and every other device was signed out. If that was not "
        "you, ask for a new password at once:\n\n{link}",
        page="forgot-password",
    ),
    MailKind.INVITATION: _Text(
        "Join {about}",
        "You are invited to join {about}. Open this link within seven days to accept or decline:"
        "\n\n{link}\n\nIf you don't know who this is, ignore this mail, and nothing happens.",
        INVITATION,
        "invitation",
    ),
    MailKind.BUDGET_WARNING: _Text(
        "The budget of {about} is running out",
        "This month {about} has used as many credits as you wanted to be warned at. Look at the "
        "budget, or change it, here:\n\n{link}",
    ),
}


def letter_of(mail: Mail, app_url: str, tickets: Tickets) -> Letter:
    """A mail in words. Its link leads to a page below `app_url`, which ends without a slash.

    The value is in the link's fragment, which no server and no log sees. What it is about is
    put in one short line, since whoever named it may have called it anything.
    """
    text, about = _TEXTS[mail.kind], " ".join((mail.about or "").split())[:80]
    link = f"{app_url}/{text.page}" if text.page else app_url
    if text.purpose is not None and mail.ticket is not None:
        link += f"#token={tickets.token_of(text.purpose, mail.ticket)}"
    words = text.words.format(link=link, about=about)
    return Letter(mail.recipient, text.subject.format(about=about), f"{words}\n")
