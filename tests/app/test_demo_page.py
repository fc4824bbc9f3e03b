"""The chat's page and its files over HTTP, and where they are to be had."""

from __future__ import annotations

import re

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from app.config import Settings
from app.demo_page import routes
from app.pages import STATIC, file_routes

Client = TestClient[web.Request, web.Application]
DEMO = STATIC / "demo"
SCRIPTS = sorted(DEMO.glob("*.js"))
STYLES = sorted(DEMO.glob("*.css"))


async def serve(**settings: object) -> Client:
    given = Settings.model_validate(settings)
    app = web.Application()
    app.add_routes([*routes(given), *file_routes(given)])
    client = TestClient(TestServer(app))
    await client.start_server()
    return client


async def policy(**settings: object) -> dict[str, list[str]]:
    """The page's security policy: the sources of each directive."""
    async with await serve(dev=True, **settings) as client:
        header = (await client.get("/demo")).headers["Content-Security-Policy"]
        directives = (directive.split() for directive in header.split(";"))
        return {name: sources for name, *sources in directives}


async def test_the_page_runs_no_script_but_its_own_files() -> None:
    found = await policy()
    assert found["default-src"] == ["'none'"]
    assert found["script-src"] == found["style-src"] == ["'self'"]
    assert found["img-src"] == ["'self'", "blob:"]
    assert found["require-trusted-types-for"] == ["'script'"]
    assert found["frame-ancestors"] == ["'none'"]
    page = (DEMO / "index.html").read_text()
    assert not re.search(r"<style|\s(?:on\w+|style)=|<script(?! type=\"module\" src=)", page)


@pytest.mark.parametrize(
    ("settings", "hosts"),
    [
        ({}, []),
        (
            {"storage_url": "s3://b/f", "storage_endpoint": "https://objects.example:9000"},
            ["https://objects.example:9000", "https://*.objects.example:9000"],
        ),
        ({"storage_url": "s3://b/f"}, ["https://amazonaws.com", "https://*.amazonaws.com"]),
    ],
    ids=["here", "bucket", "amazon"],
)
async def test_the_page_may_send_files_where_they_are_kept(
    settings: dict[str, str], hosts: list[str]
) -> None:
    sources = (await policy(**settings))["connect-src"]
    assert sources[0] == "'self'"
    assert [source for source in sources[1:] if not source.startswith("ws")] == hosts


async def test_every_file_that_the_page_loads_is_served_in_production() -> None:
    async with await serve(demo_page=True) as client:
        page = await (await client.get("/demo")).text()
        names = set(re.findall(r'(?:href|src)="([^"]+)"', page))
        assert {f"/static/demo/{style.name}" for style in STYLES} < names
        names |= {f"/static/demo/{script.name}" for script in SCRIPTS}
        for script in SCRIPTS:
            text = script.read_text()
            names |= set(re.findall(r'from "(/static/[^"]+)"', text))
            there = {name.removeprefix("./") for name in re.findall(r'from "(\./[^"]+)"', text)}
            assert there <= {script.name for script in SCRIPTS}
        assert len(names) > 25
        for name in names:
            assert (await client.get(name)).status == 200, name


@pytest.mark.parametrize(
    "path", ["/static/graphiql.js", "/static/vendor/react-18.3.1/react.production.min.js"]
)
async def test_production_shows_no_other_page_of_ours(path: str) -> None:
    async with await serve(dev=True) as client:
        assert (await client.get(path)).status == 200
    async with await serve(demo_page=True) as client:
        assert (await client.get(path)).status == 404


@pytest.mark.parametrize("path", ["/demo", "/static/demo/main.js", "/static/icon.svg"])
async def test_production_shows_the_page_only_when_asked_to(path: str) -> None:
    async with await serve() as client:
        assert (await client.get(path)).status == 404


@pytest.mark.parametrize("file", [*SCRIPTS, *STYLES], ids=lambda file: file.name)
def test_the_files_are_short_and_make_no_markup_of_text(file: object) -> None:
    text = (DEMO / str(file)).read_text()
    assert len(text.splitlines()) <= 250
    makers = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|Function\("
    assert not re.search(makers, text)
