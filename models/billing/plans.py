"""Plans: what a user may pay for."""

from __future__ import annotations

from enum import StrEnum


class PlanTier(StrEnum):
    """A plan, by how much of the product it opens."""

    FREE = "free"
    PRO = "pro"
    UNLIMITED = "unlimited"
