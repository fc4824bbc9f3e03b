"""The messages whose text is followed in this process, and those who follow."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from models.chat.chunks import Mark, Piece, Story, unseen
from models.errors import DomainError, Unavailable
from models.ports import Sink, Streamed

if TYPE_CHECKING:
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

    def __init__(self, viewer: Viewer, seen: Mark, sink: Sink | None = None) -> None:
        self.viewer = viewer
        self.seen = seen
        self.told = False
        self._sink = sink
        self._queue: deque[Story | DomainError] = deque()
        self._idle: asyncio.Future[None] | None = None
        self._ended = False

    def offer(self, story: Story, before: Mark, events: Sequence[Told]) -> None:
        """Take news of the message: `events` are all of it for those who have seen `before`."""
        if self.seen == before and self._is_idle() and self._sank(events):
            return
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

    def _is_idle(self) -> bool:
        """Whether somebody waits in `next`, who has passed on all that came before."""
        return self._idle is not None and not self._idle.done()

    def _sank(self, events: Sequence[Told]) -> bool:
        """Whether the sink took all events; those it took are seen."""
        sink = self._sink
        if sink is None or not events:
            return False
        for mark, event in events:
            if not self._took(sink, event):
                return False
            self.seen, self.told = mark, True
        return True

    def _took(self, sink: Sink, event: Streamed) -> bool:
        try:
            return sink(event)
        except Exception:  # one reader's defect must not reach the others, or the writer
            log.exception("streams.sink_failed")
            return False

    def _put(self, found: Story | DomainError) -> None:
        self._queue.append(found)
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)


class Topic:
    """One message that is followed in this process, and how far its text was passed on."""

    def __init__(self, sign: Callable[[Mark], str]) -> None:
        """`sign` makes the cursor of a place in the text."""
        self.mark = Mark()
        self.complete = False
        self.followers: set[Follower] = set()
        self._sign = sign

    def pass_on(self, story: Story) -> None:
        """Give news to all followers."""
        before, self.complete = self.mark, story.complete
        if story.pieces:
            self.mark = story.pieces[-1].mark
        elif story.epoch != before.epoch:
            self.mark = Mark(story.epoch)
        # Those who have seen the same share the events themselves, and so their bytes.
        goes_on = story.epoch == before.epoch and not story.complete
        events = self.events(story, before) if goes_on else []
        for follower in self.followers:
            follower.offer(story, before, events)

    def events(self, story: Story, seen: Mark) -> list[Told]:
        """What a follower who has seen so much is to be told."""
        return [
            (piece.mark, self.event(piece.mark, piece.kind, piece.text, reset=reset))
            for reset, piece in news(story, seen)
        ]

    def event(self, mark: Mark, kind: str, text: str, *, reset: bool = False) -> Streamed:
        """The event of a piece that ends at `mark`."""
        return Streamed(mark.part, kind, text, self._sign(mark), reset)

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
