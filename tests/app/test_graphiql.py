"""The page and its files over HTTP, and who is given the demo token."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from multidict import CIMultiDict
from yarl import URL

from app.config import Settings
from app.graphiql import may_see_token, routes
from app.pages import file_routes

TOKEN = "demo.token</script><!--"  # what JSON in a script must survive
EXAMPLES = {"projectId": "prj_01h455vb4pex5vsknk084sn02q"}
Client = TestClient[web.Request, web.Application]


async def serve(*, dev: bool) -> Client:
    app = web.Application()
    settings = Settings(dev=dev)
    app.add_routes(routes(settings, examples=EXAMPLES, token=lambda: TOKEN))
    app.add_routes(file_routes(settings))
    client = TestClient(TestServer(app))
    await client.start_server()
    return client


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with await serve(dev=True) as running:
        yield running


async def config_of(client: Client, headers: dict[str, str] | None = None) -> dict[str, Any]:
    page = await (await client.get("/", headers=headers)).text()
    found = re.search(r'<script id="config" type="application/json">(.*?)</script>', page)
    assert found
    return json.loads(found[1])


async def test_the_page_carries_examples_and_token(client: Client) -> None:
    config = await config_of(client)
    assert config["examples"] == EXAMPLES
    assert config["token"] == TOKEN
    assert config["endpoint"] == "/graphql"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "punnet.example"},
        {"Host": "127.0.0.1.punnet.example:8000"},
        {"Host": "localhost.punnet.example"},
        {"X-Forwarded-For": "192.0.2.1"},
        {"Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Dest": "iframe"},
    ],
    ids=str,
)
async def test_the_page_leaves_the_token_out(client: Client, headers: dict[str, str]) -> None:
    config = await config_of(client, headers)
    assert config["token"] is None
    assert config["examples"] == EXAMPLES


class Connection(asyncio.Transport):
    """A socket whose other end is at an address of our choice."""

    def __init__(self, peer: str) -> None:
        super().__init__({"peername": (peer, 50_000)})

    def is_closing(self) -> bool:
        return False


async def test_a_reader_on_another_machine_gets_no_token() -> None:
    page = routes(Settings(dev=True), examples=EXAMPLES, token=lambda: TOKEN)[0].handler
    headers = {"Host": "127.0.0.1:8000"}
    for peer, seen in (("192.0.2.1", False), ("127.0.0.1", True)):
        request = make_mocked_request("GET", "/", headers, transport=Connection(peer))
        response = await page(request)
        assert ("demo.token" in response.text) is seen


@pytest.mark.parametrize(
    ("peer", "host", "seen"),
    [
        ("127.0.0.1", "127.0.0.1:8000", True),
        ("127.0.0.1", "localhost:8000", True),
        ("127.0.0.1", "LOCALHOST", True),
        ("::1", "[::1]:8000", True),
        ("::ffff:127.0.0.1", "localhost", True),
        ("192.0.2.1", "127.0.0.1:8000", False),
        ("::ffff:192.0.2.1", "localhost", False),
        (None, "localhost", False),
        ("", "localhost", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "0.0.0.0:8000", False),
        ("127.0.0.1", "[::1", False),
        ("127.0.0.1", "localhost.", False),
        ("127.0.0.1", "localhost@punnet.example", False),
    ],
)
def test_peer_and_host_are_both_loopback(peer: str | None, host: str, seen: bool) -> None:
    assert may_see_token(peer, CIMultiDict({"Host": host})) is seen


async def test_the_policy_allows_own_files_only(client: Client) -> None:
    response = await client.get("/")
    policy = dict(
        part.strip().split(" ", 1)
        for part in response.headers["Content-Security-Policy"].split(";")
    )
    nonce = (await config_of(client))["nonce"]
    assert policy.pop("style-src").startswith("'self' 'nonce-")
    assert policy.pop("connect-src") == (
        f"'self' ws://{client.host}:{client.port} wss://{client.host}:{client.port}"
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "font-src": "data:",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert nonce not in response.headers["Content-Security-Policy"]  # another page, another nonce
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_a_host_header_cannot_add_to_the_policy(client: Client) -> None:
    response = await client.get("/", headers={"Host": "a.example;script-src *"})
    assert "*" not in response.headers["Content-Security-Policy"]
    assert "a.example" not in response.headers["Content-Security-Policy"]


async def test_every_file_the_page_names_is_served(client: Client) -> None:
    page = await (await client.get("/")).text()
    names = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert len(names) == 8
    types = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    for name in names:
        response = await client.get(name)
        assert response.status == 200, name
        assert response.content_type == types[name.rsplit(".", 1)[1]]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        forever = "/vendor/" in name
        assert ("immutable" in response.headers["Cache-Control"]) is forever, name
        again = await client.get(name, headers={"If-None-Match": response.headers["ETag"]})
        assert again.status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/graphiql.html",
        "/static/vendor/manifest.json",
        "/static/../graphiql.py",
        "/static/%2e%2e/graphiql.py",
        "/static/vendor/..%2fgraphiql.css",
        "/static//etc/passwd",
        "/static/%00",
    ],
)
async def test_nothing_else_is_served(client: Client, path: str) -> None:
    response = await client.get(URL(path, encoded=True))
    assert response.status == 404


async def test_outside_development_there_is_a_line_of_text() -> None:
    async with await serve(dev=False) as client:
        response = await client.get("/")
        assert response.content_type == "text/plain"
        assert "/graphql" in await response.text()
        assert TOKEN not in await response.text()
        assert (await client.get("/static/graphiql.js")).status == 404
