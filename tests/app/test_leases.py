"""Answers outlive the workers that began them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

from models.chat import chunks
from models.chat.chunks import Window
from models.chat.leases import FAILED_TEXT, Lease, claim_generations, reap_generations
from tests.harness.answers import MESSAGE, STREAM, ask, ended, failed_with, generation
from tests.harness.api import Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.verbs import actor_of


async def claimed_by_the_dead(server: Server, lease: timedelta) -> Lease:
    """What a worker leaves that took the only waiting generation and is never heard of again."""
    (one,) = await claim_generations(actor_of(server, None), "dead:1", 1, 3, lease)
    return one


async def test_a_dead_workers_answer_is_taken_over(start_server: StartServer) -> None:
    front = await start_server(worker=False)
    ada = front.user()
    id = await ask(ada, "[[echo:all of it]]")
    lease = await claimed_by_the_dead(front, timedelta(seconds=0.4))
    window = Window(lease.generation_id, id, lease.epoch, 0, 0, "text", "half of ")
    async with front.services.database.connection() as connection:
        assert await chunks.append(connection, [window])
    async with ada.listen(STREAM, id=id) as events:
        assert (await events.next())["text"] == "half of "
        await start_server(lease=0.6)
        async with asyncio.timeout(5):
            told = [event async for event in events]
    assert [event["reset"] for event in told] == [True] + [False] * (len(told) - 1)
    end = await ended(ada, id)
    assert end["content"] == "all of it" == "".join(event["text"] for event in told)
    row = await generation(front, id)
    assert (row["epoch"], row["tries"], row["outcome"]) == (2, 2, "SUCCEEDED")
    async with front.services.database.connection() as connection:
        assert not await chunks.append(connection, [window]), "the dead one wakes, too late"


async def test_a_live_worker_stops_when_its_lease_ended(start_server: StartServer) -> None:
    server = await start_server(lease=0.6)
    ada = server.user()
    id = await ask(ada, "x", model="mock:endless")

    async def epoch() -> int:
        return (await generation(server, id))["epoch"]

    await eventually(lambda: is_at(epoch, 1))
    await server.sql(
        "UPDATE generation SET lease_until = now() - interval '1 s', worker = 'other:1' "
        "WHERE message_id = $1",
        id,
    )
    await eventually(lambda: is_at(epoch, 2))
    await asyncio.sleep(0.3)
    assert await server.sql("SELECT DISTINCT epoch FROM message_chunk") == [{"epoch": 2}]
    job = (await generation(server, id))["id"]
    async with server.services.database.connection() as connection:
        late = Window(job, id, 1, 0, 1 << 20, "text", "of the first try")
        assert not await chunks.append(connection, [late]), "though the second is being written"
    await ada.do("stopMessage", "{ message { id } }", id=id)
    stored = await server.sql("SELECT content_epoch FROM message WHERE id = $1", id)
    assert stored == [{"content_epoch": 2}]


async def is_at(look: Any, value: int) -> bool:
    """Whether it is that far."""
    return await look() >= value


async def test_an_answer_that_kills_three_workers_fails(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock)
    ada = server.user()
    id = await ask(ada, "x")
    for life in (1, 2, 3):
        lease = await claimed_by_the_dead(server, timedelta(seconds=30))
        assert (lease.epoch, lease.tries) == (life, life)
        clock.advance(seconds=30)
        assert await reap_generations(actor_of(server, None)) == 0, "it lives to the end of it"
        clock.advance(seconds=0.001)
        assert await reap_generations(actor_of(server, None)) == 1
    await failed_with(ada, id, FAILED_TEXT)


async def test_handing_back_is_no_try(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada = server.user()
    id = await ask(ada, "x", model="mock:endless")
    for life in (1, 2, 3, 4):
        working = asyncio.create_task(server.services.worker.run())

        async def runs() -> bool:
            return (await generation(server, id))["state"] == "RUNNING"

        await eventually(runs)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        row = await generation(server, id)
        assert (row["state"], row["worker"], row["epoch"], row["tries"]) == (
            "QUEUED",
            None,
            life,
            0,
        )
    assert (await ada.run(MESSAGE, id=id))["message"]["status"] == "PENDING"
