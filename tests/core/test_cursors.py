"""Paging arguments that make no sense, and cursors of anything but this very list, are refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from models import ids
from tests.harness.api import Server, StartServer
from tests.harness.runs import LISTS, Runs, ids_of, query_of, runs_of


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await start_server(worker=False)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("window", "wrong"),
    [
        ({"first": -1}, "first"),
        ({"first": 101}, "first"),
        ({"last": -1}, "last"),
        ({"last": 101}, "last"),
        ({"first": 1, "last": 1}, "last"),
        ({"after": ""}, "after"),
        ({"after": "forged"}, "after"),
        ({"before": "é" * 3}, "before"),
        ({"before": "A" * 20_000}, "before"),
    ],
)
async def test_windows_that_make_no_sense(
    server: Server, name: str, window: dict[str, Any], wrong: str
) -> None:
    runs = await runs_of(server, 0)
    await refuse(runs, name, wrong, **window)


async def refuse(runs: Runs, name: str, wrong: str, **window: Any) -> None:
    """The page is refused as INVALID, and the argument at fault is named."""
    response = await runs.api.ask(query_of(name), id=runs.project, **window)
    (error,) = response["errors"]
    told = (error["extensions"]["code"], error["extensions"]["field"])
    assert told == ("INVALID", wrong), error


async def test_cursors_of_anything_else_are_refused(server: Server) -> None:
    runs, others = await runs_of(server, 0, 1), await runs_of(server, 0, 1)
    good = (await runs.page("agentRuns"))["edges"][0]["cursor"]
    middle = len(good) // 2
    changed = "A" if good[middle] != "A" else "B"
    forged = [
        good[:-1],
        good[1:],
        good + "A",
        f"{good}=",
        good[:middle] + changed + good[middle + 1 :],
        (await others.page("agentRuns"))["edges"][0]["cursor"],  # another parent
        (await runs.page("pendingAgentRuns"))["edges"][0]["cursor"],  # another order
        (await runs.api.run("{ projects { edges { cursor } } }"))["projects"]["edges"][0]["cursor"],
        runs.project,
        ids.new_id("run"),
    ]
    for cursor in forged:
        await refuse(runs, "agentRuns", "after", after=cursor)
        await refuse(runs, "agentRuns", "before", before=cursor)
    assert len(ids_of(await runs.page("agentRuns", after=good))) == 1


async def test_a_cursor_of_somebody_elses_list_opens_nothing(server: Server) -> None:
    runs = await runs_of(server, 0, 1, 2)
    eve = server.user("eve")
    await eve.do("createProject", "{ project { id } }", name="Mine", framework="VUE")
    projects = "query($after: String) { projects(after: $after) { edges { cursor } } }"
    of_ada = (await runs.api.run(projects))["projects"]["edges"][0]["cursor"]
    response = await eve.ask(projects, after=of_ada)
    assert response["errors"][0]["extensions"] == {"code": "INVALID", "field": "after"}
    stranger = dataclasses.replace(runs, api=eve)
    cursor = (await runs.page("pendingAgentRuns"))["edges"][0]["cursor"]
    assert ids_of(await stranger.page("pendingAgentRuns", after=cursor)) == []
    assert ids_of(await stranger.page("pendingAgentRuns")) == []
    me = (await runs.api.run("{ me { id } }"))["me"]["id"]
    foreign = await eve.run("query($of: ID!) { projects(org: $of) { nodes { id } } }", of=me)
    assert foreign["projects"]["nodes"] == []
