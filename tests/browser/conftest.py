"""Headless Chromium against a running server. Run alone: `pytest tests/browser`."""

import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    async_playwright,
    expect,
)

from app.demo import SUBJECT, demo_examples, load_demo
from tests.harness.api import StartServer, settings_for_tests

expect.set_options(timeout=30_000)  # milliseconds: a busy machine is no failure

SCREENSHOTS = Path(__file__).parent / "screenshots"
# GraphiQL's dialogs have no description, of which its own library warns.
GRAPHIQL_OWN = (
    "Warning: Missing `Description` or `aria-describedby={undefined}` for {DialogContent}.",
)
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass(frozen=True)
class Server:
    """A running server: its origin, the demo user's token and one project of theirs."""

    origin: str
    token: str
    project_id: str


@pytest.fixture
async def server(database: str, start_server: StartServer) -> Server:
    """Punnet with its demo data."""
    await load_demo(settings_for_tests(), database)
    running = await start_server()
    (project_id,) = (await demo_examples(running.services.database)).values()
    user = running.user(SUBJECT)
    return Server(origin=running.url, token=user.token or "", project_id=project_id)


@pytest.fixture
async def other_origin() -> AsyncIterator[str]:
    """The origin of an empty page on another port of this machine."""

    async def empty(_: web.Request) -> web.Response:
        return web.Response(
            text="<!doctype html><title>Elsewhere</title>", content_type="text/html"
        )

    app = web.Application()
    app.add_routes([web.get("/", empty)])
    async with TestServer(app) as running:
        yield f"http://127.0.0.1:{running.port}"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "these tests need Debian's package `chromium`"
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=flags)
        yield running
        await running.close()


@dataclass
class Watch:
    """What a page asked for and complained about."""

    hosts: set[str] = field(default_factory=set[str])
    complaints: list[str] = field(default_factory=list[str])

    def on_request(self, request: Request) -> None:
        if not request.url.startswith("data:"):
            self.hosts.add(urlsplit(request.url).netloc)

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and message.text not in GRAPHIQL_OWN:
            self.complaints.append(message.text)


def watch(page: Page) -> Watch:
    seen = Watch()
    page.on("request", seen.on_request)
    page.on("websocket", lambda socket: seen.hosts.add(urlsplit(socket.url).netloc))
    page.on("console", seen.on_console)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    return seen


async def shoot(page: Page, name: str) -> None:
    """Keep a picture of what a page shows."""
    SCREENSHOTS.mkdir(exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")


NewPage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def new_page(browser: Browser) -> AsyncIterator[NewPage]:
    """Pages with storage of their own, as other people's browsers have."""
    async with AsyncExitStack() as stack:

        async def new(**options: Any) -> Page:
            given = {"viewport": {"width": 1440, "height": 900}} | options
            context = await stack.enter_async_context(await browser.new_context(**given))
            return await context.new_page()

        yield new


@pytest.fixture
async def page(new_page: NewPage, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """A page with its own storage; its last state is kept as a picture."""
    opened = await new_page()
    yield opened
    await shoot(opened, re.sub(r"\W+", "_", request.node.name))
