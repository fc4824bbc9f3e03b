"""Texts that are being written: from the store to everybody who follows them.

A follower attaches to the message's topic, then reads the store, then drops by offset what it
already has; so whatever the moment, nothing is lost and nothing comes twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from app.topics import Follower, Topic, kind_at
from app.waiting import woken
from models.chat.chunks import STORY, Mark, Story, Window, story_of
from models.chat.messages import Message
from models.errors import Invalid, NotFound, Unauthenticated, Unavailable
from models.ports import Clock, Database, Sink, Streamed
from models.reading import Lookup
from models.standing import renewed, takes_root, takes_standing

if TYPE_CHECKING:
    from graphql_schema.core.signed import Signer
    from models.viewer import Viewer

POLL = 0.25  # seconds, when no wake-up comes
SWEEP = 1.0  # seconds after which a text that nobody told of is looked at
PURPOSE = "stream"
ROOTS = ("prj_", "cnv_", "org_")
RIGHTS = ("usr_", "mem_", "ses_", "tok_")
"""Rows that viewers' rights rest on."""

log = structlog.get_logger()


class StreamHub:
    """The texts that this process serves; see models.ports.Streams.

    `background` serves the reading for all, `database` the first reading of each follower.
    """

    def __init__(
        self, database: Database, background: Database, signer: Signer, clock: Clock
    ) -> None:
        self._database = database
        self._background = background
        self._clock = clock
        self._signer = signer
        self._sign = signer.signing(PURPOSE)
        self._topics: dict[str, Topic] = {}
        self._stale: set[str] = set()
        self._swept_at = 0.0
        self._woken = asyncio.Event()
        self._doubtful: set[str] = set()

    # -- being told ------------------------------------------------------------------------

    def wake(self, message_ids: Iterable[str] | None) -> None:
        """These messages, or any, have news in the store."""
        named = self._topics.keys() if message_ids is None else message_ids
        stale = {id for id in named if id in self._topics and not self._topics[id].complete}
        if stale:
            self._stale |= stale
            self._woken.set()

    def publish(self, windows: Sequence[Window]) -> None:
        """Pass on windows that were stored, here or elsewhere."""
        for window in windows:
            topic = self._topics.get(window.message_id)
            if topic is None:
                continue
            if topic.goes_on_with(window):
                topic.go_on(window)
            else:
                self.wake([window.message_id])

    def changed(self, owner: str, change: Mapping[str, Any]) -> None:
        """Follow the event log: a message's state, and rights that may be gone."""
        id: str = change["id"]
        if id in self._topics:
            self.wake([id])
        elif _takes_rights(change):
            self._doubtful.add(owner)
            self._woken.set()

    # -- reading ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Read and pass on until cancelled, through any loss of the server."""
        while True:
            await woken(self._woken, POLL)
            self._poll()
            try:
                await self._check_rights()
                await self._pass_on()
            except Unavailable:
                log.warning("streams.lost")
                await asyncio.sleep(POLL)

    def _poll(self) -> None:
        """From time to time look at what has not moved since, however busy the rest is.

        Of what moves nothing is lost: a window that does not follow on has the store read.
        """
        now = asyncio.get_running_loop().time()
        if now - self._swept_at >= SWEEP:
            self._swept_at = now
            for id, topic in self._topics.items():
                if topic.has_rested() and not topic.complete:
                    self._stale.add(id)

    async def _pass_on(self) -> None:
        stale, self._stale = self._stale & self._topics.keys(), set()
        if not stale:
            return
        marks = {id: self._topics[id].mark for id in stale}
        stories = await _stories(self._background, marks)
        for id in stale & self._topics.keys():
            topic, story = self._topics[id], stories.get(id)
            if story is None:
                topic.end(NotFound("The message is gone."))
            elif marks[id] != topic.mark:
                self.wake([id])  # windows came in between
            elif story.pieces or story.complete or story.epoch != topic.mark.epoch:
                topic.pass_on(story)

    async def _check_rights(self) -> None:
        """Send those away who lost what they follow, or their account."""
        doubtful, self._doubtful = self._doubtful, set()
        if not doubtful:
            return
        try:
            for viewer, followed in self._followed_of(doubtful):
                reached = await self._reached(viewer, followed)
                for id in followed.keys() - reached:
                    for follower in followed[id]:
                        follower.end(NotFound("The message is gone."))
        except BaseException:
            self._doubtful |= doubtful
            raise

    def _followed_of(self, owners: set[str]) -> list[tuple[Viewer, dict[str, list[Follower]]]]:
        """The followers who reach rows of these owners, by viewer and message."""
        found: dict[int, tuple[Viewer, dict[str, list[Follower]]]] = {}
        for message_id, topic in self._topics.items():
            for follower in topic.followers:
                viewer = follower.viewer
                if viewer.reaches_any(owners):
                    _, followed = found.setdefault(id(viewer), (viewer, {}))
                    followed.setdefault(message_id, []).append(follower)
        return list(found.values())

    async def _reached(self, viewer: Viewer, followed: Mapping[str, list[Follower]]) -> set[str]:
        """Those of the messages that a viewer may read now; the followers go on as who they are."""
        try:
            now = await renewed(viewer, self._background, self._clock.now())
        except Unauthenticated:
            return set()
        for followers in followed.values():
            for follower in followers:
                follower.viewer = now
        sql, args = Lookup(Message).statement(now, list(followed))
        return {row["id"] for row in await self._background.fetch(sql, *args)}

    # -- following -------------------------------------------------------------------------

    @asynccontextmanager
    async def follow(
        self, message_id: str, viewer: Viewer, after: str | None, sink: Sink | None = None
    ) -> AsyncGenerator[AsyncIterator[Streamed], None]:
        """The text of a message; see models.ports.Streams."""
        follower = Follower(viewer, self._opened(message_id, after), sink)
        topic = self._topics.setdefault(message_id, Topic(message_id, self._sign))
        topic.followers.add(follower)
        try:
            yield self._streamed(message_id, topic, follower)
        finally:
            topic.followers.discard(follower)
            if not topic.followers:
                self._topics.pop(message_id, None)

    async def _streamed(
        self, message_id: str, topic: Topic, follower: Follower
    ) -> AsyncIterator[Streamed]:
        story = (await _stories(self._database, {message_id: follower.seen})).get(message_id)
        while story is not None:
            for mark, event in topic.events(story, follower.seen):
                follower.seen, follower.told = mark, True
                yield event
            if story.complete:
                if not follower.told:
                    # Clients such as urql take a stream without any event for a failure.
                    yield topic.event(follower.seen, kind_at(story, follower.seen), "")
                return
            story = await follower.next()
        raise NotFound("The message is gone.")

    def _opened(self, message_id: str, after: str | None) -> Mark:
        if after is None:
            return Mark()
        try:
            id, epoch, part, offset = self._signer.open(PURPOSE, after)
        except Invalid:
            id, epoch, part, offset = "", 0, 0, 0
        if id != message_id:
            raise Invalid("The cursor is not of this message.", field="after")
        return Mark(epoch, part, offset)


def _takes_rights(change: Mapping[str, Any]) -> bool:
    """Whether a change may take something from a viewer."""
    id: str = change["id"]
    if id.startswith(RIGHTS):
        return takes_standing(change)
    return id.startswith(ROOTS) and takes_root(change)


async def _stories(database: Database, marks: Mapping[str, Mark]) -> dict[str, Story]:
    rows = await database.fetch(
        STORY,
        list(marks),
        [mark.epoch for mark in marks.values()],
        [mark.part for mark in marks.values()],
        [mark.offset for mark in marks.values()],
    )
    return {row["id"]: story_of(row) for row in rows}
