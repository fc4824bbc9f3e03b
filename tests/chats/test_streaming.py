"""A file of any size is read a piece at a time."""

from __future__ import annotations

import json
from pathlib import Path

from app.chats.entries import Splitter
from tests.chats.conftest import Reader
from tests.chats.exports import jam
from tests.harness.commands import punnet

MUCH = 96 << 20  # bytes
GROWTH = 32 << 20  # bytes of memory; far less than what is read


def large(path: Path, size: int) -> Path:
    """An export of so many bytes, in conversations of 1 MiB that say little."""
    with path.open("w") as file:
        file.write("[")
        for number in range(size >> 20):
            chat = jam(id=str(number)) | {"moderation_results": ["x" * (1 << 20)]}
            file.write("," * bool(number) + json.dumps(chat))
        file.write("]")
    return path


async def test_memory_stays_flat(database: str, ada: Reader, tmp_path: Path) -> None:
    ends = [
        await punnet(
            *("import", "chatgpt", large(tmp_path / f"{size}.json", size), "--user", ada.id),
            url=database,
        )
        for size in (4 << 20, MUCH)
    ]
    assert [ended.code for ended in ends] == [0, 0], ends[1].err
    usual, most = ends
    assert "         460  messages added" in most.out
    assert most.peak < usual.peak + GROWTH


def test_entries_are_cut_alike_wherever_a_piece_ends() -> None:
    text = rb' [ {"a": "]}\"[\\"}, [1, {"b": []}], 7, "s", {} , {"c": "\u005d"}] '
    whole = [str(one) for one in Splitter().feed(text)]
    assert len(whole) == 5
    for size in range(1, len(text)):
        splitter, found = Splitter(), list[str]()
        for start in range(0, len(text), size):
            found += map(str, splitter.feed(text[start : start + size]))
        assert (found, splitter.over) == (whole, True), size
