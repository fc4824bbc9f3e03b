"""Files that nobody wants go: their row is given up first, then the bytes, then the row."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from models.errors import Unavailable
from models.files.stored_files import StoredFile
from models.files.sweeping import sweep_files
from models.transaction import Transaction
from models.verbs import verb
from tests.harness.api import Api, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.uploading import announce, complete, image, put, send
from tests.harness.verbs import actor_of


@dataclass
class Watched:
    """A storage that tells what the database knows when bytes are to go, and may refuse."""

    server: Server
    refuses: bool = False
    directly: bool = False
    seen: list[Any] = field(default_factory=list)

    async def remove(self, key: str) -> None:
        query = "SELECT deleted_at IS NOT NULL AS gone FROM stored_file WHERE storage_key = $1"
        self.seen += await self.server.sql(query, key)
        if self.refuses:
            raise Unavailable("Not now.")
        await self.server.services.storage.remove(key)

    async def remove_upload(self, key: str) -> None:
        await self.server.services.storage.remove_upload(key)


async def sweep(server: Server, files: Any = None) -> bool:
    """One round of what a worker does."""
    return await sweep_files(actor_of(server, None), files or server.services.storage)


def stored(folder: Path) -> list[str]:
    """The names of the objects in the storage."""
    return sorted(path.name for path in (folder / "data" / "files").rglob("*") if path.is_file())


async def rows(server: Server) -> list[str]:
    return [row["id"] for row in await server.sql("SELECT id FROM stored_file ORDER BY id")]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def still(start_server: StartServer, clock: FakeClock) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(clock=clock, worker=False)


async def test_an_abandoned_upload_goes(still: Server, clock: FakeClock, tmp_path: Path) -> None:
    ada = still.user()
    await announce(ada, b"abc", "text/plain")
    sent = await announce(ada, b"abc", "text/plain")
    await put(ada, sent, b"abc")
    clock.advance(minutes=74)
    assert await sweep(still) is False
    assert len(await rows(still)) == 2
    clock.advance(minutes=2)
    assert await sweep(still) is True
    assert (await rows(still), stored(tmp_path)) == ([], [])
    complete = "mutation($id: ID!) { completeUpload(input: {id: $id}) { file { id } } }"
    assert await ada.code(complete, id=sent.id) == "NOT_FOUND"


async def test_an_upload_ends_before_it_is_swept(still: Server, clock: FakeClock) -> None:
    ada = still.user()
    upload = await announce(ada, b"abc", "text/plain")
    await put(ada, upload, b"abc")
    clock.advance(minutes=61)
    complete = "mutation($id: ID!) { completeUpload(input: {id: $id}) { file { id } } }"
    assert await ada.code(complete, id=upload.id) == "CONFLICT"


async def test_a_file_that_nothing_refers_to_goes_after_a_day(
    still: Server, clock: FakeClock, tmp_path: Path
) -> None:
    ada = still.user()
    await send(ada, image(), "image/png")
    clock.advance(hours=23)
    await sweep(still)
    assert [name.partition(".")[2] for name in stored(tmp_path)] == ["file", "thumbnail"]
    clock.advance(hours=2)
    await sweep(still)
    assert (await rows(still), stored(tmp_path)) == ([], [])


async def test_what_something_refers_to_stays_but_for_what_was_sent_again(
    still: Server, clock: FakeClock, tmp_path: Path
) -> None:
    ada = still.user()
    file = await send(ada, image(), "image/png", purpose="AVATAR")
    await ada.do("setAvatar", "{ user { id } }", fileId=file["id"])
    (row,) = await still.sql("SELECT storage_key FROM stored_file")
    late = tmp_path / "data" / "files" / row["storage_key"] / "upload"
    late.write_bytes(b"sent to a bucket after the end")
    clock.advance(days=2)
    assert await sweep(still) is True
    assert stored(tmp_path) == [f"{file['sha256']}.file"]
    assert await sweep(still) is False
    query = "mutation($id: ID!) { deleteFile(input: {id: $id}) { deletedFileId } }"
    assert await still.user().code(query, id=file["id"]) == "CONFLICT"


async def test_bytes_go_after_the_commit_and_again_if_that_fails(
    still: Server, clock: FakeClock, tmp_path: Path
) -> None:
    ada = still.user()
    file = await send(ada, b"abc", "text/plain")
    await ada.do("deleteFile", "{ deletedFileId }", id=file["id"])
    watched = Watched(still, refuses=True)
    with pytest.raises(Unavailable):
        await sweep(still, watched)
    assert watched.seen == [{"gone": True}]
    assert (await rows(still), len(stored(tmp_path))) == ([file["id"]], 1)
    assert await sweep(still) is False, "another worker leaves it alone for a while"
    clock.advance(minutes=11)
    assert await sweep(still) is True
    assert (await rows(still), stored(tmp_path)) == ([], [])


@verb.needing(None)
async def _remove_and_fail(tx: Transaction, id: str) -> None:
    row = await tx.lock(StoredFile, id)
    assert row is not None
    await row.change(deleted_at=tx.now, due_at=tx.now)
    raise ZeroDivisionError


async def test_a_deletion_that_rolls_back_removes_no_bytes(still: Server, tmp_path: Path) -> None:
    ada = still.user()
    file = await send(ada, b"abc", "text/plain")
    with pytest.raises(ZeroDivisionError):
        await _remove_and_fail(actor_of(still, None), file["id"])
    assert await sweep(still) is False
    assert len(stored(tmp_path)) == 1


async def test_several_workers_sweep_each_file_once(still: Server) -> None:
    ada = still.user()
    for _ in range(12):
        file = await send(ada, b"abc", "text/plain")
        await ada.do("deleteFile", "{ deletedFileId }", id=file["id"])
    watched = Watched(still)
    await asyncio.gather(*(sweep(still, watched) for _ in range(4)))
    assert len(watched.seen) == 12
    assert await rows(still) == []


async def test_a_worker_sweeps_by_itself_and_empties_erased_users(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = await start_server()
    ada, eve = server.user("ada"), server.user("eve")
    for api in (ada, eve):
        await send(api, b"abc", "text/plain")
        await announce(api, b"abc", "text/plain")
        avatar = await send(api, image(), "image/png", purpose="AVATAR")
        await api.do("setAvatar", "{ user { id } }", fileId=avatar["id"])
    await ada.do("deleteMe", "{ deletedUserId }")
    left = "SELECT 1 AS yes WHERE (SELECT count(*) FROM stored_file) = 3"
    await eventually(lambda: server.sql(left), 30)
    await eventually(lambda: asyncio.to_thread(lambda: len(stored(tmp_path)) == 2))


async def test_a_guests_files_come_along(still: Server) -> None:
    made = await still.nobody().do("createGuest", "{ token }")
    guest, ada = Api(still.session, still.url, made["token"]), still.user()
    upload = await announce(guest, b"abc", "text/plain")
    await put(guest, upload, b"abc")
    await ada.do("claimGuest", "{ user { id } }", token=made["token"])
    assert (await complete(ada, upload))["state"] == "READY"
