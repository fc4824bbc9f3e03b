"""Files of Figma: what its API tells of them, and `.fig` files that were uploaded."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from aiohttp import web

from tests.builder.importing import IMPORT, Place, importing
from tests.harness.api import Refused, StartServer
from tests.harness.importable import TOKEN
from tests.harness.refusals import refusal
from tests.harness.uploading import announce, complete, http, put, send, urls_of

FIG = "application/x-figma"
KIWI = b"fig-kiwi\x0f\x00\x00\x00" + bytes(200)
ATTACHED = """query($id: ID!) { project(id: $id) { messages(first: 5) { nodes { role content
  fragment { id } attachments { type url fileName fileType size importId sourceMetadata
  import { id } } } } } }"""
METADATA = {
    "fileKey": "abcDEF123456",
    "name": "Shop",
    "version": "5519",
    "lastModified": "2026-05-01T10:00:00Z",
    "editorType": "figma",
    "thumbnailUrl": "https://s3-alpha.figma.example/thumbnails/one",
    "pages": ["Start", "Cart"],
    "components": ["Button"],
    "styles": ["Brand"],
}


def fig_archive(name: str = "canvas.fig") -> bytes:
    """A ZIP as Figma saves it."""
    written = io.BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as archive:
        archive.writestr("meta.json", b"{}")
        archive.writestr(name, KIWI)
    return written.getvalue()


@pytest.fixture
async def place(start_server: StartServer) -> AsyncIterator[Place]:
    async with importing(start_server) as made:
        yield made


async def attached(place: Place) -> Any:
    """The one message of the project."""
    found = await place.ada.run(ATTACHED, id=place.project)
    (message,) = found["project"]["messages"]["nodes"]
    return message


async def test_what_figma_tells_of_a_file_is_kept(place: Place) -> None:
    begun = await place.figma_import()
    found = await place.ended(begun["id"])
    assert (found["error"], found["source"]) == (None, "FIGMA")
    assert found == found | {
        "status": "COMPLETE",
        "sourceId": "abcDEF123456",
        "sourceName": "Shop",
        "sourceUrl": "https://www.figma.com/design/abcDEF123456",
        "metadata": METADATA,
        "fragmentId": None,
        "bytesTotal": found["bytesDone"],
    }
    message = await attached(place)
    assert message["content"] == (
        "Imported the Figma file Shop.\n\nPages: Start, Cart.\nComponents: Button."
    )
    assert message["fragment"] is None
    assert message["attachments"] == [
        {
            "type": "FIGMA_FILE",
            "url": "https://www.figma.com/design/abcDEF123456",
            "fileName": None,
            "fileType": None,
            "size": found["bytesDone"],
            "importId": begun["id"],
            "sourceMetadata": METADATA,
            "import": {"id": begun["id"]},
        }
    ]
    assert place.figma.seen == [("/v1/files/abcDEF123456?depth=2", f"Bearer {TOKEN}")]


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("https://www.figma.com/file/abcDEF123456/Shop?node-id=0-1", "abcDEF123456"),
        ("https://figma.com/design/abcDEF123456", "abcDEF123456"),
        ("https://evil.example/design/abcDEF123456", None),
        ("https://www.figma.com@evil.example/design/abcDEF123456", None),
        ("http://www.figma.com/design/abcDEF123456", None),
        ("https://www.figma.com/files/abcDEF123456", None),
        ("https://www.figma.com/design/../../v1/me", None),
        ("https://[::1/design/abcDEF123456", None),
        ("abcDEF123456/../me", None),
        ("", None),
        ("x" * 65, None),
    ],
)
async def test_an_address_at_figma_will_do(place: Place, file: str, key: str | None) -> None:
    given = {"projectId": place.project, "file": file}
    if key is None:
        assert await refusal(place.ada, "importFigmaFile", **given) == ("INVALID", "file")
    else:
        assert (await place.figma_import(file=file))["sourceId"] == key


NO_FILE = "There is no such file, or the connection may not read it."


@pytest.mark.parametrize(("status", "body"), [(404, {}), (403, {"err": "Forbidden"})])
async def test_what_figma_refuses_fails_and_leaves_the_connection(
    place: Place, status: int, body: Any
) -> None:
    place.figma.odd = web.json_response(body, status=status)
    found = await place.ended((await place.figma_import())["id"])
    assert (found["status"], found["error"], found["metadata"]) == ("FAILED", NO_FILE, None)
    place.figma.odd = None
    assert (await place.ended((await place.figma_import())["id"]))["status"] == "COMPLETE"


async def test_names_from_figma_are_bounded_and_can_be_shown(place: Place) -> None:
    odd = "a\0b\u202e\x7f" + "x" * 500
    pages = [{"name": f"Page {number}"} for number in range(300)]
    place.figma.file |= {"name": odd, "document": {"children": [*pages, None, 5, {"name": 7}]}}
    place.figma.file |= {"components": [], "styles": {"a": "b"}, "version": 9}
    found = await place.ended((await place.figma_import())["id"])
    assert found["error"] is None
    assert found["sourceName"] == "ab" + "x" * 195
    metadata = found["metadata"]
    assert (len(metadata["pages"]), metadata["components"], metadata["styles"]) == (200, [], [])


async def test_names_are_sought_among_so_many_things(place: Place) -> None:
    """A file of 16 MiB has 220,000 components: nobody goes through them all."""
    many: dict[str, Any] = {str(number): {"name": ""} for number in range(9_999)}
    place.figma.file["components"] = many | {"seen": {"name": "Last"}, "beyond": {"name": "Next"}}
    found = await place.ended((await place.figma_import())["id"])
    assert found["metadata"]["components"] == ["Last"]


async def test_five_a_minute(place: Place) -> None:
    for _ in range(5):
        await place.ended((await place.figma_import())["id"])
    given = {"projectId": place.project, "file": "abcDEF123456"}
    assert (await refusal(place.ada, "importFigmaFile", **given))[0] == "RATE_LIMITED"


# -- uploads ---------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [KIWI, fig_archive()], ids=["kiwi", "zip"])
async def test_an_uploaded_file_is_taken_over(place: Place, data: bytes) -> None:
    file = await send(place.ada, data, FIG, fileName="My shop.fig")
    given = {"projectId": place.project, "fileId": file["id"]}
    begun = (await place.ada.do("importFigmaUpload", IMPORT, **given))["import"]
    found = await place.ended(begun["id"])
    metadata = {"fileName": "My shop.fig", "size": len(data), "sha256": file["sha256"]}
    assert found == found | {
        "status": "COMPLETE",
        "source": "FIGMA",
        "sourceId": file["id"],
        "sourceName": "My shop.fig",
        "metadata": metadata,
        "error": None,
    }
    (attachment,) = (await attached(place))["attachments"]
    url = attachment.pop("url")
    assert attachment == {
        "type": "FIGMA_FILE",
        "fileName": "My shop.fig",
        "fileType": FIG,
        "size": len(data),
        "importId": begun["id"],
        "sourceMetadata": metadata,
        "import": {"id": begun["id"]},
    }
    answer = await http(place.ada, "GET", url)
    assert (answer.status, answer.body) == (200, data)
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert (await refusal(place.ada, "deleteFile", id=file["id"]))[0] == "CONFLICT"


@pytest.mark.parametrize(
    "data",
    [
        b"fig-jam.\x00" + bytes(99),
        b"%PDF-1.7 fig-kiwi",
        fig_archive("other.fig"),
        fig_archive("sub/canvas.fig"),
        b"PK\x03\x04 canvas.fig",
        b"\x00",
    ],
)
async def test_what_figma_did_not_save_is_refused(place: Place, data: bytes) -> None:
    upload = await announce(place.ada, data, FIG, fileName="a.fig")
    assert (await put(place.ada, upload, data)).status == 204
    with pytest.raises(Refused) as refused:
        await complete(place.ada, upload)
    assert refused.value.code == "INVALID"
    assert (await urls_of(place.ada, upload.id))["url"] is None


async def test_only_fig_files_of_50_mb_and_with_plain_names(place: Place) -> None:
    given = {"contentType": FIG, "size": 5}
    for name in ("a.png", "fig", "a.fig.exe"):
        found = await refusal(place.ada, "createUpload", fileName=name, **given)
        assert found == ("INVALID", "fileName"), name
    for name in ("../a.fig", "a/b.fig", "a\\b.fig", "a\0.fig"):
        found = await refusal(place.ada, "createUpload", fileName=name, **given)
        assert found[0] == "INVALID", name
    other = {"fileName": "a.fig", "contentType": "image/png", "size": 5}
    assert await refusal(place.ada, "createUpload", **other) == ("INVALID", "fileName")
    most = 50 << 20
    large = {"fileName": "A.FIG", "contentType": FIG}
    assert await refusal(place.ada, "createUpload", **large, size=most + 1) == ("INVALID", "size")
    assert await place.ada.do("createUpload", "{ file { id } }", **large, size=most)
    text = {"fileName": "a.txt", "contentType": "text/plain", "size": (10 << 20) + 1}
    assert await refusal(place.ada, "createUpload", **text) == ("INVALID", "size")


async def test_five_fig_uploads_a_minute(place: Place) -> None:
    given = {"fileName": "a.fig", "contentType": FIG, "size": 5}
    for _ in range(5):
        await place.ada.do("createUpload", "{ file { id } }", **given)
    assert (await refusal(place.ada, "createUpload", **given))[0] == "RATE_LIMITED"
    other = {"fileName": "a.txt", "contentType": "text/plain", "size": 5}
    await place.ada.do("createUpload", "{ file { id } }", **other)


async def test_an_upload_must_be_ones_own_whole_and_a_fig_file(place: Place) -> None:
    text = await send(place.ada, b"Hello", "text/plain")
    begun = await announce(place.ada, KIWI, FIG, fileName="a.fig")
    eve = place.server.user("eve")
    hers = await send(eve, KIWI, FIG, fileName="a.fig")
    for id, code in ((text["id"], "INVALID"), (begun.id, "CONFLICT"), (hers["id"], "NOT_FOUND")):
        given = {"projectId": place.project, "fileId": id}
        assert await refusal(place.ada, "importFigmaUpload", **given) == (code, "fileId")
