"""A chat from elsewhere, in the form that all sources are read into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.chat.messages import MessageRole

Json = Mapping[str, Any]
Part = Mapping[str, Any]
"""A part of a message, as `Message.parts` holds it; see models/chat/parts."""


class Unfit(ValueError):
    """An entry that can't be taken; says why."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A node of a chat's tree; `key` and `parent` are ids of the source.

    One without a role has nothing to show, but others may follow it.
    """

    key: str
    parent: str | None
    role: MessageRole | None = None
    at: datetime | None = None
    parts: Sequence[Part] = ()
    model: str | None = None
    finish_reason: str | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Chat:
    """One conversation of a source; `current` is the key of the last turn that was shown."""

    key: str
    title: str
    made: datetime | None
    changed: datetime | None
    turns: Sequence[Turn]
    current: str | None = None
    pinned: bool = False
    archived: bool = False
