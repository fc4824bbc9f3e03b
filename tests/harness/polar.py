"""What Polar posts, in its own shapes, signed as it signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import time
from typing import Any

from aiohttp import ClientSession

SECRET = "polar_whs_of-the-tests"
PRO, UNLIMITED, UNKNOWN = "prod-pro", "prod-unlimited", "prod-of-another-shop"
PRODUCTS = {PRO: "pro", UNLIMITED: "unlimited"}
SETTINGS: dict[str, Any] = {"polar_webhook_secret": SECRET, "polar_products": PRODUCTS}
ORGANISATION = "org-of-the-shop"
_numbers = itertools.count(1)

_COMMON = {"created_at": "2031-05-01T08:00:00Z", "modified_at": None}


def moment(minute: float = 0, day: int = 1) -> str:
    """A time as Polar writes it."""
    whole, part = divmod(minute, 1)
    hour, left = divmod(int(whole), 60)
    return f"2031-05-{day:02}T{8 + hour:02}:{left:02}:{int(part * 60):02}.123456Z"


def customer(id: str = "cus-1", external_id: str | None = None) -> dict[str, Any]:
    """A customer."""
    return _COMMON | {
        "id": id,
        "metadata": {},
        "external_id": external_id,
        "email": f"{id}@x.example",
        "email_verified": True,
        "type": "individual",
        "name": None,
        "billing_name": None,
        "billing_address": None,
        "tax_id": None,
        "organization_id": ORGANISATION,
        "deleted_at": None,
        "first_user_event_at": None,
        "avatar_url": None,
    }


def price(product_id: str) -> dict[str, Any]:
    """A fixed price of a product."""
    return _COMMON | {
        "id": f"price-of-{product_id}",
        "source": "catalog",
        "amount_type": "fixed",
        "price_currency": "usd",
        "tax_behavior": None,
        "is_archived": False,
        "product_id": product_id,
        "price_amount": 2_000,
    }


def product(id: str = PRO) -> dict[str, Any]:
    """A product that is paid each month."""
    return _COMMON | {
        "id": id,
        "trial_interval": None,
        "trial_interval_count": None,
        "name": id.title(),
        "description": None,
        "visibility": "public",
        "recurring_interval": "month",
        "recurring_interval_count": 1,
        "meter_interval": None,
        "meter_interval_count": None,
        "is_recurring": True,
        "is_archived": False,
        "organization_id": ORGANISATION,
        "metadata": {},
        "is_deletable": True,
        "prices": [price(id)],
        "benefits": [],
        "medias": [],
        "attached_custom_fields": [],
    }


def subscription(
    id: str = "sub-1",
    payer: dict[str, Any] | None = None,
    product_id: str = PRO,
    **changed: Any,
) -> dict[str, Any]:
    """A subscription, active for the month of May 2031."""
    payer = payer or customer()
    nothing = dict.fromkeys(
        (
            *("current_meter_period_start", "current_meter_period_end", "trial_start"),
            *("trial_end", "canceled_at", "ends_at", "ended_at", "paused_at", "resumes_at"),
            *("discount_id", "checkout_id", "units", "customer_cancellation_reason"),
            *("customer_cancellation_comment", "discount", "pending_update"),
        )
    )
    return (
        nothing
        | _COMMON
        | {
            "id": id,
            "amount": 2_000,
            "currency": "usd",
            "recurring_interval": "month",
            "recurring_interval_count": 1,
            "status": "active",
            "current_period_start": moment(),
            "current_period_end": moment(day=31),
            "cancel_at_period_end": False,
            "started_at": moment(),
            "pause_at_period_end": False,
            "customer_id": payer["id"],
            "product_id": product_id,
            "metadata": {},
            "customer": payer,
            "product": product(product_id),
            "prices": [price(product_id)],
            "meters": [],
        }
        | changed
    )


def checkout(
    status: str = "succeeded",
    customer_id: str | None = "cus-1",
    external_id: str | None = None,
    **changed: Any,
) -> dict[str, Any]:
    """A checkout of the product `PRO`."""
    nothing = dict.fromkeys(
        (
            *("return_url", "embed_origin", "units", "min_units", "max_units", "tax_amount"),
            *("tax_behavior", "allow_trial", "active_trial_interval", "trial_end"),
            *("active_trial_interval_count", "discount_id", "customer_name", "customer_email"),
            *("customer_ip_address", "customer_billing_name", "customer_billing_address"),
            *("customer_tax_id", "payment_method_type", "trial_interval", "discount", "prices"),
            *("trial_interval_count", "subscription_id", "attached_custom_fields"),
        )
    )
    flags = dict.fromkeys(
        (
            *("allow_discount_codes", "require_billing_address", "is_discount_applicable"),
            *("is_free_product_price", "is_payment_required", "is_payment_setup_required"),
            *("is_payment_form_required", "is_business_customer"),
        ),
        False,
    )
    parts = ("country", "state", "city", "postal_code", "line1", "line2")
    secret = f"secret-{next(_numbers)}"
    shown = {k: v for k, v in product().items() if k not in ("metadata", "is_deletable")}
    shown.pop("attached_custom_fields")
    return (
        nothing
        | flags
        | _COMMON
        | {
            "id": f"checkout-{secret}",
            "payment_processor": "stripe",
            "status": status,
            "client_secret": secret,
            "url": f"https://polar.example/checkout/{secret}",
            "expires_at": moment(day=2),
            "success_url": "https://polar.example/done",
            **dict.fromkeys(("amount", "net_amount", "total_amount"), 2_000),
            "discount_amount": 0,
            "currency": "usd",
            "organization_id": ORGANISATION,
            "product_id": PRO,
            "product_price_id": f"price-of-{PRO}",
            "customer_id": customer_id,
            "payment_processor_metadata": {},
            "billing_address_fields": dict.fromkeys(parts, "optional"),
            "metadata": {},
            "external_customer_id": external_id,
            "products": [shown],
            "product": shown,
            "product_price": price(PRO),
            "customer_metadata": {},
        }
        | changed
    )


def order(payer: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """An order, as far as anybody here looks at it."""
    told = {"id": f"order-{next(_numbers)}", "customer_id": payer["id"], "customer": payer}
    return _COMMON | {"status": "paid", "paid": True, "metadata": {}} | told | changed


def event(kind: str, data: Any) -> bytes:
    """The body of an event."""
    told = {"type": kind, "timestamp": moment(), "api_version": "2026-10", "data": data}
    return json.dumps(told).encode()


def signed(
    id: str, body: bytes, *, at: float | None = None, key: bytes = SECRET.encode()
) -> dict[str, str]:
    """The headers of a delivery."""
    stamp = str(int(time.time() if at is None else at))
    mark = hmac.digest(key, f"{id}.{stamp}.".encode() + body, hashlib.sha256)
    text = f"v1,{base64.b64encode(mark).decode()}"
    return {"webhook-id": id, "webhook-timestamp": stamp, "webhook-signature": text}


async def deliver(
    session: ClientSession, url: str, kind: str, data: Any, id: str | None = None
) -> int:
    """Post an event to a server; the status it answers."""
    body, id = event(kind, data), id or f"evt-{next(_numbers)}"
    target = f"{url}/webhooks/polar"
    async with session.post(target, data=body, headers=signed(id, body)) as response:
        return response.status
