"""Rows of the tables that no mutation writes yet, planted through a verb of the test's own."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.auth import derive_key
from app.cipher import Cipher
from models import ids
from models.accounts.accounts import CREDENTIAL, Account
from models.accounts.oauth_connections import OAuthConnection, OAuthProvider
from models.accounts.operators import grant_operator
from models.accounts.rate_limits import RateLimit
from models.accounts.sessions import Session
from models.accounts.tokens import digest, new_session_token
from models.accounts.user_keys import UserKey
from models.accounts.users import User
from models.accounts.verifications import Purpose, Verification
from models.accounts.webhook_events import WebhookEvent, WebhookEventStatus
from models.base import Record
from models.billing.anonymous_usage import AnonymousUsage
from models.billing.budgets import CreditBudget, month_of
from models.billing.credit_ledger import CreditEntry, CreditEvent
from models.billing.credit_reservations import CreditReservation, ReservationState
from models.billing.customers import PolarCustomer
from models.billing.pending_subscriptions import PendingSubscription
from models.billing.plans import PlanTier
from models.billing.subscriptions import (
    Subscription,
    SubscriptionProvider,
    SubscriptionStatus,
)
from models.billing.usage import Usage
from models.billing.usage_events import UsageEvent
from models.builder.imports import Import, ImportSource
from models.files.stored_files import StoredFile, new_storage_key
from models.sealing import sealed
from models.transaction import Transaction
from models.verbs import verb
from tests.harness.api import SECRET, Api, Server
from tests.harness.verbs import actor_of, id_of

LEFT = {"points": Decimal("2.5"), "granted": Decimal("2.5")}
CIPHER = Cipher(derive_key(SECRET.encode(), "secrets at rest"))


@verb
async def _plant(tx: Transaction, model: type[Record], columns: dict[str, Any]) -> Record:
    return await tx.add(model(**columns))


async def plant(server: Server, model: type[Record], /, **columns: Any) -> str:
    """Add a row and return its id; `owner_id` may be told by `user_id`."""
    if "owner_id" in model.columns():
        columns = {"owner_id": columns.get("user_id")} | columns
    return (await _plant(actor_of(server, None), model, columns)).id


@verb
async def _alter(
    tx: Transaction, model: type[Record], id: str, columns: dict[str, Any]
) -> Record | None:
    row = await tx.lock(model, id)
    return row and await row.change(**columns)


async def alter(server: Server, model: type[Record], id: str, /, **columns: Any) -> None:
    """Change a row."""
    assert await _alter(actor_of(server, None), model, id, columns)


async def make_operator(server: Server, user: Api) -> None:
    """Have a user run the service."""
    await grant_operator(actor_of(server, None), await id_of(user))


async def plant_subscription(server: Server, user: str) -> str:
    """A subscription that Polar keeps, and the customer whose it is."""
    new = f"sub-{ids.new_id('row')}"
    payer = {"user_id": user, "owner_id": user}
    await plant(server, PolarCustomer, **payer, polar_customer_id=f"cus-of-{new}")
    kept = {"provider": SubscriptionProvider.POLAR, "polar_subscription_id": new}
    active = {"status": SubscriptionStatus.ACTIVE, "plan_tier": PlanTier.PRO}
    return await plant(server, Subscription, **payer, **kept, **active)


async def plant_account(server: Server, user: str, owner: str | None = None) -> dict[str, str]:
    """A row of all that a user has beside projects, by name, and one of each that nobody has.

    With an `owner`, what is used and paid is that one's.
    """
    new, payer = ids.new_id("row"), {"user_id": user, "owner_id": owner or user}
    customer, subscription = f"customer-{new}", {"polar_subscription_id": f"waiting-{new}"}
    waiting = {**subscription, "customer_id": customer, "event_data": {}}
    window = {"count": 1, "window_start": now_at(server), "limit_count": 5, "window_ms": 60_000}
    event = {"event_id": f"event {new}", "event_type": "subscription.created", "payload": {}}
    event |= {"status": WebhookEventStatus.FAILED}
    return {
        **await _once(server, user, owner),
        **await plant_credits(server, owner or user),
        "subscription": await plant(
            server,
            Subscription,
            **payer,
            plan_tier=PlanTier.PRO,
            provider=SubscriptionProvider.POLAR,
            polar_subscription_id=f"subscription-{new}",
        ),
        "granted": await plant(server, Subscription, **payer, plan_tier=PlanTier.PRO),
        "usage event": await plant(
            server, UsageEvent, **payer, metric="ai_tokens", quantity=7, billing_period="2020-01"
        ),
        "customer": await plant(server, PolarCustomer, **payer, polar_customer_id=customer),
        "waiting": await plant(server, PendingSubscription, **waiting),
        "event": await plant(server, WebhookEvent, **event),
        "guest": await plant(server, AnonymousUsage, anonymous_id=f"guest {new}"),
        "limit": await plant(server, RateLimit, key=f"key {new}", **window),
        "account": await plant_way_in(server, user),
        "other account": await plant_way_in(server, user),
        "session": (await plant_session(server, user))[0],
        "other session": (await plant_session(server, user))[0],
        "verification": (await plant_verification(server, Purpose.SIGN_UP, "a@b.example"))[0],
    }


async def plant_usage(server: Server, user: str, owner: str | None = None) -> str:
    """Credits of a user who has none yet."""
    return await plant(server, Usage, user_id=user, owner_id=owner or user, **LEFT)


async def plant_credits(server: Server, owner: str) -> dict[str, str]:
    """What the ledger tells of one answer, a reservation, and a budget where there is none."""
    about = {"owner_id": owner, "subject_id": ids.new_id("msg"), "model": "mock:slow"}
    if owner.startswith("org_"):
        about["org_id"] = owner
    spent = {"event": CreditEvent.SETTLED, "reserved": Decimal(-1), "spent": Decimal(1)}
    released = {"state": ReservationState.RELEASED, "cost": Decimal(1)}
    budgets = await server.sql("SELECT id FROM credit_budget WHERE owner_id = $1", owner)
    if not budgets:
        month = month_of(now_at(server))
        budgets = [{"id": await plant(server, CreditBudget, owner_id=owner, month=month)}]
    return {
        "credit entry": await plant(
            server, CreditEntry, **about, **spent, event_key=ids.new_id("key"), window_number=0
        ),
        "reservation": await plant(server, CreditReservation, **about, **released, window_number=0),
        "budget": budgets[0]["id"],
    }


async def plant_way_in(server: Server, user: str) -> str:
    """An account at a provider."""
    known = {"provider_id": "google", "account_id": ids.new_id("row")}
    return await plant(server, Account, user_id=user, **known)


async def plant_file(
    server: Server, user: str, purpose: str = "attachment", owner: str | None = None, **more: Any
) -> str:
    """A complete file, whose bytes only the row tells of."""
    key = new_storage_key()
    about = {"file_name": "a.png", "content_type": "image/png", "size": 9, "sha256": "0" * 64}
    about |= more
    state = {"purpose": purpose, "state": "ready", "due_at": now_at(server) + timedelta(days=1)}
    whose = {"user_id": user, "owner_id": owner or user}
    return await plant(server, StoredFile, **whose, storage_key=key, **about, **state)


async def plant_user_key(server: Server, user: str) -> str:
    """A key for a provider that is not there any more, so that nobody is asked about it."""
    row = UserKey(owner_id=user, user_id=user, provider=ids.new_id("gone"), masked_key="sk-0…cdef")
    row.encrypted_key = sealed(CIPHER, row, "encrypted_key", "sk-0123456789abcdef")
    known = {name: getattr(row, name) for name in ("provider", "masked_key", "encrypted_key")}
    return await plant(server, UserKey, user_id=user, **known)


async def plant_session(server: Server, user: str) -> tuple[str, str]:
    """A session of a user, and its token."""
    token, now = new_session_token(), now_at(server)
    times = {"rotated_at": now, "last_active": now, "expires_at": now + timedelta(days=30)}
    id = await plant(server, Session, user_id=user, token_hash=digest(token), **times)
    return id, token


async def plant_verification(
    server: Server, purpose: Purpose, email: str, **more: Any
) -> tuple[str, str]:
    """A verification of an address, and the value that its mail would hold."""
    id = ids.new_id(Verification.prefix)
    token = server.services.ports.sign_in.tickets.token_of(purpose, id)
    known = {"id": id, "identifier": email, "purpose": purpose, "value_hash": digest(token)}
    expires = now_at(server) + timedelta(hours=1)
    return await plant(server, Verification, expires_at=expires, **known, **more), token


async def plant_password(server: Server, user: str, email: str, password: str) -> None:
    """A proven address and a password."""
    hashed = await server.services.ports.sign_in.passwords.hash(password)
    await alter(server, User, user, email=email, email_verified=True)
    known = {"provider_id": CREDENTIAL, "account_id": user, "password_hash": hashed}
    await plant(server, Account, user_id=user, **known)


def now_at(server: Server) -> Any:
    """The time by the server's clock."""
    return server.services.ports.clock.now()


