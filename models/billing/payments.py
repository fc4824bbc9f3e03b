"""What the domain needs of the payment provider; no transaction is open while it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from models.billing.plans import Terms


@dataclass(frozen=True, slots=True)
class Order:
    """What a user wants to pay for, and the pages they go on to; None for the front end's."""

    product_id: str
    success_url: str | None = None
    return_url: str | None = None


class Payments(Protocol):
    """Polar, as far as it is set up.

    Its answers are in Polar's JSON. Every call raises Unavailable when Polar can't be reached, is
    too slow or answers what it should not, and Conflict for what it refuses.
    """

    @property
    def terms(self) -> Terms:
        """What was agreed with it."""
        ...

    async def checkout(self, user_id: str, email: str | None, order: Order) -> str:
        """The URL of a new checkout for a user. Raises Invalid for another's page."""
        ...

    async def portal(self, customer_id: str, return_url: str | None) -> str:
        """The URL of a customer's own page at Polar. Raises Invalid for another's page."""
        ...

    async def cancel(self, subscription_id: str, *, at_period_end: bool) -> Mapping[str, Any]:
        """Have a subscription end with its period, or go on; the subscription then."""
        ...

    async def subscription(self, subscription_id: str) -> Mapping[str, Any]:
        """A subscription. Raises NotFound."""
        ...

    async def subscriptions_of(
        self, external_id: str | None, customers: Sequence[str]
    ) -> Sequence[Mapping[str, Any]]:
        """The newest subscriptions of a user, by their own id and by those of their customers."""
        ...
