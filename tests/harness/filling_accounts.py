"""What each owner of a filled database has beside projects, and what belongs to nobody."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from models.accounts.accounts import Account
from models.accounts.api_tokens import ApiToken
from models.accounts.audit_logs import AuditLog
from models.accounts.feedback import Feedback
from models.accounts.mails import Mail
from models.accounts.oauth_connections import OAuthConnection
from models.accounts.oauth_revocations import OAuthRevocation
from models.accounts.org_members import OrgMember
from models.accounts.orgs import Org
from models.accounts.rate_limits import RateLimit
from models.accounts.sessions import Session
from models.accounts.user_keys import UserKey
from models.accounts.verifications import Verification
from models.accounts.webhook_events import WebhookEvent
from models.billing.anonymous_usage import AnonymousUsage
from models.billing.budgets import CreditBudget
from models.billing.credit_ledger import CreditEntry
from models.billing.credit_reservations import CreditReservation
from models.billing.customers import PolarCustomer
from models.billing.invoices import Invoice
from models.billing.pending_subscriptions import PendingSubscription
from models.billing.subscriptions import Subscription
from models.billing.usage import Usage
from models.billing.usage_events import UsageEvent
from models.builder.imports import Import
from models.files.stored_files import StoredFile
from models.permissions import Role

if TYPE_CHECKING:
    from datetime import datetime

    from tests.harness.filling import Filling

OTHERS = (Role.VIEWER, Role.EDITOR, Role.BILLING, Role.ADMIN)
EACH = 3  # of what an owner may have several of


def add_account(filling: Filling, user: str, start: datetime) -> None:
    """Add credits, subscriptions and connections of a user, and as many rows of nobody's."""
    add_usage(filling, user, start)
    add_ways_in(filling, user, start)
    add_files(filling, user, start)
    for provider in ("figma", "github"):
        filling.add(OAuthConnection, user, user_id=user, provider=provider, scope="read")
    for provider in ("openai", "another"):
        filling.add(UserKey, user, user_id=user, provider=provider, masked_key="sk-0…cdef")
    for number in range(EACH):
        name = f"{user}-{number}"
        filling.add(PolarCustomer, user, user_id=user, polar_customer_id=f"customer-{name}")
        subscription = {"polar_subscription_id": f"sub-{name}", "customer_id": f"customer-{name}"}
        filling.add(Subscription, user, user_id=user, plan_tier="pro", **subscription)
        filling.add(PendingSubscription, user, event_data={}, **subscription)
        event = {"event_id": f"event-{name}", "event_type": "subscription.created"}
        filling.add(WebhookEvent, user, payload={}, **event)
        later = start + timedelta(days=36_500, hours=number)
        window = {"window_start": later, "window_ms": 60_000}
        guest = {"anonymous_id": f"ip_{name}", "daily_reset": later}
        filling.add(AnonymousUsage, user, **guest)
        filling.add(RateLimit, user, key=f"user_{name}", count=1, limit_count=5, **window)


def add_ways_in(filling: Filling, user: str, start: datetime) -> None:
    """Add accounts and sessions of a user, and as many verifications and mails."""
    ends = start + timedelta(days=30)
    for number in range(EACH):
        name = f"{user}-{number}"
        filling.add(Account, user, user_id=user, provider_id="google", account_id=name)
        times = {"rotated_at": start, "expires_at": ends, "last_active": start}
        filling.add(Session, user, user_id=user, token_hash=name, previous_hash=f"p{name}", **times)
        proof = {"identifier": "a@b.example", "purpose": "sign_up", "value_hash": name}
        filling.add(Verification, user, user_id=user, expires_at=ends, **proof)
        filling.add(OAuthRevocation, user, provider="github", due_at=ends)
        filling.add(Mail, user, kind="confirm_sign_up", recipient="a@b.example", due_at=ends)


