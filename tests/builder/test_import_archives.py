"""Archives of repositories, hostile ones too: what is taken of them, and what ends an import."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile

import pytest

from tests.builder.importing import FRAGMENT, Place, importing
from tests.harness.api import StartServer
from tests.harness.eventually import eventually
from tests.harness.importable import COMMIT, FILES, zipball

LIMITS = {"import_archive": 300_000, "import_file": 50_000, "import_text": 120_000}


@pytest.fixture
async def place(start_server: StartServer) -> AsyncIterator[Place]:
    async with importing(start_server, **LIMITS) as made:
        yield made


async def imported(place: Place, archive: bytes) -> tuple[dict[str, str], dict[str, int]]:
    """The files that an archive gives, and how many it does not, by the reason."""
    place.github.archive = archive
    found = await place.ended((await place.github_import())["id"])
    assert found["error"] is None
    fragment = (await place.ada.run(FRAGMENT, id=found["id"]))["import"]["fragment"]
    metadata = found["metadata"]
    assert len(fragment["files"]) == metadata["files"] == found["filesDone"]
    assert sum(len(text.encode()) for text in fragment["files"].values()) == metadata["bytes"]
    left_out = sum(metadata["skipped"].values())
    assert (f" {left_out:,} others were left out." in fragment["message"]["content"]) == bool(
        left_out
    )
    return fragment["files"], metadata["skipped"]


async def refused(place: Place, archive: bytes) -> str:
    """Why an archive is not taken; at once, or after tries that this does not wait for."""
    place.github.archive = archive
    return await place.failed()


ODD: Mapping[str, Mapping[str, bytes]] = {
    "unsafe": {
        "../out.ts": b"x",
        "a/../../b.ts": b"x",
        "/etc/passwd": b"x",
        "C:/windows.ts": b"x",
        "a\\b.ts": b"x",
        "aux.ts": b"x",
        "src/COM1": b"x",
        "dot.": b"x",
        "why?.ts": b"x",
        "line\nbreak.ts": b"x",
        "n" * 256 + ".ts": b"x",
        "\u202etxt.exe": b"x",
    },
    "ignored": {
        "node_modules/left/pad.js": b"x",
        "web/node_modules/a.js": b"x",
        ".git/config": b"x",
        "package-lock.json": b"{}",
        "yarn.lock": b"x",
        ".env": b"SECRET=1",
        "dist/app.js": b"x",
        ".DS_Store": b"x",
    },
    "binary": {
        "logo.png": b"\x89PNG\r\n\x1a\n\x00",
        "zero.txt": b"a\0b",
        "latin.txt": b"Gr\xfc\xdfe",
    },
    "clashing": {"Package.json": b"{}", "src/APP/page.tsx": b"x", "src/app/page.tsx/more.ts": b"x"},
    "tooLarge": {"huge.ts": b"x" * 50_001},
}


async def test_only_texts_with_names_for_every_system_are_taken(place: Place) -> None:
    odd = {path: data for group in ODD.values() for path, data in group.items()}
    archive = zipball({**FILES, **odd}, link="/etc/passwd", **{"src/up": "../../.."})
    files, skipped = await imported(place, archive)
    assert files == {path: data.decode() for path, data in FILES.items()}
    assert skipped == {why: len(group) for why, group in ODD.items()} | {"special": 2}


async def test_names_are_composed_and_empty_files_are_files(place: Place) -> None:
    files, skipped = await imported(
        place, zipball({"nai\u0308ve.ts": b"1", "na\u00efve.ts": b"2", "empty.ts": b""})
    )
    assert files == {"na\u00efve.ts": "1", "empty.ts": ""}
    assert skipped == {"clashing": 1}


async def test_texts_are_kept_to_the_letter(place: Place) -> None:
    odd = {"bom.ts": "\ufeffa", "crlf.ts": "a\r\nb", "wide.ts": "😀\u2028é", "cells.csv": "\t\x1b"}
    files, _ = await imported(place, zipball({name: text.encode() for name, text in odd.items()}))
    assert files == odd


def repeated(times: int) -> bytes:
    """An archive that lists one entry many times: little to send, much to unpack."""
    written = io.BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as archive:
        archive.writestr("octocat-hello-7fd1a60/a.ts", b"x" * 50_000)
        archive.filelist *= times
    return written.getvalue()


def lying(size: int) -> bytes:
    """An archive whose list says that a file is small, when it unpacks to `size`."""
    written = io.BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as archive:
        archive.writestr("octocat-hello-7fd1a60/a.ts", b"x" * size)
        archive.infolist()[0].file_size = 10
    return written.getvalue()


def packed_otherwise() -> bytes:
    """An archive with an entry of a kind that GitHub never makes."""
    written = io.BytesIO()
    with ZipFile(written, "w", ZIP_LZMA) as archive:
        archive.writestr("octocat-hello-7fd1a60/a.ts", b"x")
        archive.writestr("octocat-hello-7fd1a60/b.ts", b"x", ZIP_DEFLATED)
    return written.getvalue()


async def test_entries_that_unpack_too_much_end_it(place: Place) -> None:
    binary = {f"{number}.ts": bytes(50_000) for number in range(7)}
    assert await refused(place, zipball(binary)) == "It is too large when unpacked."


async def test_entries_that_share_their_bytes_end_it(place: Place) -> None:
    assert await refused(place, repeated(20)) == "It lists the same bytes more than once."


async def test_other_ways_to_pack_are_left_out(place: Place) -> None:
    files, skipped = await imported(place, packed_otherwise())
    assert (files, skipped) == ({"b.ts": "x"}, {"special": 1})


async def test_too_many_files_end_it(place: Place) -> None:
    many: dict[str, bytes] = {f"{number}.ts": b"" for number in range(1_001)}
    assert await refused(place, zipball(many)) == "It has more than 1,000 files of text."
    del many["0.ts"]
    files, _ = await imported(place, zipball(many))
    assert len(files) == 1_000


async def test_too_much_text_ends_it(place: Place) -> None:
    much = {f"{number}.ts": b"x" * 45_000 for number in range(3)}
    assert await refused(place, zipball(much)) == "Its files have more than 120,000 bytes of text."


async def test_too_large_an_archive_ends_it(place: Place) -> None:
    place.github.archive = bytes(300_001)
    assert await place.failed() == "Its archive has more than 300,000 bytes."
    place.github.sizes = False
    found = await place.ended((await place.github_import())["id"])
    assert found["error"] == "Its archive has more than 300,000 bytes."


async def test_too_long_a_list_of_entries_ends_it(start_server: StartServer) -> None:
    many = {f"{number}{'x' * 200}.png": b"" for number in range(18_000)}
    async with importing(start_server) as place:
        assert await refused(place, zipball(many)) == "It has too many entries."


async def test_without_texts_there_is_nothing_to_take_over(place: Place) -> None:
    assert await refused(place, zipball({"a.png": b"\xff"})) == "It has no files of text."


@pytest.mark.parametrize(
    "archive",
    [b"", b"PK\x05\x06", zipball()[:-80], b"<html>" * 100, lying(1_000)],
    ids=["empty", "begun", "cut", "page", "lying"],
)
async def test_what_is_no_whole_archive_is_asked_for_again(place: Place, archive: bytes) -> None:
    place.github.archive = archive
    begun = await place.github_import()

    async def look() -> Any:
        sql = "SELECT 1 FROM project_import WHERE id = $1 AND tries = 1 AND status = 'PENDING'"
        return await place.server.sql(sql, begun["id"])

    await eventually(look)
    place.github.archive = zipball()
    assert (await place.ended(begun["id"], 30))["status"] == "COMPLETE"


async def test_another_commits_archive_is_not_taken(place: Place) -> None:
    place.github.archive = zipball().replace(COMMIT.encode(), b"0" * 40)
    begun = await place.github_import()
    waiting = await place.reached(begun["id"], lambda it: len(place.github.fetched) > 0)
    assert waiting["fragmentId"] is None
    place.github.archive = zipball()
    assert (await place.ended(begun["id"], 30))["status"] == "COMPLETE"
    assert len(place.github.fetched) == 2
