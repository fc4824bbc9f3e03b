"""The tree of a chat, from turns whose links may be missing, broken or go round in a ring. Pure."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from app.chats.chat import Chat, Turn
from app.chats.findings import Notes
from app.chats.values import EPOCH


@dataclass(frozen=True, slots=True)
class Placed:
    """A turn with something to show, under the key of the next such turn above it, if any."""

    turn: Turn
    parent: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Tree:
    """Turns in an order in which each follows its parent, the older first; `shown` are the keys of
    those on the branch that the source showed last."""

    placed: list[Placed]
    shown: set[str]


def tree_of(chat: Chat, notes: Notes) -> Tree:
    """The tree of a chat. Turns without a parent begin it, as versions of each other."""
    turns = _by_key(chat.turns, notes)
    parents = _parents(turns, notes)
    placed = _placed(turns, parents, chat.made or EPOCH)
    current = chat.current
    if current not in turns:
        if current is not None:
            notes.flaw("branch shown last: it is not there", current)
        current = placed[-1].turn.key if placed else None
    return Tree(placed, set(_up(current, parents)))


def _by_key(turns: Iterable[Turn], notes: Notes) -> dict[str, Turn]:
    found: dict[str, Turn] = {}
    for turn in turns:
        if turn.key in found:
            notes.flaw("message there twice: the first counts", turn.key)
        found.setdefault(turn.key, turn)
    return found


def _parents(turns: Mapping[str, Turn], notes: Notes) -> dict[str, str | None]:
    """Key → parent's key, of which none leads back to where it began."""
    parents: dict[str, str | None] = {}
    for turn in turns.values():
        parents[turn.key] = turn.parent if turn.parent in turns else None
        if turn.parent is not None and turn.parent not in turns:
            notes.flaw("parent missing: begins the conversation", turn.key)
    sound: set[str] = set()
    for start in turns:
        walked: dict[str, None] = {}
        above: str | None = start
        while above is not None and above not in sound and above not in walked:
            walked[above] = None
            above = parents[above]
        if above in walked and above not in sound:
            parents[above] = None
            notes.flaw("ring of parents: cut open", above)
        sound.update(walked)
    return parents


def _placed(
    turns: Mapping[str, Turn], parents: Mapping[str, str | None], made: datetime
) -> list[Placed]:
    below: dict[str | None, list[str]] = defaultdict(list)
    for one, parent in parents.items():
        below[parent].append(one)
    numbers = {one: number for number, one in enumerate(turns)}
    waiting: list[tuple[datetime, int, str, str | None]] = []

    def follow(above: str | None, shown: str | None, at: datetime) -> None:
        for one in below[above]:
            heapq.heappush(waiting, (turns[one].at or at, numbers[one], one, shown))

    follow(None, None, made)
    placed: list[Placed] = []
    while waiting:
        at, _, one, shown = heapq.heappop(waiting)
        if turns[one].role is not None:
            placed.append(Placed(turns[one], shown, at))
            shown = one
        follow(one, shown, at)
    return placed


def _up(key: str | None, parents: Mapping[str, str | None]) -> Iterable[str]:
    while key is not None:
        yield key
        key = parents[key]
