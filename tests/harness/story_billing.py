"""What the story's organisation used, and the invoice for it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from models.billing.usage_events import UsageEvent, UsageMetric
from tests.harness.orgs import found
from tests.harness.planting import alter, make_operator, plant
from tests.harness.story import Story, told
from tests.harness.verbs import id_of

PERIOD = "2025-02"
TEXTS = {
    "agent_id": "agt_1",
    "agent_name": "Helper",
    "run_id": "run_1",
    "message_id": "msg_1",
    "model": "openai:gpt-x",
    "provider": "openai",
    "feature": "document-summary",
}
SHOWN = {
    "agentId": "agt_1",
    "agentName": "Helper",
    "runId": "run_1",
    "messageId": "msg_1",
    "model": "openai:gpt-x",
    "provider": "openai",
    "feature": "document-summary",
}


async def tell_bill(story: Story) -> None:
    """An event with all that an event may have, and the invoice of its month."""
    org, user = await found(story.caller, "Billed people"), await id_of(story.caller)
    whose: dict[str, Any] = {"owner_id": org, "user_id": user, "billing_period": PERIOD}
    created = story.clock.advance(minutes=1)
    start = {"metric": UsageMetric.AI_REQUESTS, "quantity": 1}
    event = await plant(story.server, UsageEvent, **whose, **start)
    await story.book.check("UsageEvent", event, feature="document-summary", costUsd="0")
    updated = story.clock.advance(minutes=1)
    numbers = {"metric": UsageMetric.AI_TOKENS, "quantity": 1_234, "cost_usd": Decimal("0.01234")}
    opaque = {"usage": {"inputTokens": 1_200}, "provider_metadata": {"finishReason": "stop"}}
    await alter(story.server, UsageEvent, event, **TEXTS, **numbers, **opaque)
    await story.book.check(
        "UsageEvent",
        event,
        id=event,
        userId=user,
        orgId=org,
        metric="AI_TOKENS",
        quantity=1_234,
        costUsd="0.01234",
        usage=opaque["usage"],
        providerMetadata=opaque["provider_metadata"],
        billingPeriod=PERIOD,
        createdAt=told(created),
        updatedAt=told(updated),
        **SHOWN,
    )
    await _tell_invoice(story, org)


async def _tell_invoice(story: Story, org: str) -> None:
    await make_operator(story.server, story.caller)
    given = {"orgId": org, "billingPeriod": PERIOD}
    made, created = await story.do("closePeriod", "{ invoice { id } }", **given)
    invoice = made["invoice"]["id"]
    issued = {"amount": "0.0123", "status": "ISSUED", "createdAt": created, "updatedAt": created}
    await story.book.check("Invoice", invoice, **given, **issued)
    _, paid = await story.do("settleInvoice", "{ invoice { id } }", id=invoice, status="PAID")
    await story.book.check("Invoice", invoice, status="PAID", updatedAt=paid)
