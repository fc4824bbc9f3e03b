"""What Polar tells of a customer and of a subscription, read with suspicion.

The shapes are those of Polar's webhooks and of its API, which are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from models.billing.subscriptions import BillingInterval, SubscriptionStatus
from models.errors import Invalid

LONGEST = 255  # characters of an id
LAST_YEAR = 9_000  # of a time, to which some days can be added
GRACE = timedelta(days=3)
PATIENCE = timedelta(days=14)

# A status of Polar's that has no namesake here never pays for anything.
STATUSES: Mapping[str, SubscriptionStatus] = {
    **{status.value: status for status in SubscriptionStatus},
    "revoked": SubscriptionStatus.CANCELED,
    "incomplete": SubscriptionStatus.UNPAID,
    "incomplete_expired": SubscriptionStatus.CANCELED,
    "paused": SubscriptionStatus.UNPAID,
}
INTERVALS = {
    ("month", 1): BillingInterval.MONTHLY,
    ("month", 12): BillingInterval.YEARLY,
    ("year", 1): BillingInterval.YEARLY,
}


@dataclass(frozen=True, slots=True)
class Payer:
    """A customer, and all that may say which user they are."""

    customer_id: str
    external_id: str | None
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToldSubscription:
    """A subscription as it was at `provider_at`."""

    id: str
    payer: Payer
    provider_at: datetime
    product_id: str
    price_id: str | None
    status: SubscriptionStatus
    interval: BillingInterval | None
    current_period_start: datetime | None
    current_period_end: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    trial_start: datetime | None
    trial_end: datetime | None
    metadata: Mapping[str, Any] | None


def lapse_of(told: ToldSubscription, paid_until: datetime | None) -> datetime | None:
    """When a subscription stops to count unless more is told of it.

    What is to end with a time ends a GRACE after it, for news that are late; what goes on, when a
    PATIENCE has passed without news.
    """
    if told.status in (SubscriptionStatus.CANCELED, SubscriptionStatus.UNPAID):
        return None
    if told.status is SubscriptionStatus.PAST_DUE:
        return paid_until
    ends = [paid_until + PATIENCE] if paid_until else []
    if paid_until and told.cancel_at_period_end:
        ends.append(paid_until + GRACE)
    if told.trial_end and told.status is SubscriptionStatus.TRIALING:
        ends.append(told.trial_end + GRACE)
    return min(ends, default=None)


def subscription_in(data: Mapping[str, Any]) -> ToldSubscription:
    """The subscription in Polar's JSON. Raises Invalid for what is none, or in no known status."""
    if not isinstance(data, dict):  # pyright: ignore[reportUnnecessaryIsInstance] - imported rows may hold anything
        raise Invalid("Not a subscription.")
    status = STATUSES.get(_text(data, "status"))
    if status is None:
        raise Invalid(f"Unknown status: {_text(data, 'status')}.")
    return ToldSubscription(
        id=_text(data, "id"),
        payer=payer_in(data),
        provider_at=_time(data, "modified_at") or _needed_time(data, "created_at"),
        product_id=_text(data, "product_id"),
        price_id=_price(data),
        status=status,
        interval=_interval(data),
        current_period_start=_time(data, "current_period_start"),
        current_period_end=_time(data, "current_period_end"),
        cancel_at_period_end=status is not SubscriptionStatus.CANCELED
        and data.get("cancel_at_period_end") is True,
        canceled_at=_time(data, "canceled_at"),
        trial_start=_time(data, "trial_start"),
        trial_end=_time(data, "trial_end"),
        metadata=_metadata(data),
    )


def payer_in(data: Mapping[str, Any]) -> Payer:
    """The customer of a subscription or an order. Raises Invalid where there is none."""
    customer = _part(data, "customer")
    external_id = _text(customer, "external_id") if customer.get("external_id") else None
    return Payer(_text(data, "customer_id"), external_id, _part(data, "metadata"))


def customer_in(data: Mapping[str, Any]) -> Payer:
    """The customer in Polar's JSON of one. Raises Invalid.

    A customer's own metadata is not asked: no checkout of ours writes it.
    """
    return payer_in({"customer_id": data.get("id"), "customer": data})


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST:
        raise Invalid(f"Polar's {name} is missing.")
    return value


def _time(data: Mapping[str, Any], name: str) -> datetime | None:
    """A time in UTC, cut to whole milliseconds."""
    value = data.get(name)
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        found = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise Invalid(f"Polar's {name} is no time.") from None
    if found.year > LAST_YEAR:
        raise Invalid(f"Polar's {name} is no time.")
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


def _needed_time(data: Mapping[str, Any], name: str) -> datetime:
    found = _time(data, name)
    if found is None:
        raise Invalid(f"Polar's {name} is missing.")
    return found


def _part(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _price(data: Mapping[str, Any]) -> str | None:
    prices = data.get("prices")
    first: Any = cast("list[Any]", prices)[0] if isinstance(prices, list) and prices else None
    return _text(cast("dict[str, Any]", first), "id") if isinstance(first, dict) else None


def _interval(data: Mapping[str, Any]) -> BillingInterval | None:
    """None for what is neither a month nor a year."""
    told = data.get("recurring_interval"), data.get("recurring_interval_count", 1)
    return INTERVALS.get(cast("Any", told))


def _metadata(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The subscription's metadata over its product's."""
    return {**_part(_part(data, "product"), "metadata"), **_part(data, "metadata")} or None
