"""`extensions.plan`: the levels that were read, as the database saw them, to those who may know."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness import step_kinds
from tests.harness.api import Api, Server, StartServer
from tests.harness.ownership import make_world
from tests.harness.plans import CONTROL

POLLS = 1.0  # seconds in which everything that polls has done so
CREATE = """mutation { createProject(input: {name: "Secret plan", framework: VUE}) {
  project { name conversation { id } } } }"""
LEFT = {
    "introspection": "{ __schema { queryType { name } } me { id } }",
    "several mutations": CREATE.replace("{ createP", "{ a: deleteProject(input: "
        '{id: "x"}) { deletedProjectId } createP', 1),
    "a condition that is null": "query($yes: Boolean = true) { me { id @include(if: $yes) } }",
    "too many relations": "{ me { id } " + "".join(
        f"p{n}: projects {{ nodes {{ id }} }} " for n in range(40)) + "}",
    "an error": "{ projects(first: 1000) { nodes { id } } }",
}  # fmt: skip
"""What graphql-core executes, by the reason that is told."""


async def told(api: Api, query: str, **variables: Any) -> dict[str, Any] | None:
    """The plan in the response to a query that asks for it."""
    response = await told_with(api, query, {"plan": True}, **variables)
    return response.get("extensions", {}).get("plan")


async def told_with(api: Api, query: str, extensions: Any, **variables: Any) -> dict[str, Any]:
    body = {"query": query, "variables": variables, "extensions": extensions}
    async with api.session.post(api.url, json=body, headers=api.headers) as response:
        return await response.json(content_type=None)


def walk(levels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for level in levels:
        yield level
        yield from walk(level.get("levels", []))


def sent(plan: dict[str, Any]) -> Counter[str]:
    """How often each statement was sent, by the plan's own account."""
    found: Counter[str] = Counter()
    for part in (*walk(plan["levels"]), *plan["resolvers"]):
        if part.get("statements"):
            found[part["sql"]] += part["statements"]
    return found


