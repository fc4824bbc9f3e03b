"""Change subscriptions: the committed changes of one list, resumable after any break."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql_schema.core.context import Context
from models.accounts.users import User
from models.errors import Forbidden, NotFound, Unauthenticated
from models.reading import Lookup

if TYPE_CHECKING:
    from models.base import Record
    from models.ports import Heard
    from models.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Topic:
    """What is listened to: the rows of `model` whose index key `column` is `root`'s id."""

    model: type[Record]
    column: str
    root: Record


@dataclass(frozen=True, slots=True)
class Event:
    """One event as the payload types show it."""

    node: Any
    deleted_id: str | None
    cursor: str
    reset: bool = False


async def reach_root(context: Context, model: type[Record], id: str, field: str) -> Record:
    """The row whose parts are listened to. Raises Unauthenticated or NotFound."""
    _ = context.viewer.id
    found = await context.loaders.row(Lookup(model), id)
    if found is None:
        raise NotFound("There is no such thing, or it is not yours.", field=field)
    return found


async def hear(context: Context, topic: Topic, after: str | None) -> AsyncIterator[Event]:
    """The changes of a topic, each with the row as it is now.

    Without `after` the first event is a bare cursor: subscribe, then query, and nothing is
    missed. A cursor that can't be continued from gets `reset`, and so does whoever hears of an
    import, which names no rows. Raises NotFound when the viewer loses the root.
    """
    owner, viewer = topic.root.owner, context.viewer
    async with context.ports.changes.listen(owner, viewer, after) as heard:
        async for one in heard:
            context.forget()
            if one.change is None:
                yield Event(None, None, one.sign(), one.reset)
            elif one.change["op"] == "imported":
                await _still_reach(context, topic)
                yield Event(None, None, one.sign(), reset=True)
            elif _is_about_rights(topic, viewer, one.change):
                await _still_reach(context, topic)
            elif _concerns(topic, one):
                yield await _event(context, topic, one)


def _is_about_rights(topic: Topic, viewer: Viewer, change: Mapping[str, Any]) -> bool:
    """Whether a change may take the root away: of it, of the viewer, or a deletion around it."""
    if change["id"] in (topic.root.id, viewer.user_id):
        return True
    return change["op"] == "change" and "deleted_at" in change["columns"]


async def _still_reach(context: Context, topic: Topic) -> None:
    """Raise when the viewer or the root is no longer there, or the viewer operates no more."""
    user: Any = await context.loaders.row(Lookup(User), context.viewer.user_id)
    if user is None:
        raise Unauthenticated("This account is gone.")
    if context.viewer.operates and not user.operator:
        raise Forbidden("You no longer run this service; subscribe anew.")
    await reach_root(context, type(topic.root), topic.root.id, "of")


def _concerns(topic: Topic, heard: Heard) -> bool:
    change = heard.change or {}
    if not change["id"].startswith(f"{topic.model.prefix}_"):
        return False
    return topic.root.id in (change["old"].get(topic.column), change["new"].get(topic.column))


async def _event(context: Context, topic: Topic, heard: Heard) -> Event:
    id = (heard.change or {})["id"]
    row = await context.loaders.row(Lookup(topic.model), id)
    return Event(row, None if row is not None else id, heard.sign())
