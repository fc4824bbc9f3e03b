"""What answers cost in credits, and how many of them a plan has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.providing import ModelInfo

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class CreditRules:
    """The numbers that credits are counted by.

    `allowances` are the credits of each plan in a `window`, which begins with the first use of
    them; None for any number. An answer costs what `models` says of its model, or else `tiers` of
    the model's tier: `least` at least, or nothing where that is 0.
    """

    window: timedelta
    allowances: Mapping[str, Decimal | None]
    tiers: Mapping[str, Decimal]
    models: Mapping[str, Decimal]
    least: Decimal

    def cost_of(self, model: ModelInfo) -> Decimal:
        """What an answer of a model costs."""
        multiplier = self.models.get(model.id, self.tiers[model.tier])
        return max(self.least, multiplier) if multiplier else NOTHING
