"""What the identity provider tells of its users: changes, and that one is gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from models.accounts.addresses import claim_address, holder_of
from models.accounts.erasing import erase
from models.accounts.users import User
from models.accounts.webhook_events import WebhookEvent, WebhookEventStatus, WebhookSource
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction


@dataclass(frozen=True, slots=True)
class IdentityEvent:
    """One event, whose sender was checked. `gone` says that the user was deleted there.

    Of a change, what is None was not told.
    """

    event_id: str
    event_type: str
    subject: str | None = None
    gone: bool = False
    changed_at: datetime | None = None
    email: str | None = None
    email_verified: bool = False
    name: str | None = None
    avatar_url: str | None = None


@verb.needing(None)
async def receive_identity_event(tx: Transaction, event: IdentityEvent) -> bool:
    """Do what an event asks for, once; False for one that came before.

    Only its id, its type and whom it is about are kept: the rest may be what has to be forgotten.
    """
    if await tx.first(WebhookEvent, "event_id = $1", event.event_id) is not None:
        return False
    row = WebhookEvent(
        source=WebhookSource.IDENTITY,
        event_id=event.event_id,
        event_type=event.event_type,
        payload={"subject": event.subject},
        status=WebhookEventStatus.PROCESSED,
        processed_at=tx.now,
    )
    await tx.add(row)
    user = await tx.first(User, "clerk_id = $1", event.subject, lock=True)
    if user is not None and user.deleted_at is None:
        await (_erase(tx, user) if event.gone else _change(tx, user, event))
    return True


async def _erase(tx: Transaction, user: User) -> None:
    """Erase a user who is gone elsewhere; an operator's office ends with it."""
    await user.change(operator=False)
    await erase(tx, user)


async def _change(tx: Transaction, user: User, event: IdentityEvent) -> None:
    """Take over what changed; an older event that comes late changes nothing."""
    changed_at = event.changed_at or tx.now
    if user.identity_at is not None and changed_at <= user.identity_at:
        return
    known: dict[str, Any] = {"name": event.name, "avatar_url": event.avatar_url}
    known = {name: value for name, value in known.items() if value is not None}
    if event.email is not None and await _may_have(tx, user, event):
        known |= {"email": event.email, "email_verified": event.email_verified}
    await user.change(identity_at=changed_at, **known)


async def _may_have(tx: Transaction, user: User, event: IdentityEvent) -> bool:
    """Whether the address is free for the user; whoever only claimed it gives way to proof."""
    assert event.email is not None, "asked only about an address"
    holder = await holder_of(tx, event.email)
    if holder is not None:
        return holder.id == user.id
    if event.email_verified:
        await claim_address(tx, event.email, user)
        return True
    claimed = await tx.first(User, "email = $1 AND deleted_at IS NULL", event.email)
    return claimed is None or claimed.id == user.id
