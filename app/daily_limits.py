"""The daily limits of the settings."""

from __future__ import annotations

from app.config import Settings
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
