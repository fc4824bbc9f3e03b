"""Which pages may call the server: the rules of the settings, by HTTP, event stream and socket."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import WSServerHandshakeError

from tests.harness.api import Server, StartServer

APP = "https://app.example.com"
ALLOWED = [APP, "https://App.Example.com:443"]
FOREIGN = [
    "https://evil.example", "http://app.example.com", "https://app.example.com:8443", "null",
    "https://app.example.com.evil.example", "https://evilapp.example.com", "file://", "",
    "https://app.example.com@evil.example", "chrome-extension://abc", "http://localhost:3000",
    "http://127.0.0.1:1",
]  # fmt: skip
GUEST = {"query": "mutation { createGuest(input: {}) { token } }"}


@pytest.fixture
async def strict(start_server: StartServer) -> Server:
    """A server in production, which one other origin may call."""
    return await start_server(worker=False, dev=False, origins=[APP])


async def guest(server: Server, **headers: str) -> tuple[int, Any]:
    """What a page gets that makes a guest, and whether the browser lets it read the answer."""
    async with server.session.post(f"{server.url}/graphql", json=GUEST, headers=headers) as found:
        readable = found.headers.get("Access-Control-Allow-Origin")
        assert found.headers["Vary"] == "Origin"
        return found.status, readable


async def test_a_page_calls_only_from_an_allowed_origin(strict: Server) -> None:
    for origin in ALLOWED:
        assert await guest(strict, Origin=origin) == (200, origin)
    assert await guest(strict, Origin=strict.url) == (200, strict.url), "its own page"
    assert await guest(strict) == (200, None), "no browser"
    before = len(await strict.sql("SELECT id FROM user_account"))
    for origin in FOREIGN:
        assert await guest(strict, Origin=origin) == (403, None), origin
    assert len(await strict.sql("SELECT id FROM user_account")) == before


async def test_a_preflight_is_answered_to_allowed_pages_alone(strict: Server) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, authorization",
    }
    url = f"{strict.url}/graphql"
    async with strict.session.options(url, headers=asked | {"Origin": APP}) as found:
        assert found.status == 204
        assert found.headers["Access-Control-Allow-Origin"] == APP
        assert found.headers["Access-Control-Allow-Credentials"] == "true"
        assert "authorization" in found.headers["Access-Control-Allow-Headers"].lower()
        assert "POST" in found.headers["Access-Control-Allow-Methods"]
        assert int(found.headers["Access-Control-Max-Age"]) > 0
    for origin in FOREIGN:
        async with strict.session.options(url, headers=asked | {"Origin": origin}) as found:
            assert found.status == 403
            assert "Access-Control-Allow-Origin" not in found.headers


async def test_another_site_cannot_make_a_browser_run_anything(strict: Server) -> None:
    """What a form, an image or a link can send without a preflight runs nothing."""
    url = f"{strict.url}/graphql"
    body = '{"query": "mutation { createGuest(input: {}) { token } }"}'
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ):
        headers = {"Content-Type": kind, "Sec-Fetch-Site": "cross-site"}
        async with strict.session.post(url, data=body, headers=headers) as found:
            assert found.status == 415
    read = {"query": "{ me { id } }"}
    for site in ("cross-site", "same-site", "none"):
        async with strict.session.get(url, params=read, headers={"Sec-Fetch-Site": site}) as found:
            assert found.status == 403
    async with strict.session.get(url, params=read) as found:
        assert found.status == 403
    for headers in (
        {"Sec-Fetch-Site": "same-origin"},
        {"GraphQL-Require-Preflight": "1"},
        {"Origin": APP},
    ):
        async with strict.session.get(url, params=read, headers=headers) as found:
            assert found.status == 200
    preflighted = {"GraphQL-Require-Preflight": "1"}
    async with strict.session.get(url, params=GUEST, headers=preflighted) as found:
        assert found.status == 405, "a mutation is never a GET"
    assert await strict.sql("SELECT id FROM user_account") == []


async def test_a_socket_opens_only_for_an_allowed_origin(strict: Server) -> None:
    url, protocols = f"{strict.url}/graphql", ["graphql-transport-ws"]
    for origin in FOREIGN:
        with pytest.raises(WSServerHandshakeError) as refused:
            await strict.session.ws_connect(url, protocols=protocols, headers={"Origin": origin})
        assert refused.value.status == 403
    async with strict.session.ws_connect(
        url, protocols=protocols, headers={"Origin": APP}
    ) as socket:
        await socket.send_json({"type": "connection_init"})
        assert (await socket.receive_json())["type"] == "connection_ack"


async def test_development_lets_pages_of_this_machine_call(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    for origin in ("http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:8080"):
        assert await guest(server, Origin=origin) == (200, origin)
    assert await guest(server, Origin="https://localhost.evil.example") == (403, None)
