"""Message chunks: the text of a running answer, append-only, no Record and no Change.

The key is (message, epoch, part, start). A window is kept only while its generation still
stands, so a dead or stopped writer can't add to what others took over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from tortoise import Model
from tortoise.fields import BigIntField, IntField

from models import fields
from models.indexes import unique

if TYPE_CHECKING:
    from models.ports import Connection


class MessageChunk(Model):
    """A window of text: up to about 1 KiB, or what came within 40 ms."""

    row_id: int = BigIntField(primary_key=True, generated=True)
    message_id: str = fields.key("The message it is part of.")
    epoch: int = IntField(description="The try of the generation that wrote it.")
    part: int = IntField(description="The part of the answer, from 0.")
    start: int = IntField(description="Code points of the part before it.")
    kind: str = fields.key("text, reasoning or tool_call.")
    text: str = fields.text("The text.", limit=1 << 20)

    indexes = (unique("message_id", "epoch", "part", "start"),)

    class Meta:
        table = "message_chunk"


class Window(NamedTuple):
    """A piece of an answer that is to be kept and then published.

    `before` is how many code points the part before this one has. Like the others here it is a
    tuple, as one is made for each event: a frozen dataclass takes three times as long to make.
    """

    generation_id: str
    message_id: str
    epoch: int
    part: int
    start: int
    kind: str
    text: str
    before: int = 0


_APPEND = """\
WITH window_ AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::int[], $6::text[],
        $7::text[]) AS w (generation_id, message_id, epoch, part, start, kind, text)
), standing AS (
    SELECT g.id, g.epoch FROM generation g
    WHERE g.id = ANY ($1::text[]) AND g.state = 'RUNNING' ORDER BY g.id FOR SHARE
)
INSERT INTO message_chunk (message_id, epoch, part, start, kind, text)
SELECT w.message_id, w.epoch, w.part, w.start, w.kind, w.text
FROM window_ w JOIN standing s ON s.id = w.generation_id AND s.epoch = w.epoch
ON CONFLICT (message_id, epoch, part, start) DO UPDATE SET text = excluded.text
RETURNING message_id, epoch, part, start"""


async def append(connection: Connection, windows: Sequence[Window]) -> list[Window]:
    """Keep the windows whose generation stands, in one statement, and return those.

    May be repeated when the answer of the first time was lost.
    """
    rows = await connection.fetch(
        _APPEND,
        [w.generation_id for w in windows],
        [w.message_id for w in windows],
        [w.epoch for w in windows],
        [w.part for w in windows],
        [w.start for w in windows],
        [w.kind for w in windows],
        [w.text for w in windows],
    )
    kept = {(r["message_id"], r["epoch"], r["part"], r["start"]) for r in rows}
    return [w for w in windows if (w.message_id, w.epoch, w.part, w.start) in kept]


class Mark(NamedTuple):
    """A place in the text of a message: `offset` code points into part `part` of try `epoch`."""

    epoch: int = 0
    part: int = 0
    offset: int = 0


class Piece(NamedTuple):
    """Text that follows a mark: `mark` is the place after it."""

    kind: str
    text: str
    mark: Mark


class Story(NamedTuple):
    """What the store knows of a message: the epoch of its text, the pieces, and whether it ends."""

    epoch: int
    pieces: tuple[Piece, ...]
    complete: bool


STORY = """\
SELECT m.id, m.status, m.content, m.parts, m.content_epoch,
    coalesce(g.epoch, m.content_epoch) AS epoch, c.chunks
FROM unnest($1::text[], $2::int[], $3::int[], $4::int[]) AS seen (id, epoch, part, start)
JOIN message m ON m.id = seen.id
LEFT JOIN generation g ON g.message_id = m.id AND m.status <> 'COMPLETE'
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(c.part, c.start, c.kind, c.text)
        ORDER BY c.part, c.start) AS chunks
    FROM message_chunk c
    WHERE c.message_id = m.id AND c.epoch = g.epoch
    AND (c.part, c.start) >= (
        CASE WHEN g.epoch = seen.epoch THEN seen.part ELSE 0 END,
        CASE WHEN g.epoch = seen.epoch THEN seen.start ELSE 0 END)
) c ON true"""


def story_of(row: Mapping[str, Any]) -> Story:
    """What a row of STORY tells."""
    if row["status"] != "COMPLETE":
        epoch = row["epoch"]
        return Story(epoch, tuple(_pieces(epoch, row["chunks"] or ())), False)
    epoch = row["content_epoch"]
    parts = row["parts"] if _ours(row["parts"]) else [{"kind": "text", "text": row["content"]}]
    pieces = (
        Piece(part["kind"], part["text"], Mark(epoch, number, len(part["text"])))
        for number, part in enumerate(parts)
    )
    return Story(epoch, tuple(pieces), True)


def _ours(parts: Any) -> bool:
    """Whether parts were written here; those of data that was taken over may be anything."""
    return bool(parts) and isinstance(parts, list) and all(map(_is_piece, cast("list[Any]", parts)))


def _is_piece(part: Any) -> bool:
    if not isinstance(part, dict):
        return False
    found = cast("dict[str, Any]", part)
    return isinstance(found.get("kind"), str) and isinstance(found.get("text"), str)


def _pieces(epoch: int, chunks: Iterable[tuple[int, int, str, str]]) -> Iterator[Piece]:
    """One piece for each part, so that who joins late gets few; chunks follow each other."""
    for (part, kind), found in groupby(chunks, lambda chunk: (chunk[0], chunk[2])):
        texts = list(found)
        start, text = texts[0][1], "".join(chunk[3] for chunk in texts)
        yield Piece(kind, text, Mark(epoch, part, start + len(text)))


def unseen(pieces: Sequence[Piece], seen: Mark) -> list[Piece]:
    """The pieces of one epoch beyond `seen`, the first cut where `seen` lies within it."""
    found: list[Piece] = []
    for piece in pieces:
        mark = piece.mark
        if mark.part < seen.part or (mark.part == seen.part and mark.offset <= seen.offset):
            continue
        start = mark.offset - len(piece.text)
        known = max(0, seen.offset - start) if mark.part == seen.part else 0
        found.append(Piece(piece.kind, piece.text[known:], mark))
    return found


_PARTS = """\
SELECT part, kind, string_agg(text, '' ORDER BY start) AS text FROM message_chunk
WHERE message_id = $1 AND epoch = $2 GROUP BY part, kind ORDER BY part"""


async def stored_parts(connection: Connection, message_id: str, epoch: int) -> list[dict[str, str]]:
    """The parts of a running answer as they are kept so far."""
    rows = await connection.fetch(_PARTS, message_id, epoch)
    return [{"kind": row["kind"], "text": row["text"]} for row in rows]


async def forget(connection: Connection, message_id: str) -> None:
    """Delete the chunks of a message, whose text is now elsewhere or void."""
    await connection.execute("DELETE FROM message_chunk WHERE message_id = $1", message_id)
