"""The messages whose text is followed in this process, and those who follow."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from models.chat.chunks import Mark, Piece, Story, unseen
from models.errors import DomainError, Unavailable
from models.ports import Sink, Streamed

if TYPE_CHECKING:
    from graphql_schema.core.signed import Payload
    from models.chat.chunks import Window
    from models.viewer import Viewer

QUEUE = 1_000  # pieces of text that may wait for one follower

log = structlog.get_logger()

Told = tuple[Mark, Streamed]
"""An event, and the place in the text after it."""


class Follower:
    """One subscription: how far it has been told, and its queue of stories.

    What its sink takes never waits in the queue. Too many waiting stories break it.
    """

    __slots__ = ("_ended", "_idle", "_queue", "_sink", "seen", "told", "viewer")

    def __init__(self, viewer: Viewer, seen: Mark, sink: Sink | None = None) -> None:
        self.viewer = viewer
        self.seen = seen
        self.told = False
        self._sink = sink
        self._queue: deque[Story | DomainError] = deque()
        self._idle: asyncio.Future[None] | None = None
        self._ended = False

    def sank(self, before: Mark, mark: Mark, event: Streamed) -> bool:
        """Whether the sink took an event, which leads those who have seen `before` to `mark`."""
        sink, idle = self._sink, self._idle
        # Somebody who waits in `next` has passed on all that came before.
        if sink is None or idle is None or idle.done() or self.seen != before:
            return False
        try:
            if not sink(event):
                return False
        except Exception:  # one reader's defect must not reach the others, or the writer
            log.exception("streams.sink_failed")
            return False
        self.seen, self.told = mark, True
        return True

    def offer(self, story: Story) -> None:
        """Take news of the message into the queue."""
        if len(self._queue) >= QUEUE:
            self.end(Unavailable("Too much text waited to be read; resume.", retry_after=1))
        if not self._ended:
            self._put(story)

    def end(self, error: DomainError) -> None:
        """Have `next` raise an error after what waits already; nothing is taken any more."""
        if not self._ended:
            self._ended = True
            self._put(error)

    async def next(self) -> Story:
        """The next news."""
        while not self._queue:
            self._idle = asyncio.get_running_loop().create_future()
            await self._idle
        found = self._queue.popleft()
        if isinstance(found, DomainError):
            raise found
        return found

    def _put(self, found: Story | DomainError) -> None:
        self._queue.append(found)
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)


class Topic:
    """One message that is followed in this process, and how far its text was passed on."""

    __slots__ = ("_looked_at", "_message_id", "_sign", "complete", "followers", "mark")

    def __init__(self, message_id: str, sign: Callable[[Payload], str]) -> None:
        """`sign` makes a cursor of the message's id and a place in its text."""
        self.mark = Mark()
        self.complete = False
        self.followers: set[Follower] = set()
        self._message_id = message_id
        self._sign = sign
        self._looked_at: Mark | None = None

    def pass_on(self, story: Story) -> None:
        """Give news to all followers."""
        self.complete = story.complete
        if story.pieces:
            self.mark = story.pieces[-1].mark
        elif story.epoch != self.mark.epoch:
            self.mark = Mark(story.epoch)
        for follower in self.followers:
            follower.offer(story)

    def go_on(self, window: Window) -> None:
        """Give a window that goes on with what was passed on to all followers.

        Those who have seen as much share the event itself, and so its bytes.
        """
        end = window.start + len(window.text)
        before, mark = self.mark, Mark(window.epoch, window.part, end)
        self.mark = mark
        event = self.event(mark, window.kind, window.text)
        story: Story | None = None
        for follower in self.followers:
            if not follower.sank(before, mark, event):
                story = story or Story(
                    window.epoch, (Piece(window.kind, window.text, mark),), False
                )
                follower.offer(story)

    def events(self, story: Story, seen: Mark) -> list[Told]:
        """What a follower who has seen so much is to be told."""
        return [
            (piece.mark, self.event(piece.mark, piece.kind, piece.text, reset=reset))
            for reset, piece in news(story, seen)
        ]

    def event(self, mark: Mark, kind: str, text: str, *, reset: bool = False) -> Streamed:
        """The event of a piece that ends at `mark`."""
        cursor = self._sign((self._message_id, *mark))
        return Streamed(mark.part, kind, text, cursor, reset)

    def has_rested(self) -> bool:
        """Whether nothing was passed on since this was last asked."""
        rested, self._looked_at = self._looked_at == self.mark, self.mark
        return rested

    def goes_on_with(self, window: Window) -> bool:
        """Whether a window follows just after what was passed on."""
        mark = self.mark
        if window.epoch != mark.epoch:
            return False
        if window.part == mark.part:
            return window.start == mark.offset
        next_part = window.part == mark.part + 1 and window.start == 0
        return next_part and window.before == mark.offset

    def end(self, error: DomainError) -> None:
        """Send all followers away."""
        for follower in self.followers:
            follower.end(error)


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


def kind_at(story: Story, mark: Mark) -> str:
    """What the part is that a mark lies in."""
    return next((p.kind for p in story.pieces if p.mark.part == mark.part), "text")
