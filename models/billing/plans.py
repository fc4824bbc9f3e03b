"""Plans: what a user may pay for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class PlanTier(StrEnum):
    """A plan, by how much of the product it opens."""

    FREE = "free"
    PRO = "pro"
    UNLIMITED = "unlimited"


def _nobody(_metadata: Mapping[str, Any]) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Terms:
    """What an installation has agreed with its payment provider.

    `plans` says which plan a product is; a product that is not among them pays for none.
    `buyer_in` is the id of the user for whom this server opened a checkout, by its metadata, or
    None for metadata that anybody else wrote.
    """

    plans: Mapping[str, PlanTier] = field(default_factory=dict[str, PlanTier])
    buyer_in: Callable[[Mapping[str, Any]], str | None] = _nobody
