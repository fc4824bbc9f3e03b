"""Files in a bucket: clients send straight to it, and what it holds is looked at all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from models.files.sweeping import sweep_files
from tests.harness.api import Refused, Server, StartServer
from tests.harness.bucket import Bucket, bucket_running
from tests.harness.clock import FakeClock
from tests.harness.uploading import announce, complete, http, image, put, urls_of
from tests.harness.verbs import actor_of


@pytest.fixture
async def bucket() -> AsyncIterator[Bucket]:
    async with bucket_running() as running:
        yield running


@pytest.fixture
async def server(start_server: StartServer, bucket: Bucket) -> Server:
    """A server that keeps files in the bucket."""
    return await start_server(worker=False, **bucket.settings)


async def test_bytes_go_to_the_bucket_and_come_from_us(server: Server, bucket: Bucket) -> None:
    ada, data = server.user(), image(size=(900, 700))
    upload = await announce(ada, data, "image/png")
    assert upload.url.startswith(f"{bucket.url}/punnet/files/")
    for sent in (b"something else", data):
        assert (await put(ada, upload, sent)).status == 200
    (row,) = await server.sql("SELECT storage_key FROM stored_file")
    assert list(bucket.objects) == [f"files/{row['storage_key']}/upload"]
    file = await complete(ada, upload)
    folder = f"files/{row['storage_key']}/{file['sha256']}"
    assert set(bucket.objects) == {f"{folder}.file", f"{folder}.thumbnail"}
    urls = await urls_of(ada, upload.id)
    assert urls["url"].startswith("/files/"), "with our headers"
    assert (await http(ada, "GET", urls["url"])).body == data
    part = await http(ada, "GET", urls["url"], headers={"Range": "bytes=10-19"})
    assert (part.status, part.body) == (206, data[10:20])
    assert (await http(ada, "GET", urls["thumbnailUrl"])).status == 200


async def test_the_buckets_address_is_for_one_object(server: Server, bucket: Bucket) -> None:
    ada = server.user()
    upload = await announce(ada, b"abc", "text/plain")
    for url in (upload.url.replace("/upload?", "/other?"), upload.url[:-1] + "0z"):
        assert (await http(ada, "PUT", url, data=b"abc")).status == 403
    assert (await http(ada, "GET", upload.url)).status == 403
    assert bucket.objects == {}


async def test_what_is_sent_later_changes_nothing_and_goes(
    start_server: StartServer, bucket: Bucket
) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock, **bucket.settings)
    ada = server.user()
    upload = await announce(ada, b"abc", "text/plain")
    await put(ada, upload, b"abc")
    await complete(ada, upload)
    assert (await put(ada, upload, b"xyz")).status == 200, "the address holds for its hour"
    url = (await urls_of(ada, upload.id))["url"]
    assert (await http(ada, "GET", url)).body == b"abc"
    await ada.do("deleteFile", "{ deletedFileId }", id=upload.id)
    actor, storage = actor_of(server, None), server.services.storage
    await sweep_files(actor, storage)
    assert bucket.objects == {}
    assert (await put(ada, upload, b"xyz")).status == 200, "still"
    clock.advance(minutes=76)
    await sweep_files(actor, storage)
    assert bucket.objects == {}
    assert await server.sql("SELECT id FROM stored_file") == []


@pytest.mark.parametrize("size", [2, 5 << 20])
async def test_another_size_than_announced_is_refused(
    server: Server, bucket: Bucket, size: int
) -> None:
    ada = server.user()
    upload = await announce(ada, b"abc", "text/plain")
    assert (await put(ada, upload, b"a" * size)).status == 200, "the bucket can't know"
    with pytest.raises(Refused) as refused:
        await complete(ada, upload)
    assert refused.value.code == "INVALID"


async def test_a_bucket_that_refuses_is_told_by_a_code(server: Server, bucket: Bucket) -> None:
    ada = server.user()
    file = await send_to(server)
    url = (await urls_of(ada, file))["url"]
    upload = await announce(ada, b"abc", "text/plain")
    bucket.down = True
    with pytest.raises(Refused) as refused:
        await complete(ada, upload)
    assert refused.value.code == "UNAVAILABLE"
    answer = await http(ada, "GET", url)
    assert (answer.status, b"UNAVAILABLE" in answer.body) == (503, True)
    assert bucket.url.encode() not in answer.body


async def send_to(server: Server) -> str:
    """The id of a complete file."""
    ada = server.user()
    upload = await announce(ada, b"abc", "text/plain")
    await put(ada, upload, b"abc")
    return (await complete(ada, upload))["id"]
