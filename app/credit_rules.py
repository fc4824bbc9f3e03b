"""The rules of credits that the settings make."""

from __future__ import annotations

from datetime import timedelta

from app.config_credits import CreditSettings
from models.billing.plans import PlanTier
from models.crediting import CreditRules


def credit_rules(settings: CreditSettings) -> CreditRules | None:
    """What answers cost, and what plans have; None where nothing costs credits."""
    if not settings.credits:
        return None
    return CreditRules(
        window=timedelta(hours=settings.credit_hours),
        allowances={
            PlanTier.FREE: settings.free_credits,
            PlanTier.PRO: settings.pro_credits,
            PlanTier.UNLIMITED: None,
        },
        tiers={
            "cheap": settings.cheap_multiplier,
            "pro": settings.pro_multiplier,
            "best": settings.best_multiplier,
        },
        models=settings.model_multipliers,
        least=settings.least_cost,
    )
