"""Usage events: what was used, one row for each call of a model; nothing of it is written twice.

An event outlives what it mentions, so its ids are no foreign keys. Its own id follows from the
call, which makes a second note of the same call find the first one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import Owned
from models.base import Record
from models.billing.invoices import open_period
from models.billing.prices import cost_of, pinned, tokens_of
from models.ids import derived_id, milliseconds_of
from models.indexes import index
from models.permissions import Permission
from models.providing import OWN_KEY

if TYPE_CHECKING:
    from models.transaction import Transaction

NOTHING = Decimal(0)


class UsageMetric(StrEnum):
    """What is counted."""

    AI_TOKENS = "ai_tokens"
    AI_REQUESTS = "ai_requests"
    DOCUMENTS = "documents"
    STORAGE_BYTES = "storage_bytes"


class UsageEvent(Record):
    """Something that was used once, and what it cost."""

    prefix = "uev"
    access = Owned(read=Permission.BILLING)
    indexes = (
        index("owner_id", "created_at", "id"),
        index("billing_period", "owner_id"),
        index("billing_period", "agent_id"),
        index("user_id", "created_at", "id"),
    )

    owner_id: str = fields.key("Who is charged: the owner of what it was used for, at that time.")
    user_id: str | None = fields.key("Id of the user who asked for it.", null=True)
    agent_id: str | None = fields.key("Id of the agent that it was used for.", null=True)
    agent_name: str | None = fields.text("What that agent was called.", limit=200, null=True)
    run_id: str | None = fields.key("Id of the run that it was used for.", null=True)
    message_id: str | None = fields.key("Id of the message that it was used for.", null=True)
    metric: UsageMetric = fields.choice(UsageMetric, "What is counted.")
    quantity: int = fields.integer("How much: of tokens, all of the call.")
    model: str | None = fields.text("The model.", limit=200, null=True)
    provider: str | None = fields.key("Who ran the model.", null=True)
    feature: str = fields.text(
        "What it was used for: `chat`, `app` or `title`, or what an import says.",
        limit=200,
        default="document-summary",
    )
    cost_usd: Decimal = fields.cost("What it cost, in US dollars.", default=NOTHING)
    price: Any = fields.json("What a million tokens cost then, in US dollars.", null=True)
    own_key: bool = fields.flag("Whether the user's own key paid for it.", default=False)
    measured: bool = fields.flag("Whether the provider told how much it was.", default=True)
    usage: Any = fields.json("What the provider told of it.", null=True)
    provider_metadata: Any = fields.json("What else it told of the call.", null=True)
    billing_period: str = fields.key("The month of UTC that it is charged in, such as `2026-01`.")

    class Meta:
        table = "usage_event"


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call of a model, as far as is known to who made it: nothing of the tokens until `usage`."""

    model: str
    number: int | str = 0
    usage: Mapping[str, Any] = field(default_factory=dict[str, Any])
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Purpose:
    """What models are called for, and for whom.

    Calls of the same `generation_id` and `epoch` are told apart by their number.
    """

    owner_id: str
    user_id: str
    message_id: str
    feature: str
    generation_id: str
    epoch: int

    def event_id(self, call: ModelCall) -> str:
        """The id of a call's event."""
        key = f"{self.generation_id} {self.epoch} {call.number}"
        return derived_id(UsageEvent.prefix, milliseconds_of(self.generation_id), key)


async def count_call(tx: Transaction, purpose: Purpose, call: ModelCall) -> None:
    """Note a call that was not noted before."""
    period = await open_period(tx, purpose.owner_id)
    await tx.add(
        UsageEvent(
            id=purpose.event_id(call),
            owner_id=purpose.owner_id,
            user_id=purpose.user_id,
            message_id=purpose.message_id,
            feature=purpose.feature,
            metric=UsageMetric.AI_TOKENS,
            model=call.model,
            provider=call.model.partition(":")[0],
            billing_period=period,
            **_measures(tx, call),
        )
    )


async def count_call_once(tx: Transaction, purpose: Purpose, call: ModelCall) -> None:
    """The same for one that may be noted: what was not known of it then is added now."""
    known = await tx.lock(UsageEvent, purpose.event_id(call))
    if known is None:
        await count_call(tx, purpose, call)
        return
    measures = _measures(tx, call)
    still_open = known.billing_period == await open_period(tx, known.owner_id)
    if measures["measured"] and not known.measured and still_open:
        await known.change(**measures)


def _measures(tx: Transaction, call: ModelCall) -> dict[str, Any]:
    """What is known of a call: how much it was, and what that cost the platform."""
    tokens, own_key = tokens_of(call.usage), bool(call.usage.get(OWN_KEY))
    model = tx.actor.models.find(call.model)
    price = None if model is None else model.price
    return {
        "quantity": tokens.total,
        "measured": tokens.told,
        "own_key": own_key,
        "cost_usd": NOTHING if price is None or own_key else cost_of(tokens, price),
        "price": None if price is None else pinned(price),
        "usage": dict(call.usage) or None,
        "provider_metadata": dict(call.metadata) or None,
    }
