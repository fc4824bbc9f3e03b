"""Exports hold the bytes of files, and an import puts them back, or leaves nothing."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from tests.harness.api import StartServer
from tests.harness.commands import punnet
from tests.harness.postgres import NewDatabase
from tests.harness.processes import ask
from tests.harness.uploading import announce, http, image, send, urls_of


async def exported(start_server: StartServer, url: str, folder: Path) -> tuple[Path, str, str]:
    """An export of a server with an image, an avatar and an upload that is not complete.

    Returns it with the ids of the first two.
    """
    server = await start_server(url=url, data_dir=folder / "here", worker=False)
    ada = server.user()
    file = await send(ada, image(), "image/png")
    avatar = await send(ada, image(), "image/png", purpose="AVATAR")
    await ada.do("setAvatar", "{ user { id } }", fileId=avatar["id"])
    await announce(ada, b"abc", "text/plain")
    target = folder / "all.zip"
    ended = await punnet("export", target, url=url, data_dir=folder / "here")
    assert ended.code == 0, ended.err
    assert "           3  files and thumbnails" in ended.out
    return target, file["id"], avatar["id"]


def kept(folder: Path) -> dict[str, bytes]:
    """The objects in a storage, by name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def rewritten(source: Path, target: Path, **changed: bytes | None) -> Path:
    """A copy of an export in which the entries that end in a name have other bytes, or are gone."""
    with ZipFile(source) as old, ZipFile(target, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            replaced = [data for end, data in changed.items() if name.endswith(end)]
            data = replaced[0] if replaced else old.read(name)
            if data is not None:
                new.writestr(name, data)
    return target


async def test_files_go_over_with_their_rows(
    start_server: StartServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    source, copy = await new_database(), await new_database(empty=True)
    first, id, avatar = await exported(start_server, source, tmp_path)
    there = tmp_path / "there"
    ended = await punnet("import", "punnet", first, url=copy, data_dir=there)
    assert ended.code == 0, ended.err
    before = kept(tmp_path / "here" / "files")
    assert kept(there / "files") == before
    assert len(before) == 3
    server = await start_server(url=copy, data_dir=there, worker=False)
    urls = await urls_of(server.user(), id)
    assert (await http(server.user(), "GET", urls["url"])).body == image()
    assert (await http(server.nobody(), "GET", f"{server.url}/avatars/{avatar}")).status == 200
    again = tmp_path / "again.zip"
    assert (await punnet("export", again, url=copy, data_dir=there)).code == 0
    assert again.read_bytes() == first.read_bytes()


async def test_bytes_that_are_gone_are_told_of(
    start_server: StartServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    source = await new_database()
    _, id, _ = await exported(start_server, source, tmp_path)
    for path in (tmp_path / "here" / "files").rglob("*.thumbnail"):
        path.unlink()
    target = tmp_path / "again.zip"
    ended = await punnet("export", target, url=source, data_dir=tmp_path / "here")
    assert f"Without bytes: {id}." in ended.out
    copy = await new_database(empty=True)
    assert (await punnet("import", "punnet", target, url=copy, data_dir=tmp_path / "b")).code == 0
    assert len(kept(tmp_path / "b")) == 2


CHANGES = {
    "other bytes": {".file": b"other bytes"},
    "no bytes": {".file": None},
    "a path": {"stored_file/rows.jsonl": "storage_key"},
}


@pytest.mark.parametrize("what", CHANGES)
async def test_a_changed_export_leaves_nothing(
    start_server: StartServer, new_database: NewDatabase, tmp_path: Path, what: str
) -> None:
    first, *_ = await exported(start_server, await new_database(), tmp_path)
    changed = dict(CHANGES[what])
    if what == "a path":
        changed = {"stored_file/rows.jsonl": with_path(first)}
    copy, there = await new_database(empty=True), tmp_path / "there"
    file = rewritten(first, tmp_path / "changed.zip", **changed)
    ended = await punnet("import", "punnet", file, url=copy, data_dir=there)
    assert (ended.code, "stored_file" in ended.err) == (1, True)
    assert kept(tmp_path / "there") == {}
    assert not (tmp_path / "evil").exists()
    assert await ask(copy, "SELECT count(*) FROM stored_file") == 0


def with_path(export: Path) -> bytes:
    """The rows of an export's files with a key that leads elsewhere."""
    with ZipFile(export) as archive:
        lines = archive.read("stored_file/rows.jsonl").splitlines()
    rows = [json.loads(line) | {"storage_key": f"../../evil/{n}"} for n, line in enumerate(lines)]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)
