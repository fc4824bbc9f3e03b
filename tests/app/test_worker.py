"""The worker: who may be answered at once, what happens to tries that fail, and to dead workers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.chat import chunks
from models.chat.chunks import Window
from models.chat.generations import (
    FAILED_TEXT,
    Lease,
    claim_generations,
    reap_generations,
)
from models.chat.projects import Framework
from models.chat.sending import Draft, Target, create_project_with_message, send_message
from models.errors import DomainError, RateLimited
from models.ports import AdmissionRequest
from models.transaction import Transaction
from tests.harness.api import Api, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.verbs import actor_of, all_rows, id_of

STREAM = """subscription($id: ID!, $after: String) {
  messageStreamed(messageId: $id, after: $after) { part kind text cursor reset } }"""
CHANGED = """subscription($of: MessageTarget!) {
  messageChanged(of: $of) { node { id status content } cursor } }"""
MESSAGE = """query($id: ID!) {
  message(id: $id) { type status outcome content error } }"""
FAILED = {"type": "ERROR", "status": "COMPLETE", "outcome": "FAILED"}


async def ask(user: Api, content: str, **options: Any) -> str:
    """Send a message in a project of its own; the id of what answers it."""
    made = await user.do("createProjectWithMessage", "{ reply { id } }", content=content, **options)
    return made["reply"]["id"]


async def ended(user: Api, id: str, seconds: float = 10.0) -> dict[str, Any]:
    """The message once it is COMPLETE."""

    async def look() -> Any:
        found = (await user.run(MESSAGE, id=id))["message"]
        return found if found["status"] == "COMPLETE" else None

    return await eventually(look, seconds)


async def generation(server: Server, message_id: str) -> dict[str, Any]:
    """The row of the job behind a message."""
    (row,) = await server.sql(
        "SELECT id, state, epoch, tries, worker, outcome FROM generation WHERE message_id = $1",
        message_id,
    )
    return row


async def claimed_by_the_dead(server: Server, lease: timedelta) -> Lease:
    """What a worker leaves that took the only waiting generation and is never heard of again."""
    (one,) = await claim_generations(actor_of(server, None), "dead:1", 1, 3, lease)
    return one


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    """One server with a worker; in this folder the name is an embedded PostgreSQL's else."""
    return await start_server()


# -- slots ---------------------------------------------------------------------------------


async def test_two_workers_write_at_most_three_answers_of_a_user(start_server: StartServer) -> None:
    servers = [await start_server(), await start_server()]
    ada, ben = servers[0].user("ada"), servers[1].user("ben")
    running = "SELECT count(*) AS n FROM generation WHERE state = 'RUNNING' AND user_id = $1"
    seen: set[int] = set()

    async def sample(user: str) -> None:
        while True:
            seen.add((await servers[0].sql(running, user))[0]["n"])

    sampling = asyncio.create_task(sample(await id_of(ada)))
    sends = [ask(ada, "[[tokens:30]] [[delay:5ms]]") for _ in range(12)]
    ids = await asyncio.gather(*sends, ask(ben, "[[tokens:1]]"))
    assert (await ended(ben, ids.pop()))["outcome"] == "SUCCEEDED"
    ends = await asyncio.gather(*(ended(ada, id, 20) for id in ids))
    sampling.cancel()
    assert max(seen) == 3
    assert {end["outcome"] for end in ends} == {"SUCCEEDED"}
    tries = await servers[0].sql("SELECT epoch, tries FROM generation")
    assert {(row["epoch"], row["tries"]) for row in tries} == {(1, 1)}


# -- tries ---------------------------------------------------------------------------------


async def test_a_broken_off_answer_is_written_again(server: Server) -> None:
    ada = server.user()
    id = await ask(ada, "[[fail-once]] [[tokens:40]]")
    text, resets = "", 0
    async with ada.listen(STREAM, id=id) as events:
        async for event in events:
            resets += event["reset"]
            text = event["text"] if event["reset"] else text + event["text"]
    end = await ended(ada, id)
    assert (end["type"], end["outcome"], end["error"]) == ("RESULT", "SUCCEEDED", None)
    assert end["content"] == text != ""
    assert resets == 1
    row = await generation(server, id)
    assert (row["epoch"], row["tries"], row["state"]) == (2, 2, "DONE")


