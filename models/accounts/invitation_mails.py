"""The mails of invitations: an invitation is due to be mailed until that was done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from models.accounts.org_members import OrgMember
from models.accounts.orgs import Org
from models.ports import Letter
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

PAUSE = timedelta(minutes=1)  # until a mail that was not sent is tried again


@dataclass(frozen=True, slots=True)
class InvitationMail:
    """What is to be told, and to whom."""

    member_id: str
    ticket: str
    to: str
    org_name: str
    days: int

    @property
    def _name(self) -> str:
        """The organisation's name in one short line, since its owners may call it anything."""
        return " ".join(self.org_name.split())[:80]

    def letter(self, app_url: str, token_of: Callable[[str], str]) -> Letter:
        """The mail in words. The token is in the link's fragment, which no server sees."""
        link = f"{app_url.rstrip('/')}/invitation#token={token_of(self.ticket)}"
        text = (
            f"You are invited to join {self._name}. Open this link within {self.days} days to "
            f"accept or decline:\n\n{link}\n\n"
            "If you don't know who this is, ignore this mail, and nothing happens.\n"
        )
        return Letter(self.to, f"Join {self._name}", text)


@verb.needing(None)
async def take_invitation_mails(tx: Transaction, most: int) -> list[InvitationMail]:
    """Take mails that are due; one that is not noted as sent is due again after a pause."""
    due = f"mail_due_at <= $1 ORDER BY mail_due_at LIMIT {most}"
    found: list[InvitationMail] = []
    for invited in await tx.find(OrgMember, due, tx.now, lock=True):
        mail = await _mail_of(tx, invited)
        if mail is not None:
            found.append(mail)
        await invited.change(mail_due_at=tx.now + PAUSE if mail else None)
    return found


async def _mail_of(tx: Transaction, invited: OrgMember) -> InvitationMail | None:
    """The mail of an invitation; None for one that is over, or that nobody can accept any more."""
    (org,) = await tx.find(Org, "id = $1", invited.org_id)
    ends = invited.expires_at
    if invited.ticket is None or invited.email is None or ends is None:
        return None
    if ends <= tx.now or org.deleted_at is not None:
        return None
    days = max(1, (ends - tx.now).days)
    return InvitationMail(invited.id, invited.ticket, invited.email, org.name, days)


@verb.needing(None)
async def note_mailed(tx: Transaction, mail: InvitationMail) -> None:
    """A mail was sent; unless the invitation was renewed meanwhile, no other is due."""
    invited = await tx.lock(OrgMember, mail.member_id)
    if invited is not None and invited.ticket == mail.ticket:
        await invited.change(mail_due_at=None)
