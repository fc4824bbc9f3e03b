"""A stolen session is not enough for what outlives it: another way in, a token, no password."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar

from tests.harness.accounts import PASSWORD, Town, town
from tests.harness.api import Api, Refused, StartServer
from tests.harness.clock import FakeClock
from tests.harness.openid import Browser, OpenIdServer, openid_server
from tests.harness.ownership import dump
from tests.harness.planting import plant_session, plant_way_in
from tests.harness.post_office import PostOffice
from tests.harness.verbs import id_of

OTHER = "a punnet of raspberries"
ACCOUNTS = "{ accounts { id providerId } }"


@pytest.fixture
async def provider() -> AsyncIterator[OpenIdServer]:
    async with openid_server() as provider:
        yield provider


@pytest.fixture
async def linking(
    start_server: StartServer, office: PostOffice, provider: OpenIdServer
) -> AsyncIterator[tuple[Town, Browser]]:
    """A server with providers, and a browser of a thief's."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        here = await town(start_server, office, sign_in_providers=provider.settings())
        yield here, Browser(session, here.server.url)


async def begin_link(browser: Browser, user: Api, **more: Any) -> dict[str, Any]:
    """What `POST /auth/github` answers to who wants to link."""
    body = json.dumps({"link": True, **more})
    headers = {"Authorization": f"Bearer {user.token}", "Content-Type": "application/json"}
    url = f"{browser.base}/auth/github"
    async with browser.session.post(url, data=body, headers=headers) as answer:
        return await answer.json()


@pytest.mark.parametrize(
    ("mutation", "given"),
    [
        ("unlinkAccount", {}),
        ("createApiToken", {"name": "Script", "scopes": ["READ"]}),
        ("changeEmail", {"email": "eve@evil.example"}),
        ("changePassword", {"password": OTHER}),
        ("deleteMe", {}),
    ],
)
async def test_the_password_is_asked_once_more(
    here: Town, mutation: str, given: dict[str, Any]
) -> None:
    thief = await here.newcomer()
    user = await id_of(thief)
    await plant_way_in(here.server, user)
    if mutation == "unlinkAccount":
        given = {"id": (await thief.run(ACCOUNTS))["accounts"][0]["id"]}
    before = _but_tries(await dump(here.server))
    for wrong in ({}, {"currentPassword": "wrong password"}):
        with pytest.raises(Refused) as refused:
            await thief.do(mutation, "{ __typename }", **given, **wrong)
        assert refused.value.errors[0]["extensions"]["field"] == "currentPassword"
    assert _but_tries(await dump(here.server)) == before
    await thief.do(mutation, "{ __typename }", **given, currentPassword=PASSWORD)


def _but_tries(tables: Any) -> Any:
    """The tables without what counts tries and tells of it."""
    return {name: rows for name, rows in tables.items() if name not in ("rate_limit", "event_log")}


async def test_who_has_no_password_signs_in_anew(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock)
    user = await id_of(server.user("ada"))
    await plant_way_in(server, user)
    old = Api(server.session, server.url, (await plant_session(server, user))[1])
    clock.advance(minutes=16)
    new = Api(server.session, server.url, (await plant_session(server, user))[1])
    for mutation, given in (
        ("changePassword", {"password": OTHER}),
        ("createApiToken", {"name": "Script", "scopes": ["READ"]}),
        ("deleteMe", {}),
    ):
        with pytest.raises(Refused) as refused:
            await old.do(mutation, "{ __typename }", **given)
        assert refused.value.code == "FORBIDDEN", mutation
    await new.do("createApiToken", "{ token }", name="Script", scopes=["READ"])


async def test_linking_takes_the_password_and_is_told(linking: tuple[Town, Browser]) -> None:
    here, browser = linking
    ada = await here.newcomer("ada@home.example")
    for wrong in ({}, {"currentPassword": "wrong password"}, {"currentPassword": 5}):
        refused = await begin_link(browser, ada, **wrong)
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN", wrong
    url = (await begin_link(browser, ada, currentPassword=PASSWORD))["url"]
    await browser.go(url)
    assert [one["providerId"] for one in (await ada.run(ACCOUNTS))["accounts"]][1:] == ["github"]
    told = await here.office.letter("ada@home.example", 2)
    assert told["Subject"] == "Your account can be entered in a new way"
    audited = await ada.run("{ auditLogs { nodes { action metadata } } }")
    last = audited["auditLogs"]["nodes"][0]
    assert last == {"action": "ACCOUNT_LINKED", "metadata": {"provider": "github"}}


async def test_linking_ends_with_the_session_it_began_in(linking: tuple[Town, Browser]) -> None:
    here, browser = linking
    ada = await here.newcomer("ada@home.example")
    thief = await here.sign_in("ada@home.example")
    url = (await begin_link(browser, thief, currentPassword=PASSWORD))["url"]
    await ada.do("changePassword", "{ token }", currentPassword=PASSWORD, password=OTHER)
    assert (await browser.go(url)).endswith("#error=UNAUTHENTICATED")
    assert len(await here.server.sql("SELECT id FROM account")) == 1
