"""`/webhooks/identity`: changes and deletions of users, as the identity provider posts them.

Signed as Standard Webhooks has it, over the raw body; Svix, which Clerk uses, sends the same under
other names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import structlog
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from app.body import HttpRefusal
from app.signed_webhooks import NotGenuine, answer, read_signed
from models.accounts.addresses import address_of
from models.accounts.identity_events import IdentityEvent, receive_identity_event
from models.accounts.users import NAME_LIMIT
from models.errors import DomainError, Invalid
from models.storable import storable
from models.verbs import Actor

log = structlog.get_logger()


class IdentityWebhook:
    """Receives the events. Raises ValueError for a secret that is none."""

    def __init__(self, secret: str, actor: Actor) -> None:
        self._webhook = Webhook(secret)
        self._actor = actor

    def add_to(self, app: web.Application) -> None:
        """Serve the route."""
        app.router.add_post("/webhooks/identity", self.handle)

    async def handle(self, request: web.Request) -> web.Response:
        """Take one event: 204 once it is done, also when it was done before."""
        prefix = "webhook" if "webhook-id" in request.headers else "svix"
        try:
            signed = await read_signed(request, [self._webhook], prefix)
            event = event_of(signed.id, signed.type, signed.payload)
            fresh = await receive_identity_event(self._actor, event)
        except HttpRefusal as refused:
            return answer(refused.status)
        except NotGenuine:
            return answer(401)
        except DomainError as error:
            log.warning("identity_webhook.failed", code=error.code)
            return answer(503)
        log.info("identity_webhook.received", type=event.event_type, fresh=fresh)
        return answer(204)


def event_of(event_id: str, kind: str, payload: Mapping[str, Any]) -> IdentityEvent:
    """An event of Clerk's shape, of which unknown parts are ignored."""
    data = payload.get("data")
    about = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    subject = about.get("id")
    if kind not in ("user.updated", "user.deleted") or not isinstance(subject, str):
        return IdentityEvent(event_id, kind)
    if kind == "user.deleted":
        return IdentityEvent(event_id, kind, subject, gone=True)
    email, verified = _email(about)
    names = [about.get(part) for part in ("first_name", "last_name")]
    name = storable(" ".join(part for part in names if isinstance(part, str)))
    picture = about.get("image_url")
    shown = isinstance(picture, str) and len(picture) <= 2_000 and picture.startswith("https://")
    return IdentityEvent(
        event_id,
        kind,
        subject,
        changed_at=_moment(about.get("updated_at")),
        email=email,
        email_verified=verified,
        name=name.strip()[:NAME_LIMIT] or None,
        avatar_url=picture if shown else None,
    )


def _email(about: Mapping[str, Any]) -> tuple[str | None, bool]:
    """The primary address, and whether the provider has verified it."""
    entries = about.get("email_addresses")
    for entry in cast("list[Any]", entries) if isinstance(entries, list) else []:
        if isinstance(entry, dict) and cast("Any", entry).get("id") == about.get(
            "primary_email_address_id"
        ):
            known = cast("dict[str, Any]", entry)
            proof = known.get("verification")
            status = cast("Any", proof).get("status") if isinstance(proof, dict) else None
            try:
                return address_of(str(known.get("email_address"))), status == "verified"
            except Invalid:
                return None, False
    return None, False


def _moment(milliseconds: object) -> datetime | None:
    """Milliseconds since 1970 as a time."""
    if isinstance(milliseconds, int) and 0 < milliseconds < 10**14:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    return None