def add_files(filling: Filling, user: str, start: datetime) -> None:
    """Add files of a user that nothing refers to."""
    for number in range(EACH):
        where = {"storage_key": f"{user}-{number}", "due_at": start + timedelta(days=36_500)}
        about = {"file_name": "a.png", "content_type": "image/png", "size": 9}
        state = {"purpose": "attachment", "state": "ready", "sha256": "0" * 64}
        filling.add(StoredFile, user, user_id=user, **where, **about, **state)


def add_usage(filling: Filling, user: str, start: datetime) -> None:
    """Add a user's credits."""
    left = {"points": Decimal("2.5"), "granted": Decimal("2.5")}
    filling.add(Usage, user, user_id=user, **left, expire=start, plan_type="free")
    filling.add(CreditBudget, user, month=start)
    for number in range(EACH):
        about = {"subject_id": f"msg_{user}-{number}", "model": "mock:slow", "window_number": 1}
        spent = {"event": "settled", "reserved": Decimal(-1), "spent": Decimal(1)}
        filling.add(CreditEntry, user, event_key=f"{user}-{number}", **about, **spent)
        filling.add(CreditReservation, user, cost=Decimal(1), state="settled", **about)
    for _ in range(EACH):
        _add_event(filling, user, user_id=user)


def _add_event(filling: Filling, owner: str, **values: Any) -> None:
    call = {"metric": "ai_tokens", "quantity": 9, "model": "mock:raypx-1", "feature": "chat"}
    more = {"billing_period": "2026-01", "cost_usd": Decimal("0.0000025")}
    filling.add(UsageEvent, owner, **call, **more, **values)


def add_imports(filling: Filling, owner: str, user: str, project: str) -> None:
    """Add what a project of an owner's took over for a user."""
    what: dict[str, Any] = {"source_id": "s", "source_name": "Shop", "source_url": "https://x.dev"}
    for source in ("FIGMA", "GITHUB"):
        filling.add(Import, owner, user_id=user, project_id=project, source=source, **what)


def add_orgs(filling: Filling, start: datetime) -> None:
    """Add an organisation of each user's, in which the next user has a role, and what it owns;
    every user has tokens."""
    users = filling.users
    for number, user in enumerate(users):
        other, role = users[(number + 1) % len(users)], OTHERS[number % len(OTHERS)]
        org = _add_org(filling, user, {user: Role.OWNER, other: role}, start)
        for place in range(filling.size.projects + 2 if number % 70 == 0 else 0):
            filling.project(org, filling.size.messages, place, by=user)
    for user in users:
        filling.add(Feedback, user, user_id=user, message="Well made. " * 130)
        _audit(filling, user, start, org_id=None)
        for number in range(EACH):
            token = {"token_hash": f"{user}-{number}", "start": "pnt_abcdef", "scopes": ["read"]}
            ends = start + timedelta(days=9_999)
            filling.add(ApiToken, user, user_id=user, name="Script", expires_at=ends, **token)


def _add_org(filling: Filling, owner: str, roles: dict[str, Role], start: datetime) -> str:
    slug = f"org-{owner[-9:]}"
    org = filling.add(Org, owner, name="Orchard", slug=slug, owner_user_id=owner, plan="free")
    for user, role in roles.items():
        filling.add(OrgMember, org, org_id=org, user_id=user, role=role, status="active")
    for number in range(EACH):
        about = {"email": f"{number}@{slug}.example", "invited_by": owner, "invited_at": start}
        state = {"role": "viewer", "status": "invited", "token_hash": f"{org}-{number}"}
        filling.add(OrgMember, org, org_id=org, **about, **state)
    _audit(filling, org, start, org_id=org, user_id=owner)
    for month in range(1, EACH + 1):
        about = {"org_id": org, "billing_period": f"2025-{month:02d}", "amount": Decimal("2.5")}
        filling.add(Invoice, org, **about)
        _add_event(filling, org, user_id=owner, agent_id=f"agent-{month}")
    return org


def _audit(filling: Filling, owner: str, start: datetime, **values: Any) -> None:
    for number in range(EACH):
        at = start + timedelta(hours=number)
        what = {"action": "member.changed", "resource": owner}
        filling.add(AuditLog, owner, at=at, **what, **values)