async def _once(server: Server, user: str, owner: str | None) -> dict[str, str]:
    """What a user has one of, planted where it is not there yet."""
    usage = await server.sql(f"SELECT id FROM {Usage.table()} WHERE user_id = $1", user)
    if owner is not None:  # an organisation's are no user's
        payer = ids.new_id("usr")
        usage = [{"id": await plant_usage(server, payer, owner)}]
    elif not usage:
        usage = [{"id": await plant_usage(server, user)}]
    grants = await plant_grants(server, user)
    return {"usage": usage[0]["id"], "grant": grants[OAuthProvider.GITHUB]}


async def plant_grant(
    server: Server, user: str, provider: OAuthProvider = OAuthProvider.GITHUB
) -> str:
    """A user's connection to a service; returns its id."""
    token = CIPHER.seal("gho_1", owner=user, purpose="oauth_connection.access_token")
    grant = {"provider": provider, "access_token": token, "scope": "repo"}
    return await plant(server, OAuthConnection, user_id=user, **grant)


async def plant_grants(server: Server, user: str) -> dict[OAuthProvider, str]:
    """The ids of a user's connections, one to each service, planted where they are not there."""
    table = OAuthConnection.table()
    rows = await server.sql(f"SELECT provider, id FROM {table} WHERE user_id = $1", user)
    found = {OAuthProvider(row["provider"]): row["id"] for row in rows}
    for provider in set(OAuthProvider) - found.keys():
        found[provider] = await plant_grant(server, user, provider)
    return found


async def plant_import(server: Server, user: str, project: str, message: str | None) -> str:
    """A Figma file that a project took over; returns the import's id."""
    about = {"source_id": "f1", "source_name": "Shop", "source_url": "https://figma.example/f1"}
    where = {"user_id": user, "project_id": project, "message_id": message}
    return await plant(server, Import, source=ImportSource.FIGMA, **where, **about)
