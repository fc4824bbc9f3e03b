"""A server on loopback that speaks as much of Polar's API as is asked of it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from queue import SimpleQueue
from threading import Thread
from typing import Any

from aiohttp import web

from tests.harness.polar import SETTINGS, checkout, customer, moment, subscription

TOKEN = "polar_oat_tests"


def settings_of(shop: Shop, **more: Any) -> dict[str, Any]:
    """The settings of a server that sells here."""
    return SETTINGS | {"polar_token": TOKEN, "polar_server": shop.url} | more


Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Shop:
    """What the server knows, and what was asked of it; a `fault` answers instead of it."""

    def __init__(self, *, knows_all: bool = False) -> None:
        """One that `knows_all` has every subscription that it is asked for."""
        self._knows_all = knows_all
        self.url = ""
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.fault: Fault | None = None
        self._minute = itertools.count(60)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        said = await request.json() if request.can_read_body else dict(request.query)
        self.asked.append((request.method, request.path, said))
        if self.fault is not None:
            return await self.fault(request)
        return self._told(request, said)

    def _told(self, request: web.Request, said: Any) -> web.Response:
        known = request.path.removeprefix("/v1/").strip("/").split("/")
        match request.method, *known:
            case "POST", "checkouts":
                made = checkout("open", None, said["external_customer_id"])
                return web.json_response(made, status=201)
            case "POST", "customer-sessions":
                return web.json_response(_session(said["customer_id"]), status=201)
            case "GET", "subscriptions":
                return web.json_response(self._listed(request))
            case _, "subscriptions", id if self._has(id):
                changed = {"modified_at": moment(next(self._minute))}
                if request.method == "PATCH":
                    self.subscriptions[id] |= said | changed
                return web.json_response(self.subscriptions[id])
        missing = {"error": "ResourceNotFound", "detail": "Not found"}
        return web.json_response(missing, status=404)

    def _has(self, id: str) -> bool:
        if self._knows_all:
            self.subscriptions.setdefault(id, subscription(id, customer(f"cus-of-{id}")))
        return id in self.subscriptions

    def _listed(self, request: web.Request) -> dict[str, Any]:
        customers = request.query.getall("customer_id", [])
        external = request.query.get("external_customer_id")
        items = [
            one
            for one in self.subscriptions.values()
            if one["customer_id"] in customers
            or (external is not None and one["customer"]["external_id"] == external)
        ]
        return {"items": items, "pagination": {"total_count": len(items), "max_page": 1}}


def _session(customer_id: str) -> dict[str, Any]:
    return {
        **{name: customer()[name] for name in ("created_at", "modified_at")},
        "id": "session-1",
        "token": "polar_cst_tests",
        "expires_at": moment(60),
        "return_url": None,
        "customer_portal_url": f"https://polar.example/portal/{customer_id}",
        "customer_id": customer_id,
        "customer": customer(customer_id),
    }


@asynccontextmanager
async def shop(*, knows_all: bool = False) -> AsyncIterator[Shop]:
    """The server while it runs."""
    made = Shop(knows_all=knows_all)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        made.url = f"http://{host}:{port}"
        yield made
    finally:
        await asyncio.wait_for(runner.cleanup(), 5)


@cache
def standing_shop() -> str:
    """The URL of one in a thread that runs as long as the tests, and knows every subscription."""
    found: SimpleQueue[str] = SimpleQueue()

    async def stand() -> None:
        async with shop(knows_all=True) as made:
            found.put(made.url)
            await asyncio.Event().wait()

    Thread(target=lambda: asyncio.run(stand()), daemon=True).start()
    return found.get()
