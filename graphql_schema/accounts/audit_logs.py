"""The audit log in the API."""

from __future__ import annotations

from datetime import datetime

import strawberry

from graphql_schema.core.connection import Connection
from graphql_schema.core.entries import pages_of_owner
from graphql_schema.core.enums import describe
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.accounts import audit_logs
from models.accounts.audit_logs import AuditAction
from models.reading import Listing, Order

describe(
    AuditAction,
    "What was done.",
    ORG_CREATED="An organisation was founded.",
    ORG_CHANGED="Its name or slug was changed.",
    ORG_DELETED="It was deleted.",
    ORG_TRANSFERRED="It was handed on to another owner.",
    ORG_PLAN_SET="An operator put it on a plan.",
    MEMBER_INVITED="Somebody was invited.",
    INVITATION_RESENT="An invitation was sent again.",
    INVITATION_REVOKED="An invitation was taken back.",
    INVITATION_DECLINED="An invitation was turned down.",
    MEMBER_JOINED="An invitation was accepted.",
    MEMBER_CHANGED="A member got another role.",
    MEMBER_REMOVED="A member was sent away.",
    MEMBER_LEFT="A member left.",
    MOVED_IN="A project or conversation came from another owner.",
    MOVED_OUT="A project or conversation went to another owner.",
    TOKEN_CREATED="A token for scripts was made.",  # noqa: S106 - a description
    TOKEN_REVOKED="A token for scripts was revoked.",  # noqa: S106 - a description
    KEY_SET="A provider's key was set.",
    KEY_CHANGED="A key's use was changed.",
    KEY_DELETED="A provider's key was deleted.",
    KEY_TESTED="A key was shown to its provider, to see whether it holds.",
    USER_SIGNED_UP="The user proved an address, or came from a provider, for the first time.",
    USER_ERASED="The user's account was erased.",
    GUEST_CLAIMED="What a guest had made came to the user.",
    SESSION_OPENED="The user signed in.",
    SESSION_ENDED="The user was signed out, here or elsewhere.",
    PASSWORD_CHANGED="The user's password was changed.",  # noqa: S106 - a description
    EMAIL_CHANGED="The user's address was changed.",
    ACCOUNT_LINKED="The user got one more way to sign in.",
    ACCOUNT_UNLINKED="A way to sign in was taken away.",
    LINK_CREATED="A conversation was shared.",
    SERVICE_CONNECTED="A user connected an outside service.",
    SERVICE_DISCONNECTED="A user disconnected an outside service.",
    LINK_REVOKED="A share link was ended.",
    DATA_EXPORTED="Somebody asked for all that is theirs.",
    PERIOD_CLOSED="A billing period was closed and its invoice issued.",
    INVOICE_SETTLED="An invoice was marked as paid or void.",
    BUDGET_SET="A budget was set or changed.",
    CREDITS_RESET="A user's credits were renewed.",
    SUBSCRIPTION_GRANTED="The user was given a plan without payment.",
    SUBSCRIPTION_ENDED="A plan that was given without payment was taken away.",
    SUBSCRIPTION_RECONCILED="A subscription was brought up to what Polar tells of it.",
    SUBSCRIPTION_RESOLVED="A customer at Polar, and what they pay for, was given to the user.",
    WEBHOOK_REPLAYED="What a service had sent was gone through again.",
    OPERATOR_GRANTED="The user was made an operator.",
    OPERATOR_REVOKED="The user is no operator any more.",
)


@record_type(audit_logs.AuditLog)
class AuditLog(Node):
    org_id: strawberry.ID | None
    user_id: strawberry.ID | None
    action: AuditAction
    resource: strawberry.ID
    metadata: JSON | None
    request_id: str | None
    at: datetime


NEWEST = Listing(audit_logs.AuditLog, "owner_id", Order("at", descending=True), 0)


@strawberry.type
class Query:
    audit_logs: Connection[AuditLog] = pages_of_owner(
        NEWEST, "What was done to an owner's rights, newest first; needs READ_AUDIT."
    )
