"""Which media type a client wants its answer in, by its `Accept` header."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

GRAPHQL_JSON: Final = "application/graphql-response+json"
JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"

SUPPORTED = (GRAPHQL_JSON, JSON, EVENT_STREAM)
"""In the order that decides when the client does not mind."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the client takes: `best` of all, the best JSON, and whether events are welcome."""

    best: str | None
    json: str | None
    events: bool


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One entry of an `Accept` header."""

    kind: str
    quality: float
    position: int

    def precision(self, media_type: str) -> int:
        """How closely it names the type: 3 exactly, 2 `type/*`, 1 `*/*`, 0 not at all."""
        if self.kind == media_type:
            return 3
        if media_type == EVENT_STREAM:
            return 0  # a stream only for those who ask for one
        if self.kind == media_type.partition("/")[0] + "/*":
            return 2
        return 1 if self.kind == "*/*" else 0


@lru_cache(maxsize=256)  # clients choose the headers
def negotiate(header: str) -> Accepted:
    """Choose by quality, then by the order of the header, then by ours (RFC 9110, 12.5.1)."""
    ranges = [found for i, part in enumerate(header.split(",")) if (found := parsed(part, i))]
    if not header.strip():
        ranges = [MediaRange("*/*", 1.0, 0)]
    ranked = [name for name, _ in sorted(scored(ranges), key=lambda pair: pair[1])]
    return Accepted(
        best=ranked[0] if ranked else None,
        json=next((name for name in ranked if name != EVENT_STREAM), None),
        events=EVENT_STREAM in ranked,
    )


def scored(ranges: Sequence[MediaRange]) -> list[tuple[str, tuple[float, int, int]]]:
    """The acceptable types with their sort keys, best first when sorted."""
    found: list[tuple[str, tuple[float, int, int]]] = []
    for index, name in enumerate(SUPPORTED):
        matching = [part for part in ranges if part.precision(name)]
        if not matching:
            continue
        closest = max(matching, key=lambda part: (part.precision(name), -part.position))
        if closest.quality > 0:
            found.append((name, (-closest.quality, closest.position, index)))
    return found


def parsed(part: str, position: int) -> MediaRange | None:
    """One entry; none when it asks for another encoding than UTF-8 or makes no sense."""
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            quality = quality_of(value)
        elif name == "charset" and value.strip('"') not in {"utf-8", "utf8"}:
            return None
    return MediaRange(kind, quality, position) if "/" in kind else None


def quality_of(value: str) -> float:
    """A weight between 0 and 1; nonsense weighs nothing."""
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
