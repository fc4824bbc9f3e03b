"""Hole 14: a limit whose key and number the caller chose let them evade it, or lock others out."""

from __future__ import annotations

import re
from typing import Any

import pytest
from graphql import GraphQLInputObjectType

from graphql_schema.schema import graphql_core_schema
from tests.harness.accounts import guest_of
from tests.harness.api import Api, Refused, StartServer
from tests.harness.clock import FakeClock
from tests.harness.uploading import announce
from tests.harness.verbs import id_of

KEY = re.compile(r"(user_usr_[0-9a-z]{26}|account_[0-9a-f]{32}|ip_[0-9a-f.:]+)_[a-z_]+")
START = "{ conversation { id } }"


async def start(api: Api, **more: Any) -> str | None:
    """None for a message that was sent, else the code of its refusal."""
    try:
        await api.do("startConversation", START, **({"content": "Hello"} | more))
    except Refused as refused:
        return refused.code
    return None


def test_hole_14_no_input_names_a_key_or_a_limit() -> None:
    named = {
        f"{name}.{field}"
        for name, one in graphql_core_schema().type_map.items()
        if isinstance(one, GraphQLInputObjectType)
        for field in one.fields
        if re.search(r"limit|window|rate", field, re.IGNORECASE)
    }
    budget = {"SetBudgetInput.softLimit", "SetBudgetInput.hardLimit"}
    assert named == {"SetOrgPlanInput.limits"} | budget, "amounts in a plan and of money, no rates"


async def test_hole_14_keys_are_made_of_the_viewer_and_the_address(
    start_server: StartServer,
) -> None:
    """Whatever a client sends, keys have one of three forms and their windows are ours."""
    server = await start_server(worker=False, rate_limits={}, cost_per_minute=10_000)
    ada = server.user()
    forged = "user_usr_00000000000000000000000000_message"
    await start(ada, content=forged, clientMessageId=forged)
    await announce(ada, b"abc", "text/plain", fileName=forged)
    await guest_of(server)
    spoofed = {"X-Forwarded-For": forged, "User-Agent": forged, "X-Request-Id": "ip_1"}
    sign_in = f'mutation {{ signIn(input: {{email: "{forged}@b.example", password: "12345678"}})'
    body = {"query": f"{sign_in} {{ token }} }}"}
    async with server.session.post(f"{server.url}/graphql", json=body, headers=spoofed):
        pass
    budget = server.services.budget
    assert budget is not None
    await budget.merge()
    keys = [row["key"] for row in await server.sql("SELECT key FROM rate_limit")]
    assert len(keys) >= 6
    assert [key for key in keys if not KEY.fullmatch(key)] == []
    id = await id_of(ada)
    assert {key for key in keys if key.startswith("user_")} == {
        f"user_{id}_{action}" for action in ("message", "upload", "cost")
    }


async def test_hole_14_nobody_locks_out_another(start_server: StartServer) -> None:
    """Ada uses up each of her limits, and tries to use up Eve's: Eve has all of hers."""
    settings: dict[str, Any] = {"rate_limits": {"message": 2, "upload": 2}, "cost_per_minute": 200}
    server = await start_server(worker=False, clock=FakeClock(), **settings)
    ada, eve = server.user("ada"), server.user("eve")
    assert [await start(ada) for _ in range(3)] == [None, None, "RATE_LIMITED"]
    while (await ada.ask("{ me { id } }")).get("data"):
        pass
    assert await ada.code("{ me { id } }") == "RATE_LIMITED"
    assert [await start(eve) for _ in range(2)] == [None, None]
    await announce(eve, b"abc", "text/plain")
    left = (await eve.run("{ actionLimits { action remaining } }"))["actionLimits"]
    assert {one["action"]: one["remaining"] for one in left}["upload"] == 1


async def test_hole_14_another_id_or_address_evades_nothing(start_server: StartServer) -> None:
    settings: dict[str, Any] = {"rate_limits": {"message": 1}, "address_tries": 50}
    server = await start_server(worker=False, clock=FakeClock(), **settings)
    assert await start(await guest_of(server)) is None
    for number in range(3):
        guest = await guest_of(server)
        body = {
            "query": f'mutation {{ startConversation(input: {{content: "{number}"}}) {START} }}'
        }
        headers = guest.headers | {"X-Forwarded-For": f"203.0.113.{number}"}
        async with guest.session.post(guest.url, json=body, headers=headers) as answer:
            found = await answer.json(content_type=None)
        assert found["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


@pytest.mark.parametrize("action", ["message", "upload"])
async def test_hole_14_a_row_keeps_the_limit_it_began_with(
    start_server: StartServer, action: str
) -> None:
    """Other numbers hold from the next window on, also when a server brings them."""
    clock = FakeClock()
    one, two = [
        await start_server(worker=False, clock=clock, rate_limits={action: most})
        for most in (1, 100)
    ]

    async def act(api: Api) -> str | None:
        if action == "message":
            return await start(api)
        try:
            await announce(api, b"abc", "text/plain")
        except Refused as refused:
            return refused.code
        return None

    assert await act(one.user()) is None
    assert await act(two.user()) == "RATE_LIMITED"
    clock.advance(hours=1)
    assert [await act(two.user()) for _ in range(3)] == [None] * 3