async def test_the_third_failure_is_the_last(server: Server) -> None:
    ada = server.user()
    id = await ask(ada, "[[tokens:6]]", model="mock:fail")
    end = await ended(ada, id)
    error = "The provider broke off the answer."
    assert end == FAILED | {"content": error, "error": error}
    row = await generation(server, id)
    assert (row["epoch"], row["tries"], row["state"]) == (3, 3, "DONE")
    assert not await server.sql("SELECT 1 FROM message_chunk")


async def test_a_refusal_is_not_tried_again(server: Server) -> None:
    ada = server.user()
    id = await ask(ada, "[[refuse]]")
    end = await ended(ada, id, 1.5)
    error = "The provider refused the request."
    assert end == FAILED | {"content": error, "error": error}
    row = await generation(server, id)
    assert (row["epoch"], row["tries"]) == (1, 1)


# -- dead workers --------------------------------------------------------------------------


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
    assert await ended(ada, id) == FAILED | {"content": FAILED_TEXT, "error": FAILED_TEXT}


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


# -- stopping and telling ------------------------------------------------------------------


async def test_a_stopped_answer_keeps_what_was_shown(server: Server) -> None:
    ada = server.user()
    id = await ask(ada, "x", model="mock:endless")
    text = ""
    async with ada.listen(STREAM, id=id) as events:
        while len(text) < 600:
            text += (await events.next())["text"]
        async with asyncio.timeout(1):
            stopped = await ada.do("stopMessage", "{ message { status outcome content } }", id=id)
            async for event in events:
                assert not event["reset"]
                text += event["text"]
    assert stopped["message"] == {"status": "COMPLETE", "outcome": "CANCELED", "content": text}
    assert (await ended(ada, id))["content"] == text
    row = await generation(server, id)
    assert (row["state"], row["outcome"]) == ("DONE", "CANCELED")
    await asyncio.sleep(0.1)
    assert not await server.sql("SELECT 1 FROM message_chunk"), "nobody writes on"


async def test_each_step_of_an_answer_is_announced(start_server: StartServer) -> None:
    front = await start_server(worker=False)
    ada = front.user()
    made = await ada.do("createProject", "{ project { id } }", name="p", framework="NEXTJS")
    to = {"projectId": made["project"]["id"]}
    steps: list[str] = []
    async with ada.listen(CHANGED, of=to) as events:
        assert (await events.next())["node"] is None
        sent = await ada.do(
            "sendMessage", "{ reply { id } }", to=to, content="[[first:400ms]] [[echo:done]]"
        )
        started = False
        while "COMPLETE" not in steps:
            node = (await events.next())["node"]
            if node["id"] != sent["reply"]["id"]:
                continue
            if not steps or node["status"] != steps[-1]:
                steps.append(node["status"])
            if not started:
                started = True
                await start_server()
    assert steps == ["PENDING", "STREAMING", "COMPLETE"]
    assert node["content"] == "done"


# -- admission -----------------------------------------------------------------------------


async def test_policies_are_asked_in_order_in_the_transaction(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    user = await id_of(server.user())
    asked: list[Any] = []

    async def first(tx: Transaction, request: AdmissionRequest) -> None:
        asked.append(("first", request.owner_id, request.model.id))
        await tx.connection.execute("UPDATE user_account SET name = 'charged'")

    async def refusing(tx: Transaction, request: AdmissionRequest) -> None:
        name = await tx.connection.fetchval("SELECT name FROM user_account")
        asked.append(("refusing", name))
        raise RateLimited("That is enough for today.", retry_after=60)

    async def never(tx: Transaction, request: AdmissionRequest) -> None:
        asked.append("never")

    actor = replace(actor_of(server, user), policies=(first, refusing, never))
    before = await all_rows(server)
    with pytest.raises(DomainError, match="enough"):
        await create_project_with_message(actor, Framework.NEXTJS, Draft("x"))
    assert asked == [("first", user, "mock:raypx-1"), ("refusing", "charged")]
    assert await all_rows(server) == before, "what a policy wrote goes with the refused message"

    sent: Any = await create_project_with_message(
        replace(actor, policies=(first,)), Framework.NEXTJS, Draft("x")
    )
    to = Target(project_id=sent.project.id)
    before = await all_rows(server)
    with pytest.raises(DomainError, match="enough"):
        await send_message(actor, to, Draft("again"), supersede=True)
    assert await all_rows(server) == before, "the answer before it goes on"
