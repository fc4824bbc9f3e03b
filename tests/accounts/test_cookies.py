"""Cookies: what keeps a browser signed in, and who can do nothing with them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar

from tests.harness.accounts import PASSWORD
from tests.harness.api import Api, StartServer
from tests.harness.browsers import GIVEN, ME, SIGN_IN, cookie_in, post, user_of
from tests.harness.clock import FakeClock
from tests.harness.verbs import id_of


@pytest.mark.parametrize(
    ("settings", "name", "secure"),
    [
        ({}, "punnet_session", ""),
        ({"dev": False}, "__Host-punnet_session", True),
        ({"public_url": "https://api.example"}, "__Host-punnet_session", True),
    ],
)
async def test_the_cookie_is_kept_from_scripts_and_other_sites(
    start_server: StartServer, settings: Any, name: str, secure: object
) -> None:
    dev = await start_server(worker=False)
    await user_of(dev)
    server = await start_server(worker=False, **settings)
    async with ClientSession() as browser:
        response = await post(browser, server, SIGN_IN, input=GIVEN)
    morsel = cookie_in(response)
    assert morsel.key == name
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "Lax", "/")
    assert (morsel["secure"], morsel["domain"]) == (secure, "")
    assert (await response.json())["data"]["signIn"]["token"] is None
    (row,) = await server.sql("SELECT * FROM session")
    assert row["token_hash"] == hashlib.sha256(morsel.value.encode()).hexdigest()
    assert morsel.value not in str(row)


async def test_a_browser_stays_signed_in_until_it_signs_out(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    user = await user_of(server)
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
        await post(browser, server, SIGN_IN, input=GIVEN)
        found = await (await post(browser, server, ME)).json()
        assert found["data"]["me"]["id"] == user
        # A header goes before the cookie.
        eve = server.user("eve")
        found = await (await post(browser, server, ME, eve.headers)).json()
        assert found["data"]["me"]["id"] == await id_of(eve)
        out = await post(browser, server, "mutation { signOut(input: {}) { sessionId } }")
        assert cookie_in(out).value == ""
        found = await (await post(browser, server, ME)).json()
        assert found["data"]["me"] is None
    assert await server.sql("SELECT id FROM session") == []


async def test_a_cookie_that_does_not_hold_makes_nobody_and_is_dropped(
    start_server: StartServer,
) -> None:
    server = await start_server(worker=False)
    await user_of(server)
    async with ClientSession() as browser:
        stale = {"Cookie": "punnet_session=pns_forged"}
        response = await post(browser, server, ME, stale)
        assert (await response.json())["data"]["me"] is None
        assert cookie_in(response).value == ""
        create = 'mutation { createProject(input: {name: "x", framework: VUE}) { project { id } } }'
        refused = await (await post(browser, server, create, stale)).json()
        assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        again = await post(browser, server, SIGN_IN, stale, input=GIVEN)
        assert "data" in await again.json(), "it does not stand in the way of signing in"


async def test_other_sites_can_do_nothing_with_the_cookie(start_server: StartServer) -> None:
    server = await start_server(worker=False, origins=["https://app.example"])
    await user_of(server)
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
        await post(browser, server, SIGN_IN, input=GIVEN)
        evil, mine = {"Origin": "https://evil.example"}, {"Origin": "https://app.example"}
        assert (await post(browser, server, ME, evil)).status == 403
        assert (await post(browser, server, ME, mine)).status == 200
        # A form can't send JSON, and a GET can't change anything.
        url = f"{server.url}/graphql"
        out = "mutation { signOut(input: {}) { sessionId } }"
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            async with browser.post(url, data="x", headers={"Content-Type": kind}) as refused:
                assert refused.status == 415
        async with browser.get(url, params={"query": out}) as refused:
            assert refused.status == 403
        for origin, status in ((evil, 403), (mine, 101)):
            headers = origin | {"Upgrade": "websocket", "Connection": "Upgrade"}
            headers |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x" * 22 + "=="}
            headers |= {"Sec-WebSocket-Protocol": "graphql-transport-ws"}
            async with browser.get(url, headers=headers) as answered:
                assert answered.status == status
    assert len(await server.sql("SELECT id FROM session")) == 1


async def test_a_socket_is_let_in_by_the_cookie_of_its_handshake(
    start_server: StartServer,
) -> None:
    server = await start_server(worker=False)
    user = await user_of(server)
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
        await post(browser, server, SIGN_IN, input=GIVEN)
        async with Api(browser, server.url, None).listen(ME) as events:
            message = await events.message()
            assert message["payload"]["data"]["me"]["id"] == user
            cookie = {"input": GIVEN}
            await events.socket.send_json(
                {"type": "subscribe", "id": "2", "payload": {"query": SIGN_IN, "variables": cookie}}
            )
            codes = [await events.message() for _ in range(2)]
            assert "INVALID" in str(codes), "no cookie can be set on a socket"


async def test_a_browser_gets_a_new_token_each_day_and_others_ask_for_one(
    start_server: StartServer,
) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock)
    await user_of(server)
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
        first = cookie_in(await post(browser, server, SIGN_IN, input=GIVEN)).value
        assert "Set-Cookie" not in (await post(browser, server, ME)).headers
        clock.advance(hours=25)
        second = cookie_in(await post(browser, server, ME)).value
        assert second != first
        old = {"Authorization": f"Bearer {first}"}
        async with ClientSession() as other:
            assert (await post(other, server, ME, old)).status == 200, "until the new one came"
            clock.advance(minutes=2)
            await post(browser, server, ME)
            refused = await (await post(other, server, ME, old)).json()
            assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    ada = Api(server.session, server.url, second)
    made = await ada.do("rotateSession", "{ session { expiresAt } token }")
    renewed = Api(server.session, server.url, made["token"])
    assert (await renewed.run(ME))["session"]
    clock.advance(days=31)
    assert await renewed.code(ME) == "UNAUTHENTICATED", "it ends"


async def test_a_new_token_comes_as_the_one_before(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    await user_of(server)
    given = {"currentPassword": PASSWORD, "password": PASSWORD}
    change = """mutation($input: ChangePasswordInput!) {
      changePassword(input: $input) { session { id } token } }"""
    rotate = "mutation { rotateSession(input: {}) { session { id } token } }"
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
        await post(browser, server, SIGN_IN, input=GIVEN)
        for query, variables in ((change, {"input": given}), (rotate, {})):
            response = await post(browser, server, query, **variables)
            (made,) = (await response.json())["data"].values()
            assert made["token"] is None
            assert cookie_in(response).value.startswith("pns_")
            found = await (await post(browser, server, ME)).json()
            assert found["data"]["session"] == made["session"]
        async with Api(browser, server.url, None).listen(rotate) as events:
            refused = await events.message()
            assert "INVALID" in str(refused), "a socket can't set it, and no script may see it"
    ada = Api(
        server.session,
        server.url,
        (await server.nobody().run(SIGN_IN, input=GIVEN | {"carrier": "BEARER"}))["signIn"][
            "token"
        ],
    )
    assert (await ada.do("rotateSession", "{ token }"))["token"].startswith("pns_")


async def test_a_socket_goes_on_when_the_browser_gets_another_token(
    start_server: StartServer,
) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock)
    user = await user_of(server)
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
        await post(browser, server, SIGN_IN, input=GIVEN)
        async with Api(browser, server.url, None).listen("{ me { id } }") as events:
            assert (await events.next())["id"] == user
            for hours in (25, 1):  # a new token comes; the old one ends
                clock.advance(hours=hours)
                await post(browser, server, ME)
            payload = {"query": "{ me { id } }"}
            await events.socket.send_json({"type": "subscribe", "id": "2", "payload": payload})
            told = [await events.message() for _ in range(2)]
            assert {"me": {"id": user}} in [one.get("payload", {}).get("data") for one in told]
