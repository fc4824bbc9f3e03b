"""Pages, cursors and whole requests that make no sense, against the real schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from graphql import get_named_type

from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.documents import object_type, root_fields, schema
from tests.harness.ownership import NODES, PROBES, World, make_world
from tests.harness.planting import make_operator


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


def connections() -> list[str]:
    """`Project.messages`: every field of the schema that gives pages."""
    return [
        f"{kind.name}.{name}"
        for kind in schema().type_map.values()
        for name, field in getattr(kind, "fields", {}).items()
        if "first" in getattr(field, "args", {})
    ]


async def page(api: Api, field: str, world: World, **window: Any) -> dict[str, Any]:
    """One page of a connection of the world's rows: the response."""
    kind, name = field.split(".")
    given = ", ".join(f"{key}: {json.dumps(value)}" for key, value in window.items())
    body = "{ edges { cursor } }"
    if kind == "Query":
        (way,) = PROBES[field].ways(world)
        ids = {key: value for key, value in way.items() if key != "first"}
        given = ", ".join([given, *(f"{key}: {json.dumps(value)}" for key, value in ids.items())])
        return await api.ask(f"{{ page: {name}({given}) {body} }}")
    if kind == "SharedConversation":
        token = json.dumps(world["share token"])
        query = f"{{ node: sharedConversation(token: {token}) {{ page: {name}({given}) {body} }} }}"
        return await api.ask(query)
    asked = f"... on {kind} {{ page: {name}({given}) {body} }}"
    query = f"query($id: ID!) {{ node(id: $id) {{ {asked} }} }}"
    return await api.ask(
        query, id=world["folder" if field == "Project.conversations" else NODES[kind]]
    )


def cursors_of(response: dict[str, Any]) -> list[str]:
    found = response["data"]
    edges = (found.get("node") or found)["page"]["edges"]
    return [edge["cursor"] for edge in edges]


def invalid_field(response: dict[str, Any]) -> str:
    (error,) = response["errors"]
    assert error["extensions"]["code"] == "INVALID", error
    return error["extensions"]["field"]


@pytest.mark.parametrize("field", connections())
async def test_pages_of_impossible_sizes(still: Server, field: str) -> None:
    ada = still.user()
    world = await make_world(still, ada)
    for api in (ada, *([still.nobody()] if field.startswith("Query.") else [])):
        for window, wrong in (
            ({"first": -1}, "first"),
            ({"first": 101}, "first"),
            ({"last": -1}, "last"),
            ({"last": 101}, "last"),
            ({"first": 1, "last": 1}, "last"),
            ({"first": 2**31 - 1}, "first"),
        ):
            assert invalid_field(await page(api, field, world, **window)) == wrong
        assert cursors_of(await page(api, field, world, first=0)) == []
        too_large = await api.ask(
            "query($n: Int) { projects(first: $n) { nodes { id } } }", n=2**31
        )
        assert too_large["errors"][0]["extensions"] == {"code": "INVALID", "field": "n"}


ALSO_BY_ARGUMENT = {"Org.projects", "Org.auditLogs"}
"""The same lists as the query's own fields give for an organisation."""


