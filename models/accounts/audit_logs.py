"""The audit log: who did what to whose rights, written by the verb that did it.

Nothing that somebody wrote to a model, and no secret, is ever put in it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import Owned
from models.base import Record
from models.indexes import index
from models.permissions import Permission
from models.viewer import SYSTEM

if TYPE_CHECKING:
    from models.transaction import Transaction


class AuditAction(StrEnum):
    """What was done."""

    ORG_CREATED = "org.created"
    ORG_CHANGED = "org.changed"
    ORG_DELETED = "org.deleted"
    ORG_TRANSFERRED = "org.transferred"
    ORG_PLAN_SET = "org.plan_set"
    MEMBER_INVITED = "member.invited"
    INVITATION_RESENT = "invitation.resent"
    INVITATION_REVOKED = "invitation.revoked"
    INVITATION_DECLINED = "invitation.declined"
    MEMBER_JOINED = "member.joined"
    MEMBER_CHANGED = "member.changed"
    MEMBER_REMOVED = "member.removed"
    MEMBER_LEFT = "member.left"
    MOVED_IN = "moved.in"
    MOVED_OUT = "moved.out"
    TOKEN_CREATED = "token.created"  # noqa: S105 - an action
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - an action
    KEY_SET = "key.set"
    KEY_CHANGED = "key.changed"
    KEY_DELETED = "key.deleted"
    KEY_TESTED = "key.tested"
    USER_SIGNED_UP = "user.signed_up"
    USER_ERASED = "user.erased"
    GUEST_CLAIMED = "guest.claimed"
    SESSION_OPENED = "session.opened"
    SESSION_ENDED = "session.ended"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - an action
    EMAIL_CHANGED = "email.changed"
    ACCOUNT_LINKED = "account.linked"
    ACCOUNT_UNLINKED = "account.unlinked"
    SERVICE_CONNECTED = "service.connected"
    SERVICE_DISCONNECTED = "service.disconnected"
    LINK_CREATED = "link.created"
    LINK_REVOKED = "link.revoked"
    DATA_EXPORTED = "data.exported"
    PERIOD_CLOSED = "period.closed"
    INVOICE_SETTLED = "invoice.settled"
    BUDGET_SET = "budget.set"
    CREDITS_RESET = "credits.reset"
    SUBSCRIPTION_GRANTED = "subscription.granted"
    SUBSCRIPTION_ENDED = "subscription.ended"
    SUBSCRIPTION_RECONCILED = "subscription.reconciled"
    SUBSCRIPTION_RESOLVED = "subscription.resolved"
    WEBHOOK_REPLAYED = "webhook.replayed"
    OPERATOR_GRANTED = "operator.granted"
    OPERATOR_REVOKED = "operator.revoked"


class AuditLog(Record):
    """One act that concerns rights; kept for good, also when what it names is gone."""

    prefix = "aud"
    access = Owned(read=Permission.READ_AUDIT)
    indexes = (index("owner_id", "at", "id"),)

    owner_id: str = fields.key("Whose rights it concerns.")
    org_id: str | None = fields.key("Id of the organisation; null for a user's own.", null=True)
    user_id: str | None = fields.key("Id of the user who did it; null for the system.", null=True)
    action: AuditAction = fields.choice(AuditAction, "What was done.")
    resource: str = fields.key("Id of the row it was done to.")
    metadata: Any = fields.json("What else there is to know.", null=True)
    request_id: str | None = fields.key("The request it was done in.", null=True)
    at: datetime = fields.moment("When it was done.")

    class Meta:
        table = "audit_log"


async def audit(
    tx: Transaction,
    action: AuditAction,
    resource: Record | str,
    *,
    owner: str | None = None,
    **more: Any,
) -> None:
    """Note an act of the viewer's on a row, for its owner or for another one.

    What has no row here is told by its name elsewhere, and is the service's.
    """
    theirs = SYSTEM if isinstance(resource, str) else resource.owner
    await _note(tx, action, resource, owner or theirs, tx.actor.viewer.user_id, more)


async def audit_own(
    tx: Transaction, action: AuditAction, resource: Record, user_id: str, **more: Any
) -> None:
    """Note an act of a user's on a row of their own, who may have been nobody until now."""
    await _note(tx, action, resource, user_id, user_id, more)


async def _note(
    tx: Transaction,
    action: AuditAction,
    resource: Record | str,
    owner: str,
    by: str | None,
    more: dict[str, Any],
) -> None:
    await tx.add(
        AuditLog(
            owner_id=owner,
            org_id=owner if owner.startswith("org_") else None,
            user_id=by,
            action=action,
            resource=resource if isinstance(resource, str) else resource.id,
            metadata=more or None,
            request_id=tx.actor.request_id,
            at=tx.now,
        )
    )
