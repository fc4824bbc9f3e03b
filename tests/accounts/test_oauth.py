"""Signing in through a provider: OpenID Connect and GitHub, each a real server on loopback."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar
from yarl import URL

from tests.harness.accounts import PASSWORD, Town, town
from tests.harness.api import Api, Server, StartServer
from tests.harness.openid import ACCESS, REFRESH, Browser, OpenIdServer, openid_server
from tests.harness.planting import CIPHER
from tests.harness.post_office import PostOffice

ME = "{ me { id email name anonymous } accounts { providerId accountId } }"


@dataclass
class World:
    """A server, a provider, and a browser between them."""

    town: Town
    provider: OpenIdServer
    browser: Browser

    @property
    def server(self) -> Server:
        return self.town.server

    def url(self, path: str) -> str:
        return f"{self.server.url}{path}"

    async def me(self) -> Any:
        return (await self.browser.ask(ME))["data"]


@pytest.fixture
async def world(start_server: StartServer, office: PostOffice) -> AsyncIterator[World]:
    async with openid_server() as provider, ClientSession(cookie_jar=CookieJar(unsafe=True)) as one:
        here = await town(start_server, office, sign_in_providers=provider.settings())
        yield World(here, provider, Browser(one, here.server.url))


@pytest.mark.parametrize(("id", "account"), [("acme", "u1"), ("github", "7")])
async def test_a_first_sign_in_makes_a_user_and_a_second_finds_them(
    world: World, id: str, account: str
) -> None:
    target = await world.browser.go(world.url(f"/auth/{id}?redirectTo=https://app.example/home"))
    assert target == "https://app.example/home"
    found = await world.me()
    assert found["me"] == found["me"] | {"email": "ada@example.com", "name": "Ada"}
    assert found["accounts"] == [{"providerId": id, "accountId": account}]
    world.browser.session.cookie_jar.clear()
    assert (await world.me())["me"] is None
    await world.browser.go(world.url(f"/auth/{id}"))
    assert (await world.me())["me"]["id"] == found["me"]["id"]
    log = (await world.browser.ask("{ auditLogs { nodes { action userId metadata } } }"))["data"]
    noted = [(one["action"], one["metadata"]) for one in log["auditLogs"]["nodes"]]
    first = ("USER_SIGNED_UP", None), ("ACCOUNT_LINKED", {"provider": id}), ("SESSION_OPENED", None)
    assert noted[0] == ("SESSION_OPENED", None)
    assert sorted(noted[1:]) == sorted(first)
    assert {one["userId"] for one in log["auditLogs"]["nodes"]} == {found["me"]["id"]}


async def test_tokens_are_stored_encrypted(world: World) -> None:
    await world.browser.go(world.url("/auth/acme"))
    (row,) = await world.server.sql("SELECT * FROM account")
    for name, text in (("access_token", ACCESS), ("refresh_token", REFRESH)):
        assert text not in str(row)
        assert CIPHER.open(row[name], owner=row["user_id"], purpose=f"account.{name}") == text
    assert "eyJ" not in row["id_token"]


async def test_only_a_proven_address_says_that_two_are_the_same(world: World) -> None:
    ada = await world.town.newcomer()
    mine = (await ada.run(ME))["me"]["id"]
    world.provider.claims |= {"sub": "evil", "email_verified": False}
    await world.browser.go(world.url("/auth/acme"))
    found = (await world.me())["me"]
    assert found["id"] != mine
    assert found["email"] is None
    world.browser.session.cookie_jar.clear()
    world.provider.claims |= {"sub": "u1", "email_verified": True}
    await world.browser.go(world.url("/auth/acme"))
    assert (await world.me())["me"]["id"] == mine
    told = await world.town.office.letter("ada@example.com", 2)
    assert told["Subject"] == "Your account can be entered in a new way"


@pytest.mark.parametrize(
    "spoil",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"sub": ""},
    ],
)
async def test_a_wrong_identity_token_lets_nobody_in(world: World, spoil: dict[str, Any]) -> None:
    world.provider.spoil = spoil
    target = await world.browser.go(world.url("/auth/acme"))
    assert target.endswith("#error=UNAUTHENTICATED")
    assert (await world.me())["me"] is None
    assert await world.server.sql("SELECT id FROM user_account") == []


async def test_a_return_belongs_to_the_browser_that_left(world: World) -> None:
    async with await world.browser.get(world.url("/auth/acme")) as left:
        there = left.headers["Location"]
    async with await world.browser.get(there) as back:
        returned = back.headers["Location"]
    async with (
        ClientSession() as stranger,
        stranger.get(returned, allow_redirects=False) as refused,
    ):
        assert refused.status == 401
    forged = str(URL(returned).update_query(state="another"))
    async with await world.browser.get(forged) as refused:
        assert refused.status == 401
    assert await world.browser.go(returned) == "https://app.example"
    async with await world.browser.get(returned) as again:
        assert again.status == 401, "its cookie is used up"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/", "//evil.example", "https://app.example.evil.example/",
        "https://app.example@evil.example/", "javascript:alert(1)", "https:\\\\evil.example",
        "https://app.example\\@evil.example/", "/local", "http://app.example/",
    ],
)  # fmt: skip
async def test_nobody_is_sent_to_a_page_that_is_not_on_the_list(world: World, url: str) -> None:
    address = URL(world.url("/auth/acme")).update_query(redirectTo=url)
    async with await world.browser.get(str(address)) as refused:
        assert refused.status == 400, url


@pytest.mark.parametrize(("mode", "status"), [("no-cors", 400), ("cors", 400), ("navigate", 303)])
async def test_no_page_fills_the_browser_with_cookies(world: World, mode: str, status: int) -> None:
    url, headers = world.url("/auth/acme"), {"Sec-Fetch-Mode": mode}
    async with world.browser.session.get(url, headers=headers, allow_redirects=False) as answer:
        assert answer.status == status
        assert ("Set-Cookie" in answer.headers) == (status == 303)


async def test_the_cookies_are_kept_from_scripts(world: World) -> None:
    async with await world.browser.get(world.url("/auth/acme")) as left:
        cookie = SimpleCookie(left.headers["Set-Cookie"])
    (morsel,) = cookie.values()
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "Lax", "/")
    assert "acme" not in morsel.value


async def test_linking_takes_a_token_and_a_guest_is_upgraded(world: World) -> None:
    made = await world.server.nobody().do("createGuest", "{ user { id } token }")
    guest = Api(world.browser.session, world.server.url, made["token"])
    async with world.browser.session.post(
        world.url("/auth/acme"), json={}, headers=guest.headers
    ) as answer:
        url = (await answer.json())["url"]
    await world.browser.go(url)
    assert (await world.me())["me"]["id"] == made["user"]["id"]
    ada = await world.town.newcomer("eve@example.com")
    link = {"link": True, "redirectTo": "https://app.example/accounts"}
    proof = {"currentPassword": PASSWORD}
    headers = {"Authorization": f"Bearer {ada.token}"}
    async with world.browser.session.post(
        world.url("/auth/github"), json=link | proof, headers=headers
    ) as answer:
        url = (await answer.json())["url"]
    assert await world.browser.go(url) == "https://app.example/accounts"
    found = await ada.run("{ accounts { id providerId } }")
    assert [one["providerId"] for one in found["accounts"]] == ["credential", "github"]
    for one in found["accounts"][:1]:
        await ada.do("unlinkAccount", "{ unlinkedAccountId }", id=one["id"], **proof)
    unlink = "mutation($id: ID!) { unlinkAccount(input: {id: $id}) { unlinkedAccountId } }"
    assert await ada.code(unlink, id=found["accounts"][1]["id"]) == "CONFLICT"
    async with world.browser.session.post(world.url("/auth/github"), json=link) as refused:
        # The cookie is of who came by acme: their GitHub is another user's now.
        url = (await refused.json())["url"]
    assert (await world.browser.go(url)).endswith("#error=CONFLICT")
    foreign = {"Origin": "https://evil.example"}
    async with world.browser.session.post(
        world.url("/auth/github"), json=link, headers=foreign
    ) as refused:
        assert refused.status == 403


async def test_a_program_without_cookies_exchanges_a_code_once(world: World) -> None:
    verifier = "a verifier that only the program knows"
    hashed = hashlib.sha256(verifier.encode()).digest()
    challenge = urlsafe_b64encode(hashed).rstrip(b"=").decode()
    target = await world.browser.go(world.url(f"/auth/acme?codeChallenge={challenge}"))
    address, _, code = target.partition("#code=")
    assert address == "https://app.example"
    assert (await world.me())["me"] is None, "the browser gets no session"
    answers = [
        await _exchange(world, code=code, verifier="another"),
        await _exchange(world, code=f"{code}x", verifier=verifier),
        await _exchange(world, code=code, verifier=verifier),
        await _exchange(world, code=code, verifier=verifier),
    ]
    assert [status for status, _ in answers] == [400, 400, 200, 400]
    ada = Api(world.browser.session, world.server.url, answers[2][1]["token"])
    assert (await ada.run(ME))["me"]["email"] == "ada@example.com"
    assert len(await world.server.sql("SELECT id FROM session")) == 1


async def test_what_is_no_challenge(world: World) -> None:
    for challenge in ("", "short", "x" * 44, "\u00e9" * 43):
        address = URL(world.url("/auth/acme")).update_query(codeChallenge=challenge)
        async with await world.browser.get(str(address)) as refused:
            assert refused.status == (303 if challenge == "" else 400), challenge


async def _exchange(world: World, **given: str) -> tuple[int, Any]:
    async with world.browser.session.post(world.url("/auth/acme/token"), json=given) as answer:
        return answer.status, await answer.json()
