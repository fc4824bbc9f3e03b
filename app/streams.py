"""Texts that are being written: from the store to everybody who follows them.

A follower attaches to the message's topic, then reads the store, then drops by offset what it
already has; so whatever the moment, nothing is lost and nothing comes twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from models.accounts.users import User
from models.chat.chunks import STORY, Mark, Piece, Story, Window, story_of, unseen
from models.chat.messages import Message
from models.errors import DomainError, Invalid, NotFound, Unauthenticated, Unavailable
from models.ports import Database, Streamed
from models.reading import Lookup

if TYPE_CHECKING:
    from graphql_schema.core.signed import Signer
    from models.viewer import Viewer

POLL = 0.25  # seconds, when no wake-up comes
QUEUE = 1_000  # pieces that may wait for one follower
PURPOSE = "stream"
ROOTS = ("prj_", "cnv_", "usr_")

log = structlog.get_logger()


class Follower:
    """One subscription's queue of stories; too many waiting ones break it."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self._queue: asyncio.Queue[Story | DomainError] = asyncio.Queue()

    def offer(self, story: Story) -> None:
        """Take news of the message."""
        if self._queue.qsize() < QUEUE:
            self._queue.put_nowait(story)
        elif self._queue.qsize() == QUEUE:
            self.end(Unavailable("Too much text waited to be read; resume.", retry_after=1))

    def end(self, error: DomainError) -> None:
        """Have `next` raise an error after what waits already."""
        self._queue.put_nowait(error)

    async def next(self) -> Story:
        """The next news."""
        found = await self._queue.get()
        if isinstance(found, DomainError):
            raise found
        return found


class Topic:
    """One message that is followed in this process, and how far its text was passed on."""

    def __init__(self) -> None:
        self.mark = Mark()
        self.followers: set[Follower] = set()

    def pass_on(self, story: Story) -> None:
        """Give news to all followers."""
        if story.pieces:
            self.mark = story.pieces[-1].mark
        elif story.epoch != self.mark.epoch:
            self.mark = Mark(story.epoch)
        for follower in self.followers:
            follower.offer(story)

    def goes_on_with(self, window: Window) -> bool:
        """Whether a window follows just after what was passed on."""
        mark = self.mark
        if window.epoch != mark.epoch:
            return False
        same = window.part == mark.part and window.start == mark.offset
        return same or (window.part == mark.part + 1 and window.start == 0)


class StreamHub:
    """The texts that this process serves; see models.ports.Streams."""

    def __init__(self, database: Database, signer: Signer) -> None:
        self._database = database
        self._signer = signer
        self._topics: dict[str, Topic] = {}
        self._stale: set[str] = set()
        self._woken = asyncio.Event()
        self._doubtful: set[str] = set()

    # -- being told ------------------------------------------------------------------------

    def wake(self, message_ids: Iterable[str] | None) -> None:
        """These messages, or any, have news in the store."""
        named = self._topics.keys() if message_ids is None else message_ids
        self._stale.update(id for id in named if id in self._topics)
        self._woken.set()

    def publish(self, windows: Sequence[Window]) -> None:
        """Pass on windows that were stored by this very process."""
        for window in windows:
            topic = self._topics.get(window.message_id)
            if topic is None:
                continue
            if topic.goes_on_with(window):
                mark = Mark(window.epoch, window.part, window.start + len(window.text))
                piece = Piece(window.kind, window.text, mark)
                topic.pass_on(Story(window.epoch, (piece,), complete=False))
            else:
                self.wake([window.message_id])

    def changed(self, owner: str, change: Mapping[str, Any]) -> None:
        """Follow the event log: a message's state, and rights that may be gone."""
        id: str = change["id"]
        if id in self._topics:
            self.wake([id])
        elif id.startswith(ROOTS) and "deleted_at" in change["columns"]:
            self._doubtful.update(self._topics)
            self._woken.set()

    # -- reading ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Read and pass on until cancelled, through any loss of the server."""
        while True:
            try:
                await asyncio.wait_for(self._woken.wait(), POLL)
            except TimeoutError:
                self.wake(None)
            self._woken.clear()
            try:
                await self._pass_on()
                await self._check_rights()
            except Unavailable:
                log.warning("streams.lost")
                await asyncio.sleep(POLL)

    async def _pass_on(self) -> None:
        stale, self._stale = self._stale & self._topics.keys(), set()
        if not stale:
            return
        marks = {id: self._topics[id].mark for id in stale}
        for id, story in (await self._stories(marks)).items():
            topic = self._topics.get(id)
            if topic is None or marks[id] != topic.mark:
                self.wake([id])  # windows came in between
            elif story.pieces or story.complete or story.epoch != topic.mark.epoch:
                topic.pass_on(story)

    async def _stories(self, marks: Mapping[str, Mark]) -> dict[str, Story]:
        rows = await self._database.fetch(
            STORY,
            list(marks),
            [mark.epoch for mark in marks.values()],
            [mark.part for mark in marks.values()],
            [mark.offset for mark in marks.values()],
        )
        return {row["id"]: story_of(row) for row in rows}

    async def _check_rights(self) -> None:
        doubtful, self._doubtful = self._doubtful & self._topics.keys(), set()
        for id in doubtful:
            for follower in list(self._topics[id].followers):
                if not await self._reaches(follower.viewer, Lookup(User), follower.viewer.id):
                    follower.end(Unauthenticated("This account is gone."))
                elif not await self._reaches(follower.viewer, Lookup(Message), id):
                    follower.end(NotFound("The message is gone."))

    async def _reaches(self, viewer: Viewer, query: Lookup, id: str) -> bool:
        sql, args = query.statement(viewer, [id])
        return bool(await self._database.fetch(sql, *args))

    # -- following -------------------------------------------------------------------------

    @asynccontextmanager
    async def follow(
        self, message_id: str, viewer: Viewer, after: str | None
    ) -> AsyncIterator[AsyncIterator[Streamed]]:
        """The text of a message; see models.ports.Streams."""
        seen = self._opened(message_id, after)
        topic = self._topics.setdefault(message_id, Topic())
        follower = Follower(viewer)
        topic.followers.add(follower)
        try:
            yield self._streamed(message_id, follower, seen)
        finally:
            topic.followers.discard(follower)
            if not topic.followers:
                self._topics.pop(message_id, None)

    async def _streamed(
        self, message_id: str, follower: Follower, seen: Mark
    ) -> AsyncIterator[Streamed]:
        story = (await self._stories({message_id: seen})).get(message_id)
        while story is not None:
            for reset, piece in news(story, seen):
                seen = piece.mark
                cursor = self._sign(message_id, seen)
                yield Streamed(seen.part, piece.kind, piece.text, cursor, reset)
            if story.complete:
                return
            story = await follower.next()
        raise NotFound("The message is gone.")

    def _sign(self, message_id: str, mark: Mark) -> str:
        return self._signer.sign(PURPOSE, [message_id, mark.epoch, mark.part, mark.offset])

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


def news(story: Story, seen: Mark) -> list[tuple[bool, Piece]]:
    """What a follower who has seen so much is to be told, and whether that voids what it has."""
    if story.epoch < seen.epoch:
        return []
    if story.epoch == seen.epoch:
        return [(False, piece) for piece in unseen(story.pieces, seen)]
    void = seen.offset > 0 or seen.part > 0
    pieces = story.pieces
    if not pieces and void and story.complete:
        pieces = (Piece("text", "", Mark(story.epoch)),)
    return [(void and number == 0, piece) for number, piece in enumerate(pieces)]
