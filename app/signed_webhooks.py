"""Webhooks that are signed as Standard Webhooks has it, over the raw body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.body import read_in_time
from app.responses import SAFE_HEADERS

MAX_BODY = 256 << 10
MAX_ID = 200
PATIENCE = 10.0  # seconds for a body to arrive
_NAMES = ("id", "timestamp", "signature")


class NotGenuine(Exception):
    """No event, or none that the sender signed within the last five minutes."""


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """What a sender says, with its id there."""

    id: str
    payload: Mapping[str, Any]

    @property
    def type(self) -> str:
        """What happened, such as `user.updated`."""
        return str(self.payload.get("type"))[:MAX_ID]


async def read_signed(
    request: web.Request, keys: Sequence[Webhook], prefix: str = "webhook"
) -> SignedEvent:
    """The event in a request that one of the keys signs; `prefix` begins its headers' names.

    Raises HttpRefusal for a body that is too large or too slow, BadRequest, and NotGenuine.
    """
    body = await read_in_time(request, MAX_BODY, PATIENCE)
    given = {f"webhook-{name}": request.headers.get(f"{prefix}-{name}", "") for name in _NAMES}
    event_id, payload = given["webhook-id"], _verified(keys, body, given)
    if not 0 < len(event_id) <= MAX_ID or not isinstance(payload, dict):
        raise NotGenuine
    return SignedEvent(event_id, cast("dict[str, Any]", payload))


def _verified(keys: Sequence[Webhook], body: bytes, given: dict[str, str]) -> Any:
    for key in keys:
        try:
            return key.verify(body, given)
        except (WebhookVerificationError, ValueError):
            continue  # ValueError: a timestamp or a signature that is none
    raise NotGenuine


def answer(status: int) -> web.Response:
    """An answer that says nothing but its status."""
    return web.Response(status=status, headers=SAFE_HEADERS)
