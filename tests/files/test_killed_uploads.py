"""kill -9 while bytes come, and between bytes and row: the upload goes on, and nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from aiohttp import ClientError, ClientSession

from tests.harness.eventually import eventually
from tests.harness.fleet import Fleet
from tests.harness.nursery import nursery
from tests.harness.processes import ask
from tests.harness.uploading import announce, complete, http, image, put, urls_of

DATA = image(size=(64, 64))
COMPLETE = "mutation($id: ID!) { completeUpload(input: {id: $id}) { file { id } } }"


@pytest.fixture
async def fleet(database: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with nursery(tmp_path) as made, ClientSession() as session:
        yield Fleet(made, database, session, {"data_dir": tmp_path / "data"})


def stored(folder: Path) -> list[Path]:
    """The files of the storage, the unfinished ones too."""
    return [path for path in (folder / "data" / "files").rglob("*") if path.is_file()]


async def half() -> AsyncIterator[bytes]:
    """The first bytes of an upload, and then nothing for long."""
    yield DATA[:20]
    await asyncio.sleep(60)


async def test_a_kill_while_bytes_come_leaves_an_upload_that_goes_on(
    fleet: Fleet, tmp_path: Path
) -> None:
    first = await fleet.start("serve", worker="false")
    ada = fleet.api("ada", first)
    upload = await announce(ada, DATA, "image/png")
    sending = asyncio.create_task(put(ada, upload, half()))
    await eventually(lambda: asyncio.to_thread(stored, tmp_path))
    await fleet.kill(first)
    with pytest.raises(ClientError):
        await sending
    second = await fleet.start("serve")
    ada = fleet.api("ada", second)
    assert await ada.code(COMPLETE, id=upload.id) == "CONFLICT", "half of it is not there"
    assert (await put(ada, upload, DATA)).status == 204
    assert (await complete(ada, upload))["state"] == "READY"
    await ada.do("deleteFile", "{ deletedFileId }", id=upload.id)
    await eventually(lambda: asyncio.to_thread(lambda: not stored(tmp_path)), 20)


async def test_a_kill_between_bytes_and_row(fleet: Fleet, database: str, tmp_path: Path) -> None:
    first = await fleet.start("serve", worker="false")
    ada = fleet.api("ada", first)
    upload = await announce(ada, DATA, "image/png")
    await put(ada, upload, DATA)
    connection = await asyncpg.connect(database)
    async with connection.transaction():
        await connection.execute("LOCK TABLE event_log IN EXCLUSIVE MODE")
        completing = asyncio.create_task(complete(ada, upload))
        await eventually(lambda: asyncio.to_thread(lambda: len(stored(tmp_path)) == 3))
        await fleet.kill(first)
        with pytest.raises(ClientError):
            await completing
    await connection.close()
    assert await ask(database, "SELECT state FROM stored_file") == "pending"
    second = await fleet.start("serve", worker="false")
    ada = fleet.api("ada", second)
    await complete(ada, upload)
    url = (await urls_of(ada, upload.id))["url"]
    assert (await http(ada, "GET", url)).body == DATA
    assert len(stored(tmp_path)) == 2
