"""GraphQL over HTTP, on real sockets."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.app.graphql_server import client
from tests.app.http import GRAPHQL, JSON, query, send

PREFLIGHT = {"GraphQL-Require-Preflight": "1", "Accept": GRAPHQL}

URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, "
    "text/event-stream, multipart/mixed"
)


async def test_a_query_is_answered() -> None:
    async with client() as (session, world):
        answer = await query(
            session,
            world,
            "query Q($n: String) { hello(name: $n) }",
            variables={"n": "Ann"},
            operationName="Q",
            extensions={"cost": True},
        )
        assert answer.status == 200
        assert answer.body == {
            "data": {"hello": "hello Ann"},
            "extensions": {"cost": {"fields": 1}},
        }
        assert answer.headers["Content-Type"] == f"{GRAPHQL}; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert world.observed == [("query", "Q", [])]
        assert world.opened == world.closed == 1


async def test_each_operation_has_a_context_of_its_own() -> None:
    async with client() as (session, world):
        seen = [(await query(session, world, "{ context }")).body["data"] for _ in range(2)]
        assert seen == [{"context": 1}, {"context": 2}]


async def test_the_viewer_is_the_bearer_of_the_token() -> None:
    async with client() as (session, world):
        signed_in = await query(session, world, "{ viewer }", {"Authorization": "Bearer ann"})
        signed_out = await query(session, world, "{ viewer }")
        assert signed_in.body == {"data": {"viewer": "usr_ann"}}
        assert signed_out.body == {"data": {"viewer": "nobody"}}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, GRAPHQL),
        ("*/*", GRAPHQL),
        ("application/*", GRAPHQL),
        (JSON, JSON),
        (f"{JSON}, {GRAPHQL}", JSON),
        (f"{GRAPHQL}, {JSON}", GRAPHQL),
        (f"{JSON};q=0.9, {GRAPHQL};q=0.8", JSON),
        (f"{JSON};q=0.5, {GRAPHQL};q=0.8", GRAPHQL),
        (f"*/*, {GRAPHQL};q=0", JSON),
        (f"*/*;q=0.1, {JSON};q=0.2", JSON),
        (f"{GRAPHQL};charset=utf-16, {JSON};charset=UTF-8", JSON),
        ("Application/JSON ; Q=1", JSON),
        (f"text/html, {JSON};q=0.9, */*;q=0.8", JSON),
        (f"{JSON}, text/event-stream", JSON),
        (URQL, GRAPHQL),
    ],
)
async def test_the_media_type_follows_accept(accept: str | None, kind: str) -> None:
    async with client() as (session, world):
        options: Any = {"skip_auto_headers": ["Accept"]} if accept is None else {}
        answer = await send(
            session,
            "POST",
            world.url,
            json={"query": "{ hello }"},
            headers={} if accept is None else {"Accept": accept},
            **options,
        )
        assert answer.status == 200
        assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize("accept", ["text/html", f"{JSON};q=0", "image/*", "nonsense", ";;,"])
async def test_nothing_acceptable_is_a_406(accept: str) -> None:
    async with client() as (session, world):
        answer = await query(session, world, "{ hello }", {"Accept": accept})
        assert answer.status == 406
        assert answer.codes == ["BAD_REQUEST"]
        assert world.opened == 0


REFUSALS = [
    ("{", {}, "PARSE_FAILED", 400),
    ("{ nothing }", {}, "VALIDATION_FAILED", 400),
    ("{ color(value: BLUE) }", {}, "INVALID", 400),
    ("{ number(value: 99999999999) }", {}, "INVALID", 400),
    ("{ place(at: {x: 1, y: 2}) }", {}, "INVALID", 400),
    ("{ place(at: {z: 1}) }", {}, "INVALID", 400),
    ("query ($v: Int) { number(value: $v) }", {"v": "x"}, "INVALID", 400),
    ("query ($v: Color) { color(value: $v) }", {"v": "BLUE"}, "INVALID", 400),
    ("query ($v: Place!) { place(at: $v) }", {"v": {}}, "INVALID", 400),
    ("query ($v: Int!) { number(value: $v) }", {}, "INVALID", 400),
    ("query A { hello } query B { hello }", {}, "BAD_REQUEST", 400),
    ("fragment F on Query { hello }", {}, "BAD_REQUEST", 400),
    ("{ expensive }", {}, "TOO_COSTLY", 400),
    ("{" * 51, {}, "TOO_COSTLY", 400),
    ("query ($first: Int) { number(value: $first) }", {"first": 1000}, "TOO_COSTLY", 400),
]


@pytest.mark.parametrize(("text", "variables", "code", "status"), REFUSALS)
async def test_a_refused_operation_has_a_code_and_no_data(
    text: str, variables: dict[str, Any], code: str, status: int
) -> None:
    async with client() as (session, world):
        answer = await query(session, world, text, variables=variables)
        legacy = await query(session, world, text, {"Accept": JSON}, variables=variables)
        assert answer.status == status
        assert legacy.status == 200
        for found in (answer, legacy):
            assert found.codes[0] == code
            assert "data" not in found.body
        assert world.opened == 0


@pytest.mark.parametrize(
    ("token", "code", "status", "header"),
    [
        ("bad", "UNAUTHENTICATED", 401, ("WWW-Authenticate", "Bearer")),
        ("down", "UNAVAILABLE", 503, ("Retry-After", "2")),
        ("defect", "INTERNAL", 500, ("X-Request-Id", "me")),
    ],
)
async def test_a_viewer_that_cannot_be_found_out(
    token: str, code: str, status: int, header: tuple[str, str]
) -> None:
    headers = {"Authorization": f"Bearer {token}", "X-Request-Id": "me"}
    async with client() as (session, world):
        answer = await query(session, world, "{ hello }", headers)
        legacy = await query(session, world, "{ hello }", {**headers, "Accept": JSON})
        assert (answer.status, answer.codes) == (status, [code])
        assert answer.headers[header[0]] == header[1]
        assert (legacy.status, legacy.codes) == (200, [code])
        assert world.opened == 0


async def test_get_runs_queries_with_variables() -> None:
    async with client() as (session, world):
        parameters = {
            "query": "query Q($n: String) { hello(name: $n) } query R { context }",
            "variables": '{"n": "Bob"}',
            "operationName": "Q",
        }
        url = f"{world.url}?{urlencode(parameters)}"
        answer = await send(session, "GET", url, headers=PREFLIGHT)
        assert (answer.status, answer.body) == (200, {"data": {"hello": "hello Bob"}})
        empty = await send(session, "HEAD", url, headers=PREFLIGHT)
        assert (empty.status, empty.body) == (200, None)


async def test_get_never_runs_a_mutation() -> None:
    async with client() as (session, world):
        url = f"{world.url}?{urlencode({'query': 'mutation { add(value: 1) }'})}"
        for method in ("GET", "HEAD"):
            for accept in (GRAPHQL, JSON, "text/event-stream"):
                answer = await send(session, method, url, headers={**PREFLIGHT, "Accept": accept})
                assert answer.status == 405
                assert answer.headers["Allow"] == "POST"
        assert world.total == 0


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "query=",
        "query={hello}&query={hello}",
        "query={hello}&variables=5",
        "query={hello}&variables=[]",
        "query={hello}&variables={",
        "query={hello}&extensions=1",
        "query={hello}&operationName=Missing",
        "query=%00",
        "query=%ff",
    ],
)
async def test_a_malformed_get_is_a_400(parameters: str) -> None:
    async with client() as (session, world):
        answer = await send(session, "GET", f"{world.url}?{parameters}", headers=PREFLIGHT)
        assert answer.status == 400
        assert answer.codes[0] in {"BAD_REQUEST", "INVALID", "PARSE_FAILED"}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "SEARCH"])
async def test_other_methods_are_a_405(method: str) -> None:
    async with client() as (session, world):
        answer = await send(session, method, world.url, json={"query": "{ hello }"})
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


async def test_a_subscription_by_plain_post_is_refused() -> None:
    async with client() as (session, world):
        for accept, status in ((GRAPHQL, 400), (JSON, 200), ("*/*", 400)):
            answer = await query(
                session, world, "subscription { count(to: 1) }", {"Accept": accept}
            )
            assert (answer.status, answer.codes) == (status, ["BAD_REQUEST"])
            assert "text/event-stream" in answer.body["errors"][0]["message"]
        assert world.opened == 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abc-DEF_1", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("é", False)],
)
async def test_the_request_id_is_echoed_or_made(given: str, kept: bool) -> None:
    async with client() as (session, world):
        answer = await query(session, world, "{ hello }", {"X-Request-Id": given})
        found = answer.headers["X-Request-Id"]
        assert (found == given) is kept
        assert world.request_ids == [found]
        assert len(found) <= 64
