"""Credits in tests: servers where the mock's models cost, and the books that must balance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from models.billing.plans import PlanTier
from models.billing.subscriptions import Subscription, SubscriptionStatus
from tests.harness.api import Api, Refused, Server
from tests.harness.planting import plant

CHEAP, PRO, BEST = "mock:raypx-1", "mock:slow", "mock:endless"
MODELS = [
    {"id": CHEAP, "tier": "cheap"},
    {"id": PRO, "tier": "pro"},
    {"id": BEST, "tier": "best"},
    {"id": "mock:fail", "tier": "pro"},
    {"id": "mock:tools", "tier": "pro"},
]
COSTLY: dict[str, Any] = {"credits": True, "models": MODELS, "model_multipliers": {}}
"""Settings with which the mock's models cost what their tiers say."""
USAGE = """{ usage { points granted reserved spent expire planType maxPoints remainingPoints
  creditsRemaining msBeforeNext } }"""
KINDS = ("granted", "points", "reserved", "spent")

Sql = Callable[..., Awaitable[list[dict[str, Any]]]]


async def usage_of(api: Api) -> dict[str, Any]:
    """What a caller is told of their credits."""
    return (await api.run(USAGE))["usage"]


async def start(api: Api, model: str = PRO, **more: Any) -> Any:
    """Start a conversation with a message."""
    shown = "{ conversation { id } message { id } reply { id } replies { id } }"
    return await api.do("startConversation", shown, **({"content": "Hi", "model": model} | more))


async def refused(api: Api, mutation: str, **values: Any) -> dict[str, Any]:
    """The extensions of the refusal of a mutation."""
    with pytest.raises(Refused) as caught:
        await api.do(mutation, "{ __typename }", **values)
    return caught.value.errors[0]["extensions"]


async def subscribe(
    server: Server,
    user: str,
    plan: PlanTier,
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE,
) -> str:
    """Have a user pay for a plan."""
    return await plant(server, Subscription, user_id=user, plan_tier=plan, status=status)


async def balanced(sql: Sql) -> None:
    """Check the books: every user's row is what the ledger and the reservations of their window
    add up to, and of the windows before it nothing is left."""
    windows: dict[tuple[str, int], dict[str, Decimal]] = defaultdict(_nothing)
    for row in await sql("SELECT * FROM credit_ledger"):
        for kind in KINDS:
            windows[row["owner_id"], row["window_number"]][kind] += row[kind]
    held: dict[tuple[str, int], dict[str, Decimal]] = defaultdict(_nothing)
    places = {"open": "reserved", "settled": "spent"}
    for row in await sql("SELECT * FROM credit_reservation"):
        if row["state"] in places:
            held[row["owner_id"], row["window_number"]][places[row["state"]]] += row["cost"]
    rows = {row["user_id"]: row for row in await sql("SELECT * FROM usage")}
    for (user, number), sums in windows.items():
        assert sums["granted"] == sums["points"] + sums["reserved"] + sums["spent"]
        assert [sums[kind] for kind in KINDS[2:]] == [held[user, number][k] for k in KINDS[2:]]
        if rows[user]["window_number"] == number:
            assert sums == {kind: rows[user][kind] for kind in KINDS}
        else:
            assert sums["points"] == 0


def _nothing() -> dict[str, Decimal]:
    return dict.fromkeys(KINDS, Decimal(0))
