"""Answers that are asked with a user's own key cost nothing, and no trick makes others so."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from aiohttp import web

from tests.accounts.test_user_keys import (
    MODEL,
    OWN,
    SERVERS,
    at,
    by,
    key_in,
    refusal,
    serving,
    set_key,
    told,
)
from tests.app.openai_endpoint import Play, Reply, endpoint
from tests.app.test_openai_tools import call
from tests.harness.api import Api, StartServer
from tests.harness.crediting import balanced, refused, start, usage_of
from tests.harness.eventually import eventually
from tests.harness.tools import TOOLS

COSTLY = {"credits": True}


async def _reply(api: Api, **more: Any) -> str:
    return (await start(api, MODEL, **more))["reply"]["id"]


async def _spent(api: Api) -> tuple[float, float]:
    found = await usage_of(api)
    return found["reserved"], found["spent"]


async def test_an_own_key_that_goes_first_needs_no_credits(start_server: StartServer) -> None:
    async with endpoint(serving(OWN, SERVERS)) as provider:
        server = await start_server(**at(provider), **COSTLY, free_credits=0)
        ada, eve = server.user("ada"), server.user("eve")
        assert (await refused(ada, "startConversation", content="Hi", model=MODEL))["limit"] == 0
        await set_key(ada)
        assert (await told(ada, await _reply(ada)))["content"] == by(OWN)
        await refused(eve, "startConversation", content="Hi", model=MODEL)
        assert await server.sql("SELECT id FROM credit_reservation") == []


async def test_a_key_taken_away_meanwhile_does_not_open_the_servers(
    start_server: StartServer,
) -> None:
    async with endpoint(serving(OWN, SERVERS)) as provider:
        still = await start_server(**at(provider), **COSTLY, worker=False)
        ada = still.user()
        key = await set_key(ada)
        deleted, fallen = await _reply(ada), await _reply(ada)
        await ada.do("updateUserKey", "{ __typename }", id=key["id"], mode="FALLBACK")
        server = await start_server(**at(provider), **COSTLY)
        ada = server.user()
        assert (await told(ada, fallen))["content"] == by(OWN)
        assert (await told(ada, deleted))["content"] == by(OWN)
        assert {one["Authorization"] for one in provider.headers} == {f"Bearer {OWN}"}


async def test_without_the_key_it_fails(start_server: StartServer) -> None:
    async with endpoint(serving(OWN, SERVERS)) as provider:
        still = await start_server(**at(provider), **COSTLY, worker=False)
        ada = still.user()
        key = await set_key(ada)
        reply = await _reply(ada)
        await ada.do("deleteUserKey", "{ __typename }", id=key["id"])
        server = await start_server(**at(provider), **COSTLY)
        assert (await told(server.user(), reply))["errorCode"] == "KEY_MISSING"
        assert provider.headers == []


@pytest.mark.parametrize(("accepted", "spent"), [(SERVERS, 1), (OWN, 0)], ids=["servers", "own"])
async def test_a_fallback_costs_where_the_servers_key_was_used(
    start_server: StartServer, accepted: str, spent: int
) -> None:
    async with endpoint(serving(accepted)) as provider:
        server = await start_server(**at(provider), **COSTLY)
        ada = server.user()
        await set_key(ada, mode="FALLBACK")
        assert (await told(ada, await _reply(ada)))["content"] == by(accepted)
        assert await _spent(ada) == (0, spent)
        await balanced(server.sql)


async def test_what_runs_in_a_browser_uses_no_key(start_server: StartServer) -> None:
    async with endpoint(serving(OWN)) as provider:
        server = await start_server(**at(provider), **COSTLY, worker=False)
        ada = server.user()
        await set_key(ada)
        run = {"content": "App", "model": MODEL, "runSource": "WEBCONTAINER"}
        await ada.do("createProjectWithMessage", "{ __typename }", **run)
        assert await _spent(ada) == (1, 0)


def _asking_first(*accepted: str) -> Play:
    """Answers with words and a call that needs approval, then refuses whatever key comes."""
    asked = itertools.count()

    async def play(reply: Reply) -> web.Response | None:
        if key_in(reply.request) not in accepted or next(asked):
            return refusal(reply.request)
        await reply.chunk({"content": "All of it."})
        wanted = call(0, '{"to": "a"}', "delete")
        await reply.chunk({"tool_calls": [wanted]}, reason="tool_calls")
        await reply.done(usage=(3, 4))
        return None

    return play


@pytest.mark.parametrize(("accepted", "spent"), [(SERVERS, 1), (OWN, 0)], ids=["servers", "own"])
async def test_a_key_that_is_refused_later_gives_nothing_back(
    start_server: StartServer, accepted: str, spent: int
) -> None:
    """What the server's key has written is paid, whatever key the next step is asked with."""
    async with endpoint(_asking_first(accepted)) as provider:
        server = await start_server(**at(provider), **COSTLY, tools=TOOLS)
        ada = server.user()
        await set_key(ada, mode="FALLBACK")
        reply = await _reply(ada)
        (waiting,) = await eventually(lambda: server.sql("SELECT id FROM tool_call"))
        assert await _spent(ada) == (1, 0)
        await set_key(ada, mode="PRIORITY")
        await ada.do("denyToolCall", "{ __typename }", id=waiting["id"])
        end = await told(ada, reply)
        assert (end["outcome"], end["errorCode"]) == ("FAILED", "KEY_REFUSED")
        assert await _spent(ada) == (0, spent)
        await balanced(server.sql)
