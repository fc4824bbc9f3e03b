"""Which pages may call: CORS, cross-site requests and the WebSocket's origin."""

from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from app.cors import Origins
from tests.app.graphql_server import client
from tests.app.http import GRAPHQL, query, send
from tests.app.small_schema import World
from tests.app.socket_client import joined

OURS = "https://app.example.com"
THEIRS = "https://evil.example.net"


def own(world: World) -> str:
    """The origin of a page that the server itself serves."""
    return f"http://127.0.0.1:{world.port}"


async def test_an_allowed_page_may_read_the_answer() -> None:
    async with client(origins=[OURS]) as (session, world):
        answer = await query(session, world, "{ hello }", {"Origin": OURS})
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == OURS
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "retry-after" in answer.headers["Access-Control-Expose-Headers"]
        assert "x-request-id" in answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["Vary"] == "Origin"


async def test_refusals_can_be_read_as_well() -> None:
    async with client(origins=[OURS]) as (session, world):
        for headers in ({"Content-Type": "text/plain"}, {"Accept": "text/html"}):
            answer = await query(session, world, "{ hello }", {"Origin": OURS, **headers})
            assert answer.status in {406, 415}
            assert answer.headers["Access-Control-Allow-Origin"] == OURS


async def test_streams_can_be_read_as_well() -> None:
    async with client(origins=[OURS]) as (session, world):
        headers = {"Origin": OURS, "Accept": "text/event-stream"}
        body = {"query": "subscription { count(to: 1) }"}
        async with session.post(world.url, json=body, headers=headers) as response:
            assert response.headers["Access-Control-Allow-Origin"] == OURS


@pytest.mark.parametrize(
    "origin",
    [
        THEIRS,
        "null",
        "https://app.example.com.evil.example.net",
        "https://evilapp.example.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://user@app.example.com",
        "http://localhost:3000",
        "file://",
        "https://app.example.com:x",
        "*",
        "",
    ],
)
async def test_other_pages_run_nothing(origin: str) -> None:
    async with client(origins=[OURS]) as (session, world):
        posted = await query(session, world, "mutation { add(value: 1) }", {"Origin": origin})
        url = f"{world.url}?{urlencode({'query': '{ hello }'})}"
        got = await send(
            session,
            "GET",
            url,
            headers={"Origin": origin, "Accept": GRAPHQL, "GraphQL-Require-Preflight": "1"},
        )
        for answer in (posted, got):
            assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert answer.headers["Vary"] == "Origin"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with joined(world, session, headers={"Origin": origin}):
                pass
        assert refused.value.status == 403
        assert (world.total, world.opened) == (0, 0)


async def test_pages_of_our_own_host_may_call() -> None:
    async with client() as (session, world):
        headers = {"Origin": own(world)}
        answer = await query(session, world, "{ hello }", headers)
        assert answer.status == 200
        async with joined(world, session, headers=headers) as page:
            await page.init()


@pytest.mark.parametrize("origin", [OURS, "HTTPS://APP.example.com:443", f"{OURS}/"])
async def test_origins_are_compared_as_browsers_write_them(origin: str) -> None:
    async with client(origins=[origin]) as (session, world):
        assert (await query(session, world, "{ hello }", {"Origin": OURS})).status == 200
        async with joined(world, session, headers={"Origin": OURS}) as page:
            await page.init()


@pytest.mark.parametrize(
    "origin", ["*", "https://*.example.com", "example.com", "null", "https://"]
)
def test_what_is_no_origin_cannot_be_configured(origin: str) -> None:
    with pytest.raises(ValueError, match="PUNNET_ORIGINS"):
        Origins([origin], loopback=False)


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:5173", "http://LOCALHOST:1"],
)
async def test_development_allows_every_loopback_port(origin: str) -> None:
    async with client(dev=True) as (session, world):
        assert (await query(session, world, "{ hello }", {"Origin": origin})).status == 200
        async with joined(world, session, headers={"Origin": origin}) as page:
            await page.init()
        for other in ("http://localhost.evil.net", "http://127.0.0.1.evil.net", THEIRS):
            answer = await query(session, world, "{ hello }", {"Origin": other})
            assert answer.status == 403


async def preflight(session: aiohttp.ClientSession, world: World, origin: str, **asked: str) -> Any:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    if asked:
        headers["Access-Control-Request-Headers"] = asked["headers"]
    return await send(session, "OPTIONS", world.url, headers=headers)


async def test_a_preflight_of_an_allowed_page() -> None:
    async with client(origins=[OURS]) as (session, world):
        names = "authorization,content-type,x-any-thing"
        answer = await preflight(session, world, OURS, headers=names)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == OURS
        assert answer.headers["Access-Control-Allow-Headers"] == names
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST"
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert answer.headers["Access-Control-Max-Age"] == "7200"
        plain = await preflight(session, world, OURS)
        assert "content-type" in plain.headers["Access-Control-Allow-Headers"]


async def test_a_preflight_of_another_page() -> None:
    async with client(origins=[OURS]) as (session, world):
        answer = await preflight(session, world, THEIRS, headers="content-type")
        assert answer.status == 403
        assert not [name for name in answer.headers if name.startswith("Access-Control")]


async def test_strange_header_names_are_not_echoed() -> None:
    async with client(origins=[OURS]) as (session, world):
        for names in ("*", "a b", "x" * 65, ", ".join(["x"] * 65)):
            answer = await preflight(session, world, OURS, headers=names)
            assert answer.headers["Access-Control-Allow-Headers"] == "content-type, authorization"


async def test_options_without_a_preflight_names_the_methods() -> None:
    async with client() as (session, world):
        answer = await send(session, "OPTIONS", world.url)
        assert (answer.status, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_a_form_of_another_site_runs_nothing(content_type: str) -> None:
    async with client() as (session, world):
        answer = await query(
            session, world, "mutation { add(value: 1) }", {"Content-Type": content_type}
        )
        assert answer.status == 415
        assert world.total == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"GraphQL-Require-Preflight": "1"}, 200),
        ({"Apollo-Require-Preflight": "true"}, 200),
        ({"X-Requested-With": "XMLHttpRequest"}, 200),
        ({"Authorization": "Bearer ann"}, 200),
        ({"Origin": OURS}, 200),
        ({"Origin": OURS, "Sec-Fetch-Site": "cross-site"}, 200),
    ],
)
async def test_a_get_proves_that_no_other_site_sent_it(
    headers: dict[str, str], status: int
) -> None:
    async with client(origins=[OURS]) as (session, world):
        url = f"{world.url}?{urlencode({'query': '{ hello }'})}"
        answer = await send(session, "GET", url, headers={"Accept": GRAPHQL, **headers})
        assert answer.status == status
        assert world.opened == (status == 200)
