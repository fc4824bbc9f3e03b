"""Hearing of what a share link shows, until the link ends.

There are no cursors to go on from: they would tell whose conversation it is. Whoever comes back
subscribes, then queries.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql_schema.core.context import Context
from models.chat.conversations import Conversation
from models.chat.messages import Message
from models.chat.sharing import open_link, shown_message, was_shown
from models.errors import NotFound

if TYPE_CHECKING:
    from models.chat.share_links import ShareLink
    from models.ports import Heard

QUIET = {"last_order_id", "last_message_at", "last_read_order_id", "updated_at"}
"""Columns of a conversation that change with each message, and take nothing from anybody."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event as the payload type shows it."""

    node: Message | None
    deleted_id: str | None
    reset: bool = False


async def hear_shared(context: Context, token: str) -> AsyncIterator[Event]:
    """The changes of what a link shows; the first event says to query it now.

    Raises NotFound as soon as the link does not let the viewer in any more.
    """
    link = await _open(context, token)
    while True:
        owner = link.owner_id
        async with context.ports.changes.listen(owner, context.viewer, None) as heard:
            while link.owner_id == owner:
                one = await _next(context, heard, link)
                context.forget()
                if one.change is None or _names_none(one.change, link):
                    link = await _open(context, token)
                    yield Event(None, None, reset=True)
                elif _is_about_a_message(one.change, link):
                    event = await _event(context, link, one.change)
                    if event is not None:
                        yield event
                elif _may_end_it(one.change):
                    await context.renew() if context.viewer.signed_in else None
                    link = await _open(context, token)


async def _open(context: Context, token: str) -> ShareLink:
    now = context.ports.clock.now()
    link = await open_link(context.database, context.viewer, now, token)
    if link is None:
        raise NotFound("There is no such link, or it is over.", field="token")
    return link


async def _next(context: Context, heard: AsyncIterator[Heard], link: ShareLink) -> Heard:
    """The next change. Raises NotFound when the link ends before."""
    left = None
    if link.expires_at is not None:
        left = (link.expires_at - context.ports.clock.now()).total_seconds()
    try:
        async with asyncio.timeout(left):
            return await anext(heard)
    except TimeoutError:
        raise NotFound("The link is over.", field="token") from None


def _is_about_a_message(change: Mapping[str, Any], link: ShareLink) -> bool:
    if not change["id"].startswith(f"{Message.prefix}_"):
        return False
    before, after = (change[when].get("conversation_id") for when in ("old", "new"))
    return link.conversation_id in (before, after)


def _names_none(change: Mapping[str, Any], link: ShareLink) -> bool:
    """Whether messages changed that have no change of their own in the log."""
    crowded = Message.prefix in change.get("parts", ()) and change["id"] == link.conversation_id
    return crowded or change["op"] == "imported"


def _may_end_it(change: Mapping[str, Any]) -> bool:
    """Whether a change, of the owner's rows or the viewer's, may take the link away."""
    if change["id"].startswith(f"{Message.prefix}_"):
        return False
    if change["id"].startswith(f"{Conversation.prefix}_"):
        return not QUIET.issuperset(change["columns"])
    return True


async def _event(context: Context, link: ShareLink, change: Mapping[str, Any]) -> Event | None:
    """A message that is shown as it is now, or that it is shown no more; None for one that never
    was, of which readers don't hear."""
    found = await shown_message(context.database, link, change["id"])
    if found is not None:
        return Event(found, None)
    was = await was_shown(context.database, link, change)
    if was is None:
        return Event(None, None, reset=True)
    return Event(None, change["id"]) if was else None
