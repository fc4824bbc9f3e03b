"""Attachments: by http or https only, with sizes that make sense, on one's own user messages."""

from __future__ import annotations

import pytest

from tests.harness.api import Server, StartServer
from tests.harness.mutations import Scene
from tests.harness.refusals import refusal, unchanged
from tests.harness.verbs import id_of

IMAGE = {"url": "https://files.example/a.png", "size": 9}
BAD_URLS = [
    "",
    "a.png",
    "//files.example/a.png",
    "ftp://files.example/a.png",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "data:image/png;base64,AAAA",
    "https://",
    "https:///a.png",
    "https://user:secret@files.example/a.png",
    "https://files.example@evil.example/a.png",
    "https://files.example/a b.png",
    "https://files.example/a\n.png",
    "https://[::1/a.png",
    "https://files.example/" + "a" * 2_000,
]
BAD_VALUES: list[tuple[str, object]] = [
    ("size", -1), ("size", 2**31), ("size", 1.5), ("size", None),
    ("width", 0), ("width", -5), ("width", 100_001), ("height", 0), ("height", 100_001),
    ("fileName", "x" * 256), ("fileName", ""), ("fileType", "x" * 128), ("type", "VIDEO"),
]  # fmt: skip
READ = "query($id: ID!) { message(id: $id) { attachments { url } } }"


@pytest.fixture
async def scene(start_server: StartServer) -> Scene:
    """A user on a server on which nothing happens by itself."""
    server = await start_server(worker=False)
    return Scene(server, server.user())


async def test_an_attachment_is_an_image_unless_said(scene: Scene) -> None:
    """createWithAttachments: default type IMAGE."""
    message = await scene.message()
    made = await scene.caller.do(
        "addAttachment",
        "{ attachment { type url size width height fileName fileType sourceMetadata userId "
        "message { id } } }",
        messageId=message,
        url="http://files.example:8080/a.png?x=1#y",
        size=0,
    )
    assert made["attachment"] == {
        "type": "IMAGE", "url": "http://files.example:8080/a.png?x=1#y", "size": 0,
        "width": None, "height": None, "fileName": None, "fileType": None,
        "sourceMetadata": None, "userId": await id_of(scene.caller), "message": {"id": message},
    }  # fmt: skip


async def test_other_urls_are_refused(scene: Scene) -> None:
    """Hole 12: attachment URLs are arbitrary (SSRF, tracking)."""
    message = await scene.message()
    async with unchanged(scene.server):
        for url in BAD_URLS:
            found = await refusal(scene.caller, "addAttachment", messageId=message, url=url, size=1)
            assert found == ("INVALID", "url"), url


async def test_sizes_that_make_no_sense_are_refused(scene: Scene) -> None:
    message = await scene.message()
    async with unchanged(scene.server):
        for field, value in BAD_VALUES:
            given = {"messageId": message, **IMAGE, field: value}
            code, named = await refusal(scene.caller, "addAttachment", **given)
            assert (code, named in (field, None)) == ("INVALID", True), (field, value)


async def test_a_message_takes_twenty(scene: Scene) -> None:
    message = await scene.message()
    for number in range(20):
        await scene.caller.do(
            "addAttachment", "{ __typename }", messageId=message, size=1,
            url=f"https://files.example/{number}.png",
        )  # fmt: skip
    async with unchanged(scene.server):
        found = await refusal(scene.caller, "addAttachment", messageId=message, **IMAGE)
        assert found == ("INVALID", "messageId")
    listed = (await scene.caller.run(READ, id=message))["message"]["attachments"]
    assert [one["url"] for one in listed] == [
        f"https://files.example/{number}.png" for number in range(20)
    ], "oldest first"


async def test_only_ones_own_user_messages_take_attachments(scene: Scene) -> None:
    """Hole 11: addAttachment accepts a foreign messageId."""
    message, reply = await scene.message(), await scene.reply()
    eve = scene.server.user("eve")
    await id_of(eve)
    async with unchanged(scene.server):
        code, _ = await refusal(scene.caller, "addAttachment", messageId=reply, **IMAGE)
        assert code == "CONFLICT"
        for one in (message, reply):
            found = await refusal(eve, "addAttachment", messageId=one, **IMAGE)
            assert found == ("NOT_FOUND", "messageId")
        project = await scene.server.sql("SELECT id FROM project LIMIT 1")
        found = await refusal(scene.caller, "addAttachment", messageId=project[0]["id"], **IMAGE)
        assert found == ("NOT_FOUND", "messageId")


async def test_attachments_are_sent_with_their_message(server: Server) -> None:
    ada = server.user()
    made = await ada.do(
        "createProjectWithMessage",
        "{ message { attachments { url type fileName width } } }",
        content="Look",
        attachments=[
            {**IMAGE, "width": 3},
            {"url": "https://x.example/r", "size": 0, "type": "GITHUB_REPO", "fileName": "r"},
        ],
    )
    assert made["message"]["attachments"] == [
        {"url": IMAGE["url"], "type": "IMAGE", "fileName": None, "width": 3},
        {"url": "https://x.example/r", "type": "GITHUB_REPO", "fileName": "r", "width": None},
    ]


METADATA: list[object] = [
    "text",
    '"',
    "",
    0,
    -1.5,
    2**53,
    True,
    [],
    {},
    [None, "Größe 🌱", {"b": 1, "a": [False]}],
]


@pytest.mark.parametrize("value", METADATA)
async def test_json_comes_back_as_it_went_in(scene: Scene, value: object) -> None:
    """The write tells of what it was given, the reading of what PostgreSQL holds."""
    message, metadata = await scene.message(), {"sourceMetadata": value}
    added = await scene.caller.do(
        "addAttachment",
        "{ attachment { sourceMetadata } }",
        messageId=message,
        **IMAGE,
        **metadata,
    )
    assert added["attachment"] == metadata
    read = "query($id: ID!) { message(id: $id) { attachments { sourceMetadata } } }"
    assert (await scene.caller.run(read, id=message))["message"]["attachments"] == [metadata]
