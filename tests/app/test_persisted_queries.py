"""Apollo's automatic persisted queries, over every transport, on real sockets."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.app.graphql_server import client
from tests.app.http import GRAPHQL, JSON, Answer, post, query, send
from tests.app.small_schema import World
from tests.app.socket_client import connected
from tests.app.test_sse import EVENTS, events_of
from tests.harness.api import StartServer

HELLO = "query ($n: String) { hello(name: $n) }"
NOT_FOUND = {
    "errors": [
        {
            "message": "PersistedQueryNotFound",
            "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"},
        }
    ]
}
PREFLIGHT = {"GraphQL-Require-Preflight": "1", "Accept": GRAPHQL}


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def named(text: str, **more: Any) -> dict[str, Any]:
    """The extensions that name a document by its hash."""
    return {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text)} | more}


async def by_hash(
    session: aiohttp.ClientSession, world: World, text: str, headers: Any = None, **more: Any
) -> Answer:
    return await post(session, world, {"extensions": named(text), **more}, headers)


async def register(session: aiohttp.ClientSession, world: World, text: str) -> Answer:
    return await query(session, world, text, extensions=named(text))


async def test_a_hash_is_enough_once_the_text_was_sent() -> None:
    async with client() as (session, world):
        assert (await by_hash(session, world, HELLO)).body == NOT_FOUND
        assert (await register(session, world, HELLO)).body == {"data": {"hello": "hello world"}}
        assert world.checked() == 1
        for name in ("Ann", "Bob"):
            answer = await by_hash(session, world, HELLO, variables={"n": name})
            assert answer.body == {"data": {"hello": f"hello {name}"}}
        assert world.checked() == 1
        assert world.named == ["miss", "registered", "hit", "hit"]


@pytest.mark.parametrize("kind", [GRAPHQL, JSON])
async def test_an_unknown_hash_is_no_failure_of_http(kind: str) -> None:
    async with client() as (session, world):
        answer = await by_hash(session, world, HELLO, {"Accept": kind})
        assert (answer.status, answer.body) == (200, NOT_FOUND)
        assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert world.observed == [("refused", None, ["PERSISTED_QUERY_NOT_FOUND"])]


async def test_it_works_by_get() -> None:
    async with client() as (session, world):

        async def get(**parameters: Any) -> Answer:
            given = {"extensions": json.dumps(named(HELLO)), **parameters}
            return await send(session, "GET", world.url, params=given, headers=PREFLIGHT)

        assert (await get()).body == NOT_FOUND
        assert (await get(query=HELLO)).status == 200
        answer = await get(variables='{"n":"Ann"}')
        assert answer.body == {"data": {"hello": "hello Ann"}}
        assert world.named == ["miss", "registered", "hit"]


async def test_get_keeps_its_rules() -> None:
    text = "mutation { add(value: 2) }"
    async with client() as (session, world):
        await register(session, world, text)
        given = {"extensions": json.dumps(named(text))}
        refused = await send(session, "GET", world.url, params=given, headers=PREFLIGHT)
        assert (refused.status, refused.headers["Allow"], world.total) == (405, "POST", 2)
        assert (await by_hash(session, world, text)).body == {"data": {"add": 4}}
        cross_site = await send(session, "GET", world.url, params=given)
        assert (cross_site.status, cross_site.codes) == (403, ["FORBIDDEN"])


async def test_it_works_on_a_websocket() -> None:
    text = "subscription { count(to: 1) }"
    async with connected() as ann:
        await ann.init()
        await ann.send("subscribe", id="1", payload={"extensions": named(text)})
        missed = {"type": "error", "id": "1", "payload": NOT_FOUND["errors"]}
        assert await ann.receive() == missed
        for name in ("2", "3"):
            known = {"query": text} if name == "2" else {}
            await ann.send("subscribe", id=name, payload={**known, "extensions": named(text)})
            event = {"type": "next", "id": name, "payload": {"data": {"count": 0}}}
            assert await ann.receive() == event
            assert await ann.receive() == {"type": "complete", "id": name}
        assert (ann.world.checked(), ann.world.named) == (1, ["miss", "registered", "hit"])


async def test_it_works_with_event_streams() -> None:
    text = "subscription { count(to: 1) }"
    async with client() as (session, world):

        async def stream(**more: Any) -> list[tuple[str, Any]]:
            body = {"extensions": named(text), **more}
            async with session.post(world.url, json=body, headers=EVENTS) as response:
                assert response.status == 200
                return events_of(await response.read())

        event = [("next", {"data": {"count": 0}}), ("complete", None)]
        assert await stream() == [("next", NOT_FOUND), ("complete", None)]
        assert await stream(query=text) == event
        assert await stream() == event
        assert world.checked() == 1


async def test_a_hash_of_several_operations_runs_the_one_that_is_named() -> None:
    text = "query A { hello } query B { viewer }"
    async with client() as (session, world):
        await query(session, world, text, extensions=named(text), operationName="A")
        assert world.checked() == 1
        for _ in range(2):
            named_b = await by_hash(session, world, text, operationName="B")
            assert named_b.body == {"data": {"viewer": "nobody"}}
        assert world.checked() == 2
        for name in (None, "C"):
            unclear = await by_hash(session, world, text, operationName=name)
            assert (unclear.status, unclear.codes) == (400, ["BAD_REQUEST"])


@pytest.mark.parametrize("text", ["{", "{ nothing }", "{ expensive }"])
async def test_what_can_not_run_is_not_remembered(text: str) -> None:
    async with client() as (session, world):
        refused = await register(session, world, text)
        assert "data" not in refused.body
        assert (await by_hash(session, world, text)).body == NOT_FOUND
        assert world.named == ["miss"]


@pytest.mark.parametrize(
    "given",
    [
        hash_of("{ viewer }"),
        hash_of(HELLO).upper(),
        hash_of(HELLO)[:-1],
        f" {hash_of(HELLO)}",
        "é" * 64,
        "x" * 200_000,
    ],
)
async def test_a_hash_of_another_text_is_refused(given: str) -> None:
    async with client() as (session, world):
        extensions = {"persistedQuery": {"version": 1, "sha256Hash": given}}
        refused = await query(session, world, HELLO, extensions=extensions)
        assert (refused.status, refused.codes) == (400, ["INVALID"])
        assert refused.body["errors"][0]["message"] == "provided sha does not match query"
        assert (await post(session, world, {"extensions": extensions})).body == NOT_FOUND
        assert (await by_hash(session, world, HELLO)).body == NOT_FOUND
        assert world.checked() == 0
        assert world.named == ["refused", "miss", "miss"]


@pytest.mark.parametrize("version", [2, 0, "1", None])
async def test_another_version_is_refused(version: Any) -> None:
    async with client() as (session, world):
        body = {"query": HELLO, "extensions": named(HELLO, version=version)}
        for kind in (GRAPHQL, JSON):
            refused = await post(session, world, body, {"Accept": kind})
            assert (refused.status, refused.codes) == (400, ["INVALID"])
            assert refused.body["errors"][0]["message"] == "Unsupported persisted query version"


async def test_another_version_does_not_end_a_socket() -> None:
    async with connected() as ann:
        await ann.init()
        payload = {"query": HELLO, "extensions": named(HELLO, version=2)}
        await ann.send("subscribe", id="1", payload=payload)
        assert await ann.refusal() == ("1", "INVALID")
        await ann.send("subscribe", id="2", payload={"query": HELLO, "extensions": named("{ x }")})
        assert await ann.refusal() == ("2", "INVALID")
        await ann.still_works()


@pytest.mark.parametrize(
    "request_",
    [
        {"extensions": {"persistedQuery": hash_of(HELLO)}},
        {"extensions": {"persistedQuery": [1]}},
        {"extensions": {"persistedQuery": {}}},
        {"extensions": named(HELLO, sha256Hash=None)},
        {"extensions": named(HELLO, sha256Hash="")},
        {"extensions": named(HELLO, sha256Hash=7)},
        {"extensions": named(HELLO, sha256Hash=[hash_of(HELLO)])},
        {"extensions": named(HELLO), "query": 7},
        {"extensions": named(HELLO), "documentId": hash_of("{ viewer }")},
        {"documentId": 7},
        {"documentId": ""},
        {"doc_id": {}},
        {"id": hash_of(HELLO)},
    ],
)
async def test_a_name_must_be_well_formed(request_: dict[str, Any]) -> None:
    async with client() as (session, world):
        for kind in (GRAPHQL, JSON):
            refused = await post(session, world, request_, {"Accept": kind})
            assert (refused.status, refused.codes) == (400, ["BAD_REQUEST"])


async def test_a_lone_surrogate_is_no_hash() -> None:
    async with client() as (session, world):
        for body in (
            b'{"documentId": "\\ud800"}',
            b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "\\ud800"}}}',
        ):
            refused = await post(session, world, body)
            assert (refused.status, refused.codes) == (400, ["INVALID"])


@pytest.mark.parametrize("text", ['{ hello(name: "Zoë 🎸") }', "{ hello } # ﷽\r\n"])
async def test_the_hash_is_of_the_text_in_utf_8(text: str) -> None:
    async with client() as (session, world):
        first = await register(session, world, text)
        assert "errors" not in first.body
        assert (await by_hash(session, world, text)).body == first.body


@pytest.mark.parametrize("name", ["documentId", "doc_id"])
@pytest.mark.parametrize("prefix", ["sha256:", ""])
async def test_the_hash_may_be_the_documents_id(name: str, prefix: str) -> None:
    async with client() as (session, world):
        body = {name: prefix + hash_of(HELLO)}
        assert (await post(session, world, body)).body == NOT_FOUND
        await post(session, world, {"query": HELLO, **body})
        assert (await post(session, world, body)).body == {"data": {"hello": "hello world"}}
        found = await send(session, "GET", world.url, params=body, headers=PREFLIGHT)
        assert found.body == {"data": {"hello": "hello world"}}


@pytest.mark.parametrize("empty", ["", None])
async def test_an_empty_text_beside_a_hash_is_none(empty: str | None) -> None:
    async with client() as (session, world):
        await register(session, world, HELLO)
        answer = await by_hash(session, world, HELLO, query=empty)
        assert answer.body == {"data": {"hello": "hello world"}}


async def test_more_than_a_body_may_hold_is_refused() -> None:
    async with client() as (session, world):
        extensions = named(HELLO, sha256Hash="0" * (10 << 20))
        refused = await post(session, world, {"extensions": extensions})
        assert (refused.status, refused.codes) == (413, ["TOO_LARGE"])


async def test_a_flood_does_not_displace_what_is_used() -> None:
    async with client(persisted_queries=8) as (session, world):
        unused = "{ viewer }"
        for text in (HELLO, unused):
            await register(session, world, text)
        await by_hash(session, world, HELLO)
        for number in range(50):
            await register(session, world, f"{{ n: number(value: {number}) }}")
        assert (await by_hash(session, world, unused)).body == NOT_FOUND
        assert "data" in (await by_hash(session, world, HELLO)).body


async def test_large_documents_are_bounded_in_bytes() -> None:
    texts = [f"{{ hello }} # {letter * 200_000}" for letter in "abcdefghijkl"]
    async with client() as (session, world):
        for text in texts:
            await register(session, world, text)
        known = [(await by_hash(session, world, text)).body != NOT_FOUND for text in texts]
        assert known == [False] * 2 + [True] * 10


async def test_it_can_be_turned_off() -> None:
    async with client(persisted_queries=0) as (session, world):
        for kind in (GRAPHQL, JSON):
            answer = await by_hash(session, world, HELLO, {"Accept": kind})
            assert answer.status == 200
            [error] = answer.body["errors"]
            assert error["message"] == "PersistedQueryNotSupported"
            assert error["extensions"] == {"code": "PERSISTED_QUERY_NOT_SUPPORTED"}
        assert (await register(session, world, HELLO)).status == 200
        assert world.named == []


async def test_punnet_counts_them_and_checks_no_document_twice(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    text = "query Projects { projects(first: 5) { nodes { id } } }"
    ada = server.user()
    for known in ({}, {"query": text}, {}, {}):
        body = {"extensions": named(text), **known}
        async with server.session.post(ada.url, json=body, headers=ada.headers) as response:
            assert response.status == 200
    async with server.session.get(f"{server.url}/metrics") as response:
        told = await response.text()
    for outcome, times in (("miss", 1.0), ("registered", 1.0), ("hit", 2.0)):
        assert f'punnet_persisted_documents_total{{outcome="{outcome}"}} {times}' in told
    assert "punnet_documents_checked 1.0" in told


async def test_logs_hold_neither_text_nor_hash() -> None:
    async with client() as (session, world):
        with capture_logs() as logs:
            await by_hash(session, world, HELLO)
            await query(session, world, HELLO, extensions=named("{ viewer }"))
        assert [line["event"] for line in logs] == ["request.refused"] * 2
        told = json.dumps(logs)
        assert "hello" not in told
        assert hash_of(HELLO) not in told
        assert hash_of("{ viewer }") not in told
