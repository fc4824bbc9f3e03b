"""Files of a snapshot that are not what they should be, and names that lead elsewhere."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from models.errors import DomainError
from tests.convex.chats import CSV, chats
from tests.convex.conftest import Bring
from tests.convex.reading import everything
from tests.convex.test_chats_again import kept
from tests.harness.api import Server
from tests.harness.uploading import image


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "of a type that is not taken"),
        (image()[:40], "not what it is said to be"),
        (bytes(10 * 2**20 + 1), "too large"),
        (None, "not in the snapshot"),
    ],
    ids=["empty", "cut", "huge", "missing"],
)
async def test_a_file_that_is_not_taken_leaves_its_address(
    server: Server, bring: Bring, tmp_path: Path, data: bytes | None, why: str
) -> None:
    made = chats()
    name = next(name for name in made.files if name.endswith(".png"))
    del made.files[name]
    if data is not None:
        made.files[name] = data
    report = await bring(made)
    assert report.counts["_storage", f"file left out: {why}"] == 1
    rows = await server.sql("SELECT url, stored_file_id FROM attachment WHERE type = 'IMAGE'")
    assert rows == [{"url": made.tables["chatAttachments"][0]["fileUrl"], "stored_file_id": None}]
    assert list(kept(tmp_path).values()) == [CSV]


async def test_names_of_entries_lead_nowhere(server: Server, bring: Bring, tmp_path: Path) -> None:
    made = chats()
    made.files |= {"../../escaped.png": image(), "deep/er.png": image(), "/etc/escaped": b"x"}
    made.find("chatAttachments", fileName="tree.png")["fileName"] = "../../\u202egnp.tree.png"
    await bring(made)
    assert not list(tmp_path.parent.rglob("escaped*"))
    rows = await server.sql("SELECT file_name FROM stored_file ORDER BY file_name")
    assert [row["file_name"] for row in rows] == ["gnp.tree.png", "yield.csv"]


async def test_a_damaged_file_stops_the_import(
    server: Server, bring: Bring, tmp_path: Path
) -> None:
    made = chats()
    before = await everything(server)
    path = made.write(tmp_path / "whole.zip")
    data, offset = bytearray(path.read_bytes()), 0
    with zipfile.ZipFile(path) as archive:
        entry = next(one for one in archive.infolist() if one.filename.endswith(".png"))
        offset = entry.header_offset + 30 + len(entry.filename)
    data[offset + 5] ^= 0xFF
    made.write = lambda path: (path.write_bytes(data), path)[1]  # type: ignore[method-assign]
    with pytest.raises(DomainError, match="_storage: the archive can't be read"):
        await bring(made)
    assert await everything(server) == before
    assert kept(tmp_path) == {}