async def test_only_a_cursor_of_the_very_list_is_taken(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    own, foreign = await make_world(still, ada), await make_world(still, eve)
    for operator in (ada, eve):
        await make_operator(still, operator)
    cursors = {
        field: cursors_of(await page(ada, field, own, first=1))[0]
        for field in connections()
        if field not in ALSO_BY_ARGUMENT
    }
    assert len(set(cursors.values())) == len(cursors)
    for field, cursor in cursors.items():
        assert cursors_of(await page(ada, field, own, first=5, before=cursor)) == []
        theirs = cursors_of(await page(eve, field, foreign, first=5))[0]
        public = field == "Query.showcaseProjects"
        others = {other for name, other in cursors.items() if name != field}
        for bad in {*forged(cursor), *others, *(() if public else (theirs,))}:
            for name in ("after", "before"):
                response = await page(ada, field, own, first=1, **{name: bad})
                assert invalid_field(response) == name, (field, bad)


def forged(cursor: str) -> Iterator[str]:
    """Texts that look like a cursor, or not at all."""
    yield from ("", "x", "=" * 8, "\u202e", "A" * 100, "x" * 20_000)
    yield cursor[:-1]
    yield cursor + "A"
    yield cursor + "="
    for at in (0, len(cursor) // 2, len(cursor) - 1):
        yield cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]


LISTENING = {
    "messageChanged": "subscription($id: ID!, $after: String) "
    "{ messageChanged(of: {projectId: $id}, after: $after) { cursor } }",
    "agentRunChanged": "subscription($id: ID!, $after: String) "
    "{ agentRunChanged(projectId: $id, after: $after) { cursor } }",
    "messageStreamed": "subscription($id: ID!, $after: String) "
    "{ messageStreamed(messageId: $id, after: $after) { cursor } }",
    "viewerChanged": "subscription($after: String) { viewerChanged(after: $after) { cursor } }",
    "preferencesChanged": "subscription($after: String) "
    "{ preferencesChanged(after: $after) { cursor } }",
    "deletionChanged": "subscription($id: ID!, $after: String) "
    "{ deletionChanged(id: $id, after: $after) { cursor } }",
    "importChanged": "subscription($id: ID!, $after: String) "
    "{ importChanged(projectId: $id, after: $after) { cursor } }",
    "usageChanged": "subscription($after: String) { usageChanged(after: $after) { cursor } }",
    "budgetChanged": "subscription($id: ID!, $after: String) "
    "{ budgetChanged(id: $id, after: $after) { cursor } }",
    "subscriptionChanged": "subscription($after: String) "
    "{ subscriptionChanged(after: $after) { cursor } }",
}
ROWS = {"messageStreamed": "message", "deletionChanged": "deletion", "budgetChanged": "budget"}
"""Of which row of a world one hears, where it is no project."""


@pytest.mark.parametrize("name", LISTENING)
async def test_only_a_cursor_of_the_very_subscription_is_taken(still: Server, name: str) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    own, foreign = await make_world(still, ada), await make_world(still, eve)
    row = ROWS.get(name, "project")
    everything = {one[13:] for one in root_fields() if one.startswith("Subscription.")}
    assert set(LISTENING) == everything - {"sharedConversationChanged"}  # which has no cursors

    async def first(api: Api, world: World, **after: str) -> str:
        async with api.listen(LISTENING[name], id=world[row], **after) as events:
            return (await events.next())["cursor"]

    cursor, theirs = await first(ada, own), await first(eve, foreign)
    other = LISTENING["messageChanged" if name == "messageStreamed" else "messageStreamed"]
    async with ada.listen(other, id=own["project" if row == "message" else "message"]) as events:
        alien = (await events.next())["cursor"]
    for bad in (*forged(cursor), theirs, alien):
        with pytest.raises(Refused) as refused:
            await first(ada, own, after=bad)
        assert refused.value.errors[0]["extensions"] == {"code": "INVALID", "field": "after"}, bad


FORM, TEXT = "application/x-www-form-urlencoded", "text/plain"
HEARS = "subscription { agentRunChanged(projectId: 1) { cursor } }"
REQUESTS: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "a huge body": (b'{"query": "' + b"x" * (1 << 20) + b'"}', {}, 413, "TOO_LARGE"),
    "no JSON": (b'{"query": ', {}, 400, "BAD_REQUEST"),
    "no UTF-8": (b'{"query": "\xff"}', {}, 400, "BAD_REQUEST"),
    "NaN": (b'{"query": "{ me { id } }", "variables": {"a": NaN}}', {}, 400, "BAD_REQUEST"),
    "a list": (b"[]", {}, 400, "BAD_REQUEST"),
    "a batch": (b'[{"query": "{ me { id } }"}]', {}, 400, "BAD_REQUEST"),
    "no query": (b"{}", {}, 400, "BAD_REQUEST"),
    "a number": (b'{"query": 1}', {}, 400, "BAD_REQUEST"),
    "deep JSON": (b'{"query": "{ me { id } }", "variables": ' + b"[" * 900 + b"]" * 900 + b"}", {},
                  400, "BAD_REQUEST"),
    "a form": (b"query=1", {"Content-Type": FORM}, 415, "BAD_REQUEST"),
    "plain text": (b'{"query": "{ me { id } }"}', {"Content-Type": TEXT}, 415, "BAD_REQUEST"),
    "GraphQL": (b"{ me { id } }", {"Content-Type": "application/graphql"}, 415, "BAD_REQUEST"),
    "another charset": (b'{"query": "{ me { id } }"}',
                        {"Content-Type": "application/json; charset=utf-16"}, 415, "BAD_REQUEST"),
    "compressed": (b"\x1f\x8b", {"Content-Encoding": "gzip"}, 415, "BAD_REQUEST"),
    "no GraphQL": (b'{"query": "{ me {"}', {}, 400, "PARSE_FAILED"),
    "an empty query": (b'{"query": ""}', {}, 400, "PARSE_FAILED"),
    "two anonymous": (b'{"query": "{ me { id } } { me { id } }"}', {}, 400, "BAD_REQUEST"),
    "no such operation": (b'{"query": "query A { me { id } }", "operationName": "B"}', {}, 400,
                          "BAD_REQUEST"),
    "an unknown field": (b'{"query": "{ nope }"}', {}, 400, "VALIDATION_FAILED"),
    "a subscription": (json.dumps({"query": HEARS}).encode(), {}, 400, "BAD_REQUEST"),
    "another answer": (b'{"query": "{ me { id } }"}', {"Accept": "image/png"}, 406, "BAD_REQUEST"),
    "too deep": (b'{"query": "{ me ' + b"{ a " * 30 + b"}" * 30 + b'}"}', {}, 400, "TOO_COSTLY"),
    "a literal": (b'{"query": "{ projects(first: 1.5) { __typename } }"}', {}, 400, "INVALID"),
    "a huge literal": (b'{"query": "{ projects(first: 99999999999) { nodes { id } } }"}', {}, 400,
                       "INVALID"),
    "NUL": (b'{"query": "{ project(id: \\"\\\\u0000\\") { id } }"}', {}, 400, "INVALID"),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
async def test_requests_that_make_no_sense(still: Server, name: str) -> None:
    body, headers, status, code = REQUESTS[name]
    ada = still.user()
    sent = {**ada.headers, "Content-Type": "application/json"} | headers
    async with still.session.post(ada.url, data=BytesIO(body), headers=sent) as response:
        assert response.status == status, await response.text()
        found = json.loads(await response.read())
    assert found["errors"][0]["extensions"]["code"] == code
    assert "data" not in found
    assert "Traceback" not in json.dumps(found)


async def test_the_cost_is_told_when_asked_for(still: Server) -> None:
    ada = still.user()
    body = {"query": "{ projects(first: 3) { nodes { id } } }", "extensions": {"cost": True}}
    async with still.session.post(ada.url, json=body, headers=ada.headers) as response:
        found = await response.json(content_type=None)
    cost = found["extensions"]["cost"]
    assert cost["limit"] == 20_000
    assert 4 <= cost["requested"] <= 10
    assert "extensions" not in await ada.ask(body["query"])


async def test_a_masked_error_carries_the_request_id(still: Server) -> None:
    still.expects_defects = True
    ada = still.user()
    world = await make_world(still, ada)
    rename = "ALTER TABLE fragment_draft RENAME COLUMN {} TO {}"
    await still.sql(rename.format("framework", "broken"))
    try:
        body = {"query": f'{{ project(id: "{world["project"]}") {{ id draft {{ framework }} }} }}'}
        headers = {**ada.headers, "X-Request-Id": "abc-1"}
        async with still.session.post(ada.url, json=body, headers=headers) as response:
            found = await response.json(content_type=None)
            assert response.headers["X-Request-Id"] == "abc-1"
    finally:
        await still.sql(rename.format("broken", "framework"))
    (error,) = found["errors"]
    assert error["message"] == "Internal error."
    assert error["extensions"] == {"code": "INTERNAL", "requestId": "abc-1"}


async def test_the_schema_may_be_asked_for_unless_that_is_off(start_server: StartServer) -> None:
    ask = '{ __type(name: "Project") { name } }'
    server = await start_server(worker=False, dev=False)
    assert (await server.nobody().run(ask))["__type"]["name"] == "Project"
    closed = (await start_server(worker=False, introspection=False)).nobody()
    assert await closed.code(ask) == "VALIDATION_FAILED"
    assert await closed.code("{ __schema { types { name } } }") == "VALIDATION_FAILED"
    near = (await closed.ask("{ projectss { nodes { id } } }"))["errors"][0]["message"]
    assert "Did you mean" not in near
    assert (await closed.run("{ me { __typename } }"))["me"] is None


def test_every_page_is_bounded() -> None:
    """A list that is no page has a bound of its own: this is the list of such lists."""
    lists = {
        f"{kind.name}.{name}"
        for kind in schema().type_map.values()
        if not kind.name.startswith("__") and hasattr(kind, "fields")
        for name, field in kind.fields.items()
        if "[" in str(field.type)
        and hasattr(object_type(get_named_type(field.type).name), "fields")
        and not kind.name.endswith(("Connection", "Input"))
    }
    assert lists == {
        "Query.models", "Query.nodes", "Query.oauthConnections", "Query.accounts",
        "Query.sessions", "Query.userKeys", "Query.actionLimits", "Query.creditBalances",
            "UsageTotals.byDay", "UsageTotals.byModel", "UsageTotals.byFeature",
            "UploadRequest.headers",
        "GitHubRepositoryPage.nodes",
        "Message.attachments", "AccessExplanation.steps", "Message.ratings", "Message.toolCalls",
        "StartConversationPayload.replies", "SendMessagePayload.replies",
        "RegenerateMessagePayload.replies", "EditMessagePayload.replies",
        "CreateProjectWithMessagePayload.replies", "SharedMessage.attachments",
        "Message.siblings", "Conversation.shareLinks",
    }  # fmt: skip
