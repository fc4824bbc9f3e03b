"""Pages by keyset: any walk gives the whole list once, in order, whatever happens meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.harness.api import Server, StartServer
from tests.harness.runs import LISTS, ids_of, runs_of


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await start_server(worker=False)


examples = settings(
    max_examples=30,
    deadline=None,
    database=None,
    derandomize=True,
    # The server lives on; each example has a project of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
few_times = st.lists(st.integers(0, 2), max_size=9)
sizes = st.lists(st.integers(1, 4), min_size=1, max_size=4)
names = st.sampled_from(LISTS)


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
    for _ in range(len(times) + len(changes) + 1):
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
