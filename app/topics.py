"""The messages whose text is followed in this process, and those who follow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from models.chat.chunks import Mark, Piece, Story, unseen
from models.errors import DomainError, Unavailable

if TYPE_CHECKING:
    from models.chat.chunks import Window
    from models.viewer import Viewer

QUEUE = 1_000  # pieces of text that may wait for one follower


class Follower:
    """One subscription's queue of stories; too many waiting ones break it."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self._queue: asyncio.Queue[Story | DomainError] = asyncio.Queue()
        self._ended = False

    def offer(self, story: Story) -> None:
        """Take news of the message."""
        if self._queue.qsize() >= QUEUE:
            self.end(Unavailable("Too much text waited to be read; resume.", retry_after=1))
        if not self._ended:
            self._queue.put_nowait(story)

    def end(self, error: DomainError) -> None:
        """Have `next` raise an error after what waits already; nothing is taken any more."""
        if not self._ended:
            self._ended = True
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
        self.complete = False
        self.followers: set[Follower] = set()

    def pass_on(self, story: Story) -> None:
        """Give news to all followers."""
        if story.pieces:
            self.mark = story.pieces[-1].mark
        elif story.epoch != self.mark.epoch:
            self.mark = Mark(story.epoch)
        self.complete = story.complete
        for follower in self.followers:
            follower.offer(story)

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
