"""Attached files: uploads that messages show, kept as long as one does."""

from __future__ import annotations

from typing import Any

import pytest

from models.chat.deletion import work_off_deletion
from models.files.stored_files import STAGED_FOR
from models.files.sweeping import sweep_files
from tests.harness.api import Api, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.orgs import found as found_org
from tests.harness.orgs import join
from tests.harness.refusals import refusal, unchanged
from tests.harness.uploading import announce, http, image, send

ATTACHED = """{ attachments {
  type fileName fileType size width height storedFileId url thumbnailUrl sourceMetadata
} }"""
READ = f"query($id: ID!) {{ message(id: $id) {ATTACHED} }}"
START = f"{{ conversation {{ id }} message {{ id {ATTACHED[1:-1]} }} reply {{ id }} }}"
SENT = f"{{ message {{ id {ATTACHED[1:-1]} }} }}"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def server(start_server: StartServer, clock: FakeClock) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False, clock=clock)


async def start(api: Api, *files: str, **more: Any) -> Any:
    """Start a conversation with files attached to its message."""
    attachments = [{"fileId": file} for file in files]
    return await api.do("startConversation", START, content="See", attachments=attachments, **more)


async def settle(server: Server) -> None:
    """Do everything that is due: deletions, then the files."""
    actor = server.services.actor
    while await work_off_deletion(actor):
        pass
    while await sweep_files(actor, server.services.storage):
        pass


async def files_of(server: Server) -> list[str]:
    """The files that there are."""
    return [row["id"] for row in await server.sql("SELECT id FROM stored_file ORDER BY id")]


async def test_an_upload_says_what_it_is(server: Server) -> None:
    ada = server.user()
    picture = await send(ada, image(size=(8, 6)), "image/png", fileName="a.png")
    text = await send(ada, b"Quinces", "text/plain", fileName="a.txt")
    begun = await start(ada, picture["id"], text["id"])
    first, second = begun["message"]["attachments"]
    addresses = first.pop("url"), first.pop("thumbnailUrl"), second.pop("url")
    assert first == {
        "type": "IMAGE", "fileName": "a.png", "fileType": "image/png", "size": picture["size"],
        "width": 8, "height": 6, "storedFileId": picture["id"], "sourceMetadata": None,
    }  # fmt: skip
    assert second == {
        "type": "FILE", "fileName": "a.txt", "fileType": "text/plain", "size": 7,
        "width": None, "height": None, "storedFileId": text["id"], "thumbnailUrl": None,
        "sourceMetadata": None,
    }  # fmt: skip
    kinds = [(await http(ada, "GET", url)).headers["Content-Type"] for url in addresses]
    assert [kind.split(";")[0] for kind in kinds] == ["image/png", "image/webp", "text/plain"]


async def test_every_way_of_attaching_takes_an_upload(server: Server) -> None:
    ada = server.user()
    file = (await send(ada, b"Quinces", "text/plain"))["id"]
    begun = await start(ada)
    made = await ada.do(
        "addAttachment",
        "{ attachment { storedFileId url size } }",
        messageId=begun["message"]["id"],
        fileId=file,
    )
    assert (made["attachment"]["storedFileId"], made["attachment"]["size"]) == (file, 7)
    to = {"conversationId": begun["conversation"]["id"]}
    own = [{"fileId": file, "sourceMetadata": {"page": 2}}, {"url": "https://x.example", "size": 1}]
    sent = await ada.do("sendMessage", SENT, to=to, content="More", attachments=own, supersede=True)
    found = sent["message"]["attachments"]
    assert [one["storedFileId"] for one in found] == [file, None]
    assert [one["sourceMetadata"] for one in found] == [{"page": 2}, None]
    assert found[1]["url"] == "https://x.example"


async def test_only_what_can_be_had_is_attached(server: Server) -> None:
    ada, eve = server.user("ada"), server.user("eve")
    begun = await start(ada)
    message = begun["message"]["id"]
    hers = (await send(eve, b"Quinces", "text/plain"))["id"]
    mine = (await send(ada, b"Quinces", "text/plain"))["id"]
    avatar = (await send(ada, image(), "image/png", purpose="AVATAR"))["id"]
    pending = (await announce(ada, b"Quinces", "text/plain")).id
    gone = (await send(ada, b"Quinces", "text/plain"))["id"]
    await ada.do("deleteFile", "{ deletedFileId }", id=gone)
    cases = [
        ({"fileId": hers}, ("NOT_FOUND", "fileId")),
        ({"fileId": avatar}, ("NOT_FOUND", "fileId")),
        ({"fileId": gone}, ("NOT_FOUND", "fileId")),
        ({"fileId": message}, ("NOT_FOUND", "fileId")),
        ({"fileId": pending}, ("CONFLICT", "fileId")),
        ({}, ("INVALID", "url")),
        ({"fileId": mine, "url": "https://x.example", "size": 1}, ("INVALID", "fileId")),
        ({"fileId": mine, "size": 8}, ("INVALID", "size")),
        ({"fileId": mine, "fileName": "b.txt"}, ("INVALID", "fileName")),
        ({"url": "https://x.example"}, ("INVALID", "size")),
    ]
    async with unchanged(server):
        for values, wanted in cases:
            assert await refusal(ada, "addAttachment", messageId=message, **values) == wanted
            code, field = wanted
            sent = {"content": "See", "attachments": [values]}
            found = await refusal(ada, "startConversation", **sent)
            assert found == (code, f"attachments.0.{field}"), values


