"""Who leaves an answer leaves no connection behind."""

import asyncio
import gc
import time
from contextlib import aclosing

import pytest

from models.providing import Delta, Finish
from tests.app.openai_endpoint import HELLO, Reply, collect, endpoint, provider


@pytest.mark.parametrize("midway", [True, False])
async def test_cancelling_closes_the_connection_at_once(midway: bool) -> None:
    asked = asyncio.Event()

    async def play(reply: Reply) -> None:
        if midway:
            await reply.chunk({"content": "half"})
        asked.set()
        await asyncio.sleep(30)

    found: list[Delta | Finish] = []
    async with endpoint(play) as server, provider(server.url) as source:
        task = asyncio.create_task(collect(source, into=found))
        await asyncio.wait_for(asked.wait(), 5)
        while midway and not found:
            await asyncio.sleep(0.01)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.closed.wait(), 2)
        assert time.monotonic() - began < 2, "the answer would have taken 30"


async def test_a_reader_that_leaves_closes_the_connection_too() -> None:
    async def play(reply: Reply) -> None:
        while True:
            await reply.chunk({"content": "more "})
            await asyncio.sleep(0.01)

    async with endpoint(play) as server, provider(server.url) as source:
        async with aclosing(source.stream(HELLO)) as stream:
            assert await anext(stream) == Delta("more ")
        await asyncio.wait_for(server.closed.wait(), 2)
    gc.collect()  # what is left open would warn, and so fail, here
