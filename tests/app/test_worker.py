"""The worker: how many answers at once, tries that fail, how answers are told and stopped."""

from __future__ import annotations

import asyncio

import pytest

from tests.harness.answers import STREAM, ask, ended, failed_with, generation
from tests.harness.api import Server, StartServer
from tests.harness.verbs import id_of

CHANGED = """subscription($of: MessageTarget!) {
  messageChanged(of: $of) { node { id status content } cursor } }"""


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    """One server with a worker; in this folder the name is an embedded PostgreSQL's else."""
    return await start_server()


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
    await failed_with(ada, id, "The provider broke off the answer.")
    row = await generation(server, id)
    assert (row["epoch"], row["tries"], row["state"]) == (3, 3, "DONE")
    assert not await server.sql("SELECT 1 FROM message_chunk")


async def test_a_refusal_is_not_tried_again(server: Server) -> None:
    ada = server.user()
    id = await ask(ada, "[[refuse]]")
    await failed_with(ada, id, "The provider refused the request.")
    row = await generation(server, id)
    assert (row["epoch"], row["tries"]) == (1, 1)


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


async def test_hole_18_each_step_of_an_answer_is_announced(start_server: StartServer) -> None:
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