async def test_a_file_stays_while_a_message_shows_it(server: Server, clock: FakeClock) -> None:
    ada = server.user()
    file = (await send(ada, b"Quinces", "text/plain"))["id"]
    unused = (await send(ada, b"Medlars", "text/plain"))["id"]
    begun = await start(ada, file)
    assert await refusal(ada, "deleteFile", id=file) == ("CONFLICT", "id")
    assert unused in await files_of(server)
    clock.advance(seconds=STAGED_FOR.total_seconds() + 1)
    await settle(server)
    assert await files_of(server) == [file]
    found = (await ada.run(READ, id=begun["message"]["id"]))["message"]["attachments"]
    assert (await http(ada, "GET", found[0]["url"])).body == b"Quinces"


async def test_copies_keep_the_bytes_and_the_last_one_takes_them_along(
    server: Server, clock: FakeClock
) -> None:
    ada = server.user()
    file = (await send(ada, b"Quinces", "text/plain"))["id"]
    begun = await start(ada, file)
    message, conversation = begun["message"]["id"], begun["conversation"]["id"]
    edited = await ada.do("editMessage", SENT, id=message, content="Look", supersede=True)
    assert [one["storedFileId"] for one in edited["message"]["attachments"]] == [file]
    fork = await ada.do(
        "forkConversation", "{ conversation { id } }", messageId=edited["message"]["id"]
    )
    await ada.do("deleteMessage", "{ deletedMessageId }", id=message)
    await ada.do("deleteConversation", "{ deletedConversationId }", id=conversation)
    clock.advance(days=31)
    await settle(server)
    assert await files_of(server) == [file], "the fork shows it"
    assert await server.sql("SELECT count(*) AS n FROM attachment") == [{"n": 1}]
    last = fork["conversation"]["id"]
    await server.user().do("deleteConversation", "{ deletedConversationId }", id=last)
    clock.advance(days=31)
    await settle(server)
    assert await files_of(server) == []


async def test_a_deleted_app_lets_go_of_its_files(server: Server, clock: FakeClock) -> None:
    ada = server.user()
    file = (await send(ada, b"Quinces", "text/plain"))["id"]
    made = await ada.do(
        "createProjectWithMessage",
        "{ project { id } }",
        content="An app",
        attachments=[{"fileId": file}],
    )
    await ada.do("deleteProject", "{ deletedProjectId }", id=made["project"]["id"])
    clock.advance(days=31)
    await settle(server)
    assert await files_of(server) == []


async def test_an_erased_user_takes_their_files_along(server: Server, clock: FakeClock) -> None:
    ada = server.user()
    await start(ada, (await send(ada, b"Quinces", "text/plain"))["id"])
    await ada.do("deleteMe", "{ deletedUserId }")
    clock.advance(seconds=1)
    await settle(server)
    assert await files_of(server) == []


async def test_a_member_attaches_their_file_to_what_is_an_organisations(server: Server) -> None:
    ada, bob = server.user("ada"), server.user("bob")
    org = await found_org(ada)
    await join(server, ada, org, bob, "EDITOR")
    file = (await send(ada, b"Quinces", "text/plain"))["id"]
    begun = await start(ada, file, orgId=org)
    message = begun["message"]["id"]
    (shown,) = (await bob.run(READ, id=message))["message"]["attachments"]
    assert (await http(bob, "GET", shown["url"])).body == b"Quinces"
    edited = await bob.do("editMessage", SENT, id=message, content="Look", supersede=True)
    assert [one["storedFileId"] for one in edited["message"]["attachments"]] == [file]
    assert await refusal(bob, "addAttachment", messageId=message, fileId=file) == (
        "NOT_FOUND", "fileId",
    )  # fmt: skip


async def test_what_is_an_organisations_goes_to_no_other(server: Server) -> None:
    ada = server.user()
    org, other = await found_org(ada), await found_org(ada, "Meadow")
    file = (await send(ada, b"Quinces", "text/plain"))["id"]
    await server.sql("UPDATE stored_file SET owner_id = $2 WHERE id = $1", file, org)
    given = {"content": "See", "attachments": [{"fileId": file}]}
    refused = ("NOT_FOUND", "attachments.0.fileId")
    assert await refusal(ada, "startConversation", **given) == refused
    assert await refusal(ada, "startConversation", orgId=other, **given) == refused
    begun = await start(ada, file, orgId=org)
    assert begun["message"]["attachments"][0]["storedFileId"] == file
