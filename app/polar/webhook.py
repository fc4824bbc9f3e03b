"""`/webhooks/polar`: what Polar tells of checkouts, orders, customers and subscriptions."""

from __future__ import annotations

import structlog
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from app.body import HttpRefusal
from app.polar.processing import EventProcessor
from app.signed_webhooks import NotGenuine, answer, read_signed
from models.billing.plans import Terms
from models.billing.polar_events import receive_polar_event
from models.errors import DomainError, Invalid
from models.storable import storable, storable_json
from models.verbs import Actor

PREFIX = "whsec_"

log = structlog.get_logger()


class PolarWebhook:
    """Receives the events. Raises ValueError for a secret that is none."""

    def __init__(self, secret: str, actor: Actor, terms: Terms) -> None:
        self._keys = keys_of(secret)
        self._actor = actor
        self._processor = EventProcessor(actor, terms)

    def add_to(self, app: web.Application) -> None:
        """Serve the route."""
        app.router.add_post("/webhooks/polar", self.handle)

    async def handle(self, request: web.Request) -> web.Response:
        """Store an event and go through it: 204 once it is stored, also when it was before.

        What goes wrong after that is tried again here; Polar need not send it again.
        """
        try:
            event = await read_signed(request, self._keys)
            payload = storable_json(event.payload)
            stored = await receive_polar_event(
                self._actor, storable(event.id), storable(event.type), payload
            )
        except HttpRefusal as refused:
            return answer(refused.status)
        except NotGenuine:
            return answer(401)
        except DomainError as error:
            log.warning("polar_webhook.failed", code=error.code)
            return answer(400 if isinstance(error, Invalid) else 503)
        log.info("polar_webhook.received", type=event.type, fresh=stored is not None)
        if stored is not None:
            await self._processor.process(stored)
        return answer(204)


def keys_of(secret: str) -> list[Webhook]:
    """What Polar signs with: the secret's bytes; of its newer ones, what they decode to."""
    if not secret.startswith(PREFIX):
        return [Webhook(secret.encode())]
    return [Webhook(secret.encode()), Webhook(secret)]
