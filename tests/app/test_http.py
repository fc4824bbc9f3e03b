"""GraphQL over HTTP, on real sockets."""

import asyncio
import gzip
import json
from typing import Any

import aiohttp
import orjson
import pytest

from tests.app.graphql_server import World, client, running, until

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"


async def post(
    session: aiohttp.ClientSession, world: World, body: Any, **headers: str
) -> tuple[int, dict[str, Any], aiohttp.ClientResponse]:
    """Send a body, as JSON unless it is bytes; underscores of header names become dashes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": JSON, "Accept": GRAPHQL}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    async with session.post(world.url, data=data, headers=sent) as response:
        return response.status, orjson.loads(await response.read()), response


def codes(body: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in body["errors"]]


async def test_a_query_is_answered() -> None:
    async with client() as (session, world):
        status, body, response = await post(
            session,
            world,
            {
                "query": "query Q($n: String) { hello(name: $n) }",
                "variables": {"n": "Ann"},
                "operationName": "Q",
                "extensions": {"cost": True},
            },
        )
    assert status == 200
    assert body == {"data": {"hello": "hello Ann"}, "extensions": {"cost": {"fields": 1}}}
    assert response.headers["Content-Type"] == f"{GRAPHQL}; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert world.observed == [("query", "Q", [])]
    assert world.opened == world.closed == 1
