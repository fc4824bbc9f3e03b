"""Polar's API through its SDK, which is loaded when it is first needed: that takes two seconds."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from app.config import Settings
from app.oauth.redirects import Redirects
from models.billing.payments import Order
from models.billing.plans import Terms
from models.errors import Conflict, DomainError, Invalid, NotFound, Unavailable

if TYPE_CHECKING:
    from polar.v2026_10 import PolarAsync

    from graphql_schema.core.signed import Signer

T = TypeVar("T")

PURPOSE = "polar.checkout"
BUYER = "userId"
PROOF = "userProof"
"""In the metadata of our checkouts: whose it is, and that this server says so."""
NEWEST = 100
"""Subscriptions that are asked for at once."""

ID = re.compile(r"[\w-]{1,255}", re.ASCII)
UNKNOWN = "Polar does not know it."

log = structlog.get_logger()


def payments_of(settings: Settings, signer: Signer) -> PolarPayments:
    """Polar by the settings."""

    def buyer_in(metadata: Mapping[str, Any]) -> str | None:
        try:
            found = signer.open(PURPOSE, str(metadata.get(PROOF)))
        except Invalid:
            return None
        return found if found == metadata.get(BUYER) else None

    terms = Terms(settings.polar_products, buyer_in)
    return PolarPayments(settings, terms, signer.signing(PURPOSE))


class PolarPayments:
    """Asks Polar; see models.billing.payments."""

    def __init__(self, settings: Settings, terms: Terms, sign: Callable[[str], str]) -> None:
        self._token = settings.polar_token
        self._server = settings.polar_server
        self._timeout = settings.polar_timeout
        self._redirects = Redirects(settings)
        self._sign = sign
        self._loading: asyncio.Task[PolarAsync] | None = None
        self.terms = terms

    async def checkout(self, user_id: str, email: str | None, order: Order) -> str:
        """The URL of a new checkout for a user."""
        success = self._redirects.checked(order.success_url, field="successUrl")
        back = self._redirects.checked(order.return_url, field="returnUrl")
        metadata: dict[str, Any] = {BUYER: user_id, PROOF: self._sign(user_id)}
        made = await self._ask(
            lambda polar: polar.checkouts.create(
                products=[order.product_id],
                external_customer_id=user_id,
                customer_email=email,
                metadata=metadata,
                success_url=success,
                return_url=back,
            )
        )
        return made.url

    async def portal(self, customer_id: str, return_url: str | None) -> str:
        """The URL of a customer's own page at Polar."""
        back = self._redirects.checked(return_url, field="returnUrl")
        made = await self._ask(
            lambda polar: polar.customer_sessions.create(customer_id=customer_id, return_url=back)
        )
        return made.customer_portal_url

    async def cancel(self, subscription_id: str, *, at_period_end: bool) -> Mapping[str, Any]:
        """Have a subscription end with its period, or go on; the subscription then."""
        id = _checked(subscription_id)
        told = await self._ask(
            lambda polar: polar.subscriptions.update(id, cancel_at_period_end=at_period_end)
        )
        return _json(told, subscription_id)

    async def subscription(self, subscription_id: str) -> Mapping[str, Any]:
        """A subscription."""
        id = _checked(subscription_id)
        told = await self._ask(lambda polar: polar.subscriptions.get(id))
        return _json(told, subscription_id)

    async def subscriptions_of(
        self, external_id: str | None, customers: Sequence[str]
    ) -> Sequence[Mapping[str, Any]]:
        """The newest subscriptions of a user, by their own id and by those of their customers."""
        named: list[dict[str, Any]] = []
        if external_id is not None:
            named.append({"external_customer_id": external_id})
        if customers:
            named.append({"customer_id": list(customers)})
        found: dict[str, Mapping[str, Any]] = {}
        for one in named:
            page = await self._ask(
                lambda polar, one=one: polar.subscriptions.list(limit=NEWEST, **one)
            )
            found |= {told.id: dataclasses.asdict(told) for told in page.items}
        return list(found.values())

    async def _ask(self, call: Callable[[PolarAsync], Awaitable[T]]) -> T:
        """Ask Polar within the time there is."""
        polar = await self._client()
        from polar import PolarError

        try:
            async with asyncio.timeout(self._timeout):
                return await call(polar)
        except TimeoutError as error:
            raise _down("timeout") from error
        except PolarError as error:
            raise _refusal(error) from error
        except ValueError as error:  # no JSON, or a Retry-After that is no number
            raise _down("not understood") from error

    async def _client(self) -> PolarAsync:
        """The client, made once, in a thread: meanwhile others are served."""
        if self._token is None:
            raise Unavailable("Payments are not set up here.")
        if self._loading is None:
            token = self._token.get_secret_value()
            making = asyncio.to_thread(_connect, token, self._server, self._timeout)
            self._loading = asyncio.create_task(making)
        return await asyncio.shield(self._loading)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._loading is not None:
            client = await self._loading
            await client.__aexit__()


def _connect(token: str, server: str, timeout: float) -> PolarAsync:
    from polar import PolarError, deserialize
    from polar.v2026_10 import PolarAsync, outputs

    kinds = outputs.Checkout, outputs.CustomerSession, outputs.ListResourceSubscription
    for kind in (*kinds, outputs.Subscription):
        try:
            deserialize({}, kind)  # makes the code that reads it
        except PolarError:
            continue
    return PolarAsync(token, base_url=server, timeout=timeout)


def _checked(id: str) -> str:
    """An id that is one part of a path. Raises NotFound for any other."""
    if not ID.fullmatch(id):
        raise NotFound(UNKNOWN)
    return id


def _json(told: Any, subscription_id: str) -> Mapping[str, Any]:
    if told.id != subscription_id:
        raise _down("another subscription")
    return dataclasses.asdict(told)


def _refusal(error: Any) -> DomainError:
    """What to tell of an error of Polar's, whose own text is for the log."""
    status: int | None = getattr(error, "status_code", None)
    if status == 404:
        return NotFound(UNKNOWN)
    if status in (403, 409, 422):
        log.warning("polar.refused", status=status, error=error.message)
        return Conflict("Polar refuses this as things stand.")
    return _down(error.message, getattr(error, "retry_after", None))


def _down(why: str, retry_after: float | None = None) -> Unavailable:
    log.warning("polar.failed", why=why[:500])
    return Unavailable(
        "The payment provider does not answer; try again.", retry_after=retry_after or 5
    )
