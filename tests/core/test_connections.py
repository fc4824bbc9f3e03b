"""Pages by keyset: any walk gives the whole list once, in order, whatever happens meanwhile."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import ids
from models.builder.agent_runs import AgentRun
from tests.harness.api import Api, Server, StartServer, unique
from tests.harness.filling import START, Filling

PAGE = """edges { cursor node { id } } nodes { id }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"""
LISTS = {
    # Newest first, and oldest first with a condition; both have equal times.
    "agentRuns": f"query($id: ID!, ARGS) {{ project(id: $id) {{ it: agentRuns(WITH) {{ {PAGE} }} }} }}",
    "pendingAgentRuns": f"query($id: ID!, ARGS) {{ it: pendingAgentRuns(projectId: $id, WITH) {{ {PAGE} }} }}",
}
ARGS = "$first: Int, $after: String, $last: Int, $before: String"
WITH = "first: $first, after: $after, last: $last, before: $before"
RUNS = "SELECT id FROM agent_run WHERE project_id = $1 ORDER BY created_at DESC, id DESC"


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await start_server(worker=False)


@dataclass
class Runs:
    """The runs of one project, written straight to the table with the times a test wants."""

    server: Server
    api: Api
    project: str

    async def add(self, *times: int) -> list[str]:
        """Add runs, each so many seconds after the start."""
        owner = (await self.api.run("{ me { id } }"))["me"]["id"]
        filling = Filling()
        made = [
            filling.add(
                AgentRun,
                owner,
                project_id=self.project,
                value="Build",
                run_source="WEBCONTAINER",
                created_at=at(seconds),
            )
            for seconds in times
        ]
        names = AgentRun.columns()
        places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
        sql = f"INSERT INTO agent_run ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - our names
        for row in filling.rows.get(AgentRun, []):
            await self.server.sql(sql, *row)
        return made

    async def remove(self, id: str) -> None:
        """Delete a run."""
        await self.server.sql("DELETE FROM agent_run WHERE id = $1", id)

    async def there(self, name: str) -> list[str]:
        """The ids of all, in the order of the list."""
        rows = [row["id"] for row in await self.server.sql(RUNS, self.project)]
        return rows if name == "agentRuns" else rows[::-1]

    async def page(self, name: str, **window: Any) -> Any:
        """One page."""
        query = LISTS[name].replace("ARGS", ARGS).replace("WITH", WITH)
        data = await self.api.run(query, id=self.project, **window)
        found = data.get("it") or data["project"]["it"]
        assert [edge["node"] for edge in found["edges"]] == found["nodes"]
        cursors = [edge["cursor"] for edge in found["edges"]]
        ends = (cursors[0], cursors[-1]) if cursors else (None, None)
        assert (found["pageInfo"]["startCursor"], found["pageInfo"]["endCursor"]) == ends
        return found


def at(seconds: int) -> datetime:
    """A time of a run."""
    return START + timedelta(seconds=seconds)


def ids_of(page: Any) -> list[str]:
    """The ids on a page."""
    return [node["id"] for node in page["nodes"]]


async def runs_of(server: Server, *times: int) -> Runs:
    """A new project with runs."""
    ada = server.user()
    made = await ada.do("createProject", "{ project { id } }", name=unique("App"), framework="VUE")
    runs = Runs(server, ada, made["project"]["id"])
    await runs.add(*times)
    return runs


examples = settings(
    max_examples=50,
    deadline=None,
    database=None,
    derandomize=True,
    # The server lives on; each example has a project of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
few_times = st.lists(st.integers(0, 2), max_size=9)
sizes = st.lists(st.integers(1, 4), min_size=1, max_size=4)
names = st.sampled_from(sorted(LISTS))


@examples
@given(name=names, times=few_times, sizes=sizes, backward=st.booleans())
async def test_a_walk_gives_the_whole_list_once(
    server: Server, name: str, times: list[int], sizes: list[int], backward: bool
) -> None:
    runs = await runs_of(server, *times)
    whole = await runs.there(name)
    walked: list[str] = []
    cursor = None
    for step in range(len(whole) + 2):
        size = sizes[step % len(sizes)]
        window = {"last": size, "before": cursor} if backward else {"first": size, "after": cursor}
        page = await runs.page(name, **window)
        found, info = ids_of(page), page["pageInfo"]
        walked = found + walked if backward else walked + found
        came, more = ("hasNextPage", "hasPreviousPage")[:: 1 if backward else -1]
        assert info[came] is (step > 0)
        assert info[more] is (len(walked) < len(whole))
        assert len(found) == min(size, len(whole) - len(walked) + len(found))
        cursor = info["startCursor"] if backward else info["endCursor"]
        if not info[more]:
            break
    assert walked == whole


@examples
@given(
    name=names,
    times=few_times,
    size=st.integers(1, 3),
    backward=st.booleans(),
    changes=st.lists(st.tuples(st.booleans(), st.integers(0, 8)), max_size=6),
)
async def test_changes_between_pages_neither_repeat_nor_lose_other_rows(
    server: Server,
    name: str,
    times: list[int],
    size: int,
    backward: bool,
    changes: list[tuple[bool, int]],
) -> None:
    runs = await runs_of(server, *times)
    staying, order = set(await runs.there(name)), await runs.there(name)
    walked: list[str] = []
    cursor, left = None, list(changes)
    while True:
        window = {"last": size, "before": cursor} if backward else {"first": size, "after": cursor}
        page = await runs.page(name, **window)
        walked = ids_of(page) + walked if backward else walked + ids_of(page)
        cursor = page["pageInfo"]["startCursor" if backward else "endCursor"]
        if not page["pageInfo"]["hasPreviousPage" if backward else "hasNextPage"]:
            break
        if left:
            adds, which = left.pop()
            there = await runs.there(name)
            if adds:
                await runs.add(which % 3)
            elif there:
                await runs.remove(there[which % len(there)])
                staying.discard(there[which % len(there)])
    assert len(set(walked)) == len(walked), "no row twice"
    assert staying <= set(walked), "no row lost that was there all the time"
    assert [id for id in walked if id in staying] == [id for id in order if id in staying]


async def test_a_window_between_two_cursors(server: Server) -> None:
    runs = await runs_of(server, 0, 0, 1, 1, 1, 2)
    whole = await runs.page("agentRuns", first=100)
    ends = {"after": whole["edges"][0]["cursor"], "before": whole["edges"][5]["cursor"]}
    inner = ids_of(whole)[1:5]
    assert ids_of(await runs.page("agentRuns", **ends)) == inner
    for size in (1, 4):
        first = await runs.page("agentRuns", first=size, **ends)
        last = await runs.page("agentRuns", last=size, **ends)
        assert (ids_of(first), ids_of(last)) == (inner[:size], inner[-size:])
        assert first["pageInfo"]["hasNextPage"] is last["pageInfo"]["hasPreviousPage"] is (size < 4)
    turned = {"after": ends["before"], "before": ends["after"]}
    assert ids_of(await runs.page("agentRuns", **turned)) == []


async def test_sizes(server: Server) -> None:
    runs = await runs_of(server, *range(101))
    assert len(ids_of(await runs.page("agentRuns"))) == 20
    whole = await runs.page("agentRuns", first=100)
    assert (len(ids_of(whole)), whole["pageInfo"]["hasNextPage"]) == (100, True)
    none = await runs.page("agentRuns", first=0)
    assert (ids_of(none), none["pageInfo"]["hasNextPage"]) == ([], True)
    none = await runs.page("agentRuns", last=0)
    assert (ids_of(none), none["pageInfo"]["hasPreviousPage"]) == ([], True)
    empty = await runs_of(server)
    none = await empty.page("agentRuns", first=0)
    assert (ids_of(none), none["pageInfo"]["hasNextPage"]) == ([], False)


@pytest.mark.parametrize("name", sorted(LISTS))
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
    query = LISTS[name].replace("ARGS", ARGS).replace("WITH", WITH)
    response = await runs.api.ask(query, id=runs.project, **window)
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


async def test_messages_page_by_their_place_on_the_branch(server: Server) -> None:
    ada = server.user()
    made = await ada.do("createProject", "{ project { id } }", name="Chat", framework="VUE")
    to = {"projectId": made["project"]["id"]}
    for number in range(5):
        await ada.do("createMessage", "{ message { id } }", to=to, content=str(number))
    page = """query($id: ID!, $n: Int!, $after: String) { project(id: $id) {
      messages(first: $n, after: $after) {
        nodes { content } pageInfo { hasNextPage endCursor } } } }"""
    seen, cursor, more = [], None, True
    while more:
        found = await ada.run(page, id=to["projectId"], n=2, after=cursor)
        seen += [node["content"] for node in found["project"]["messages"]["nodes"]]
        cursor = found["project"]["messages"]["pageInfo"]["endCursor"]
        more = found["project"]["messages"]["pageInfo"]["hasNextPage"]
    assert seen == ["0", "1", "2", "3", "4"]