def values(arguments: Any) -> Iterator[str]:
    """The texts among the arguments of statements."""
    for argument in arguments:
        if isinstance(argument, str):
            yield argument
        elif isinstance(argument, list | tuple):
            yield from values(argument)


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server without a worker."""
    return await start_server(worker=False)


async def background(server: Server, api: Api) -> set[str]:
    """What PostgreSQL gets whatever is asked: who the viewer is, and the polls."""
    server.statements.clear()
    await api.ask("{ __typename }")
    await asyncio.sleep(POLLS)
    return {sql for sql, _ in server.statements}


async def test_a_plan_tells_every_kind_of_step_as_postgresql_saw_it(still: Server) -> None:
    api = still.user()
    world = await make_world(still, api)
    ignored = await background(still, api)
    still.statements.clear()
    plan = await told(api, step_kinds.DOCUMENT, **step_kinds.variables(world))
    got = [one for one in still.statements if one[0] not in ignored]
    assert plan is not None
    assert (plan["executor"], plan["reason"]) == ("plan", None)
    levels = list(walk(plan["levels"]))
    assert [(one["path"], one["kind"], one.get("table")) for one in levels] == step_kinds.LEVELS
    assert sent(plan) == Counter(sql for sql, _ in got if not sql.startswith(CONTROL))
    rows = Counter[str]()
    for sql, args in got:
        rows[sql] += len(await still.sql(sql, *args))
    for part in (*levels, *plan["resolvers"]):
        if "sql" in part:
            assert part["statements"] == 1, part["path"]
            assert part["rows"] == rows[part["sql"]], part
            assert 0 < part["milliseconds"] < 10_000
    assert sum(rows.values()) > len(rows), "there was something to read"
    (resolver,) = plan["resolvers"]
    assert " FROM agent_run t WHERE t.id = ANY($1" in resolver["sql"]


async def test_a_level_tells_what_it_reads_and_how(still: Server) -> None:
    api = still.user()
    world = await make_world(still, api)
    plan = await told(api, step_kinds.DOCUMENT, **step_kinds.variables(world))
    assert plan is not None
    by_path = {level["path"]: level for level in walk(plan["levels"])}
    messages = by_path["project.messages"]
    assert messages["columns"] == ["conversation_id", "id", "order_id"]
    assert (messages["by"], messages["limit"]) == ("project_id", 3)
    assert messages["order"] == "order_id ascending"
    assert messages["where"] == "t.on_branch"
    assert messages["access"] == "PartOf(whole='conversation')"
    assert by_path["project.agentRuns"]["access"] == "through its whole"
    assert by_path["mine"]["order"] == "created_at descending, from the end"
    assert by_path["project.agentRuns.nodes.phase"]["columns"] == ["status", "outcome"]
    assert not {"sql", "statements", "by"} & by_path["project.agentRuns.nodes.phase"].keys()


async def test_two_pages_under_aliases_are_two_levels(still: Server) -> None:
    api = still.user()
    await make_world(still, api)
    same = "messages { nodes { content } }"
    query = f"{{ projects {{ nodes {{ a: {same} b: {same} c: conversation {{ {same} }} }} }} }}"
    plan = await told(api, query)
    assert plan is not None
    (projects,) = plan["levels"]
    first, second, conversation = projects["levels"]
    assert first["sql"] == second["sql"]
    assert first["statements"] == second["statements"] == 1
    assert first["rows"] == second["rows"] > 0
    assert conversation["levels"][0]["rows"] > 0
    assert plan["resolvers"] == []


async def test_what_has_no_parents_was_not_sent(still: Server) -> None:
    api = still.user()
    plan = await told(api, "{ projects { nodes { conversation { id } } } }")
    assert plan is not None
    (projects,) = plan["levels"]
    (conversation,) = projects["levels"]
    assert (projects["statements"], projects["rows"]) == (1, 0)
    assert conversation["statements"] == conversation["milliseconds"] == 0
    assert conversation["sql"].startswith("SELECT ")


async def test_a_cursor_is_in_the_sql_as_a_placeholder(still: Server) -> None:
    api = still.user()
    await make_world(still, api)
    page = "nodes { id } pageInfo { endCursor }"
    query = f"query($c: String) {{ projects(first: 1, after: $c) {{ {page} }} }}"
    cursor = (await api.run(query))["projects"]["pageInfo"]["endCursor"]
    still.statements.clear()
    plan = await told(api, query, c=cursor)
    assert plan is not None
    (level,) = plan["levels"]
    assert (level["statements"], level["rows"]) == (1, 2), "one more tells of a next page"
    assert "(t.created_at, t.id) < ($3, $4)" in level["sql"]


async def test_no_value_of_the_viewer_is_told(still: Server) -> None:
    api = still.user()
    world = await make_world(still, api)
    for query, variables in (
        (step_kinds.DOCUMENT, step_kinds.variables(world)),
        (CREATE, {}),
        (LEFT["introspection"], {}),
    ):
        still.statements.clear()
        plan = json.dumps(await told(api, query, **variables))
        texts = {text for _, args in still.statements for text in values(args) if len(text) > 6}
        assert any(text.startswith("usr_") for text in texts)
        assert {text for text in texts if text in plan and text != "system"} == set()
        assert re.search(r"\b[a-z]{3}_[0-9a-z]{26}\b", plan) is None


async def test_a_mutation_is_done_once_and_its_payload_told(still: Server) -> None:
    api = still.user()
    plan = await told(api, CREATE)
    assert plan is not None
    assert [(level["path"], level["kind"]) for level in walk(plan["levels"])] == [
        ("createProject", "resolver"),
        ("createProject.project", "rows"),
        ("createProject.project.conversation", "one"),
    ]
    writes = [one["sql"] for one in plan["resolvers"] if one["sql"].startswith("INSERT")]
    assert any("INTO project " in sql for sql in writes)
    assert await still.sql("SELECT count(*) AS n FROM project") == [{"n": 1}]


@pytest.mark.parametrize("reason", LEFT)
async def test_what_graphql_core_executes_is_told_with_the_reason(
    still: Server, reason: str
) -> None:
    api = still.user()
    await api.run("{ me { id } }")
    ignored = await background(still, api)
    still.statements.clear()
    plan = await told(api, LEFT[reason], yes=None)
    assert plan is not None
    assert (plan["executor"], plan["reason"]) == ("graphql-core", reason)
    got = Counter(sql for sql, _ in still.statements if sql not in ignored)
    assert sent(plan) == Counter({s: n for s, n in got.items() if not s.startswith(CONTROL)})


async def test_who_asks_for_nothing_is_told_nothing(still: Server) -> None:
    api = still.user()
    for extensions in ({}, {"plan": False}, {"plan": 1}, {"plan": "true"}, {"cost": True}, None):
        response = await told_with(api, "{ me { id } }", extensions)
        assert "plan" not in response.get("extensions", {}), extensions
    both = await told_with(api, "{ me { id } }", {"cost": True, "plan": True})
    assert both["extensions"].keys() == {"cost", "plan"}


async def test_outside_development_only_operators_are_told(start_server: StartServer) -> None:
    server = await start_server(worker=False, dev=False)
    made = await server.nobody().do("createGuest", "{ token user { id } }")
    guest = Api(server.session, server.url, made["token"])
    query = "{ me { id } }"
    for api in (server.nobody(), guest):
        response = await told_with(api, query, {"plan": True})
        assert response.keys() == {"data"}, "no plan, and no error"
    await server.sql("UPDATE user_account SET operator = true WHERE id = $1", made["user"]["id"])
    plan = await told(guest, query)
    assert plan is not None
    assert plan["levels"][0]["rows"] == 1


async def test_a_refusal_tells_no_plan(still: Server) -> None:
    for query in ("{ nothing }", "query($id: ID!) { node(id: $id) { id } }"):
        response = await told_with(still.user(), query, {"plan": True})
        assert response.keys() == {"errors"}


async def test_what_is_left_to_graphql_core_is_counted_with_a_trace_too(still: Server) -> None:
    api = still.user()
    for extensions in ({}, {"plan": True}):
        await told_with(api, LEFT["an error"], extensions)
    async with still.session.get(f"{still.url}/metrics") as response:
        text = await response.text()
    assert 'punnet_unplanned_operations_total{reason="an error"} 2.0' in text


async def test_plans_are_told_over_sockets_and_event_streams(still: Server) -> None:
    api = still.user()
    body = {"query": "{ me { id } }", "extensions": {"plan": True}}
    async with api.listen(
        body["query"],
    ) as events:
        await events.message()
        await events.message()
        await events.socket.send_json({"type": "subscribe", "id": "2", "payload": body})
        over_socket = (await events.message())["payload"]["extensions"]["plan"]
    headers = api.headers | {"Accept": "text/event-stream"}
    async with api.session.post(api.url, json=body, headers=headers) as response:
        text = await response.text()
    (data,) = re.findall(r"event: next\ndata: (.+)", text)
    over_events = json.loads(data)["extensions"]["plan"]
    for plan in (over_socket, over_events):
        assert plan["executor"] == "plan"
        assert [level["path"] for level in plan["levels"]] == ["me"]
        assert plan["levels"][0]["statements"] == 1
