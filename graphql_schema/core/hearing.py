"""Change subscriptions: the committed changes of one list, resumable after any break."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from graphql_schema.core.context import Context
from models.accounts.org_members import OrgMember
from models.errors import NotFound
from models.permissions import Permission
from models.reading import Lookup
from models.standing import takes_root, takes_standing
from models.viewer import SYSTEM

if TYPE_CHECKING:
    from models.base import Record
    from models.ports import Heard
    from models.viewer import Viewer


AfterCursor = Annotated[
    str | None,
    strawberry.argument(description="Go on after this cursor of an earlier event."),
]


@dataclass(frozen=True, slots=True)
class Topic:
    """What is listened to: the rows of `model` whose index key `column` is `root`'s id; with the
    column `id`, the root itself."""

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
    import or of a crowd, which name no rows, or of the root's move to another owner. Raises
    NotFound when the viewer loses the root.
    """
    moved = False
    while True:
        async with aclosing(_hear_of_owner(context, topic, after)) as events:
            async for event in events:
                yield replace(event, reset=True) if moved else event
                moved = False
        topic, after, moved = replace(topic, root=await _still_reach(context, topic)), None, True


async def _hear_of_owner(
    context: Context, topic: Topic, after: str | None
) -> AsyncGenerator[Event, None]:
    """The same until the root has another owner."""
    owner = topic.root.owner
    async with context.ports.changes.listen(owner, context.viewer, after) as heard:
        async for one in heard:
            context.forget()
            if one.change is None:
                yield Event(None, None, one.sign(), one.reset)
            elif one.change["op"] == "imported":
                await _still_reach(context, topic)
                yield Event(None, None, one.sign(), reset=True)
            elif await _was_moved(context, topic, owner, one.change):
                return
            elif _is_crowded(topic, one.change):
                yield Event(None, None, one.sign(), reset=True)
            elif _concerns(topic, one):
                yield await _event(context, topic, one)


async def _was_moved(context: Context, topic: Topic, owner: str, change: Mapping[str, Any]) -> bool:
    """Whether a change gave the root to another owner. Raises when it took it away."""
    if not _is_about_rights(topic, context.viewer, change):
        return False
    return (await _still_reach(context, topic)).owner != owner


def _is_about_rights(topic: Topic, viewer: Viewer, change: Mapping[str, Any]) -> bool:
    """Whether a change may take the root away: of it, of who the viewer is, or around both."""
    if change["id"] == topic.root.id:
        return True
    if change["id"] in viewer.rests_on:
        return takes_standing(change)
    if change["id"].startswith(f"{OrgMember.prefix}_"):
        return viewer.user_id in (change["old"].get("user_id"), change["new"].get("user_id"))
    return takes_root(change)


async def _still_reach(context: Context, topic: Topic) -> Record:
    """The root as it is now. Raises when the viewer or the root is no longer there, or the viewer
    operates no more."""
    operated = context.viewer.operates
    await context.renew()
    if operated:
        context.viewer.require(Permission.OPERATE, SYSTEM)
    return await reach_root(context, type(topic.root), topic.root.id, "of")


def _concerns(topic: Topic, heard: Heard) -> bool:
    change = heard.change or {}
    if not change["id"].startswith(f"{topic.model.prefix}_"):
        return False
    if topic.column == "id":
        return change["id"] == topic.root.id
    return topic.root.id in (change["old"].get(topic.column), change["new"].get(topic.column))


def _is_crowded(topic: Topic, change: Mapping[str, Any]) -> bool:
    """Whether so many of the rows changed that none is named."""
    crowded = topic.model.prefix in change.get("parts", ())
    return crowded and topic.root.id in (change["id"], change["new"].get(topic.column))


async def _event(context: Context, topic: Topic, heard: Heard) -> Event:
    id = (heard.change or {})["id"]
    row = await context.loaders.row(Lookup(topic.model), id)
    return Event(row, None if row is not None else id, heard.sign())
