"""The limits of the settings."""

from __future__ import annotations

from collections.abc import Mapping

from app.config import Settings
from models.accounts.action_limits import ACTIONS
from models.errors import Invalid
from models.packages import table_models
from models.ports import DailyLimits


def daily_limits(settings: Settings) -> DailyLimits | None:
    """How much may be done in a day; None where that is not limited."""
    if not settings.daily_limits:
        return None
    return DailyLimits(
        guest_messages=settings.guest_messages,
        guest_address_messages=settings.guest_address_messages,
        user_messages=settings.user_messages,
        pro_messages=settings.pro_messages,
        free_uploads=settings.free_uploads,
        zone=settings.daily_zone,
    )


def rates_of(settings: Settings) -> Mapping[str, int]:
    """How often something may be done where the settings say so, by its action.

    Raises Invalid for an action that nothing is limited by.
    """
    table_models()  # the verbs beside them say what is limited
    unknown = settings.rate_limits.keys() - ACTIONS.keys()
    if unknown:
        raise Invalid(f"PUNNET_RATE_LIMITS: there is no {min(unknown)!r}.")
    return settings.rate_limits
