"""What tests of usage share: priced models, and events as the API shows them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from app.config_entries import ModelEntry, PriceEntry
from tests.harness.api import Api, Server
from tests.harness.eventually import eventually

MOCK, TOOLS, OPENAI = "mock:raypx-1", "mock:tools", "openai:gpt-x"
PRICES = {"input": "0.2501", "cached_input": "0.0253", "output": "2.0007"}
SHOWN = {"input": "0.2501", "cachedInput": "0.0253", "output": "2.0007"}
EVENTS = """query($org: ID, $first: Int = 100) { usageEvents(org: $org, first: $first) { nodes {
  id userId orgId messageId metric quantity model provider feature costUsd price ownKey measured
  usage providerMetadata billingPeriod createdAt } } }"""
SUMS = "{ key events unmeasured quantity costUsd }"
TOTALS = f"""query($org: ID, $period: String, $agent: ID, $metric: UsageMetric! = AI_TOKENS) {{
  usageTotals(org: $org, billingPeriod: $period, agentId: $agent, metric: $metric) {{
    billingPeriod metric total {SUMS} byDay {SUMS} byModel {SUMS} byFeature {SUMS} }} }}"""


def priced(**price: str) -> list[ModelEntry]:
    """Models at one price."""
    entry = PriceEntry.model_validate(price or PRICES)
    ids = (MOCK, TOOLS, OPENAI, "mock:fail", "mock:endless")
    return [ModelEntry(id=id, context=8_000, tier="cheap", price=entry) for id in ids]


async def started(user: Api, content: str, **more: Any) -> str:
    """Begin a conversation; the id of what answers."""
    made = await user.do("startConversation", "{ reply { id } }", content=content, **more)
    return made["reply"]["id"]


async def events_of(user: Api, org: str | None = None) -> list[dict[str, Any]]:
    """All that was used, newest first."""
    return (await user.run(EVENTS, org=org))["usageEvents"]["nodes"]


async def totals_of(user: Api, **of: Any) -> Any:
    """What a period comes to."""
    return (await user.run(TOTALS, **of))["usageTotals"]


async def counted(server: Server, count: int, feature: str = "chat") -> list[dict[str, Any]]:
    """The events of a feature, once there are so many."""
    query = "SELECT * FROM usage_event WHERE feature = $1 ORDER BY created_at, id"

    async def look() -> list[dict[str, Any]] | None:
        rows = await server.sql(query, feature)
        return rows if len(rows) >= count else None

    found = await eventually(look)
    assert len(found) == count
    return found


def exact(usage: dict[str, Any], prices: dict[str, str] | None = None) -> Fraction:
    """What so many tokens cost, by fractions."""
    price = {name: Fraction(text) for name, text in (prices or PRICES).items()}
    cached = usage.get("cachedInputTokens", 0)
    fresh = (usage["inputTokens"] - cached) * price["input"]
    read = fresh + cached * price["cached_input"]
    return (read + usage["outputTokens"] * price["output"]) / 10**6


def dollars(text: str) -> Fraction:
    """An amount as the API writes it."""
    return Fraction(Decimal(text))
