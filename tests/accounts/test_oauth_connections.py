"""Connecting outside services: bound to user, session and browser, and ended on both sides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from tests.harness.api import StartServer
from tests.harness.connecting import GRANTS, HOME, Harbour, grant_of, harbour
from tests.harness.eventually import eventually
from tests.harness.planting import CIPHER
from tests.harness.post_office import PostOffice
from tests.harness.services import ConnectedService
from tests.harness.verbs import id_of

REVOKE = "mutation($id: ID!) { revokeOauthConnection(input: {id: $id}) { revokedOauthGrantId } }"
LOG = "{ auditLogs { nodes { action userId metadata } } }"


@pytest.fixture
async def here(start_server: StartServer, office: PostOffice) -> AsyncIterator[Harbour]:
    async with harbour(start_server, office) as made:
        yield made


async def test_connecting_writes_every_field(here: Harbour) -> None:
    ada = await here.town.newcomer()
    here.github.lifetime, here.github.scope = 28_800, "read:user,repo"
    grant = await here.connect(ada, here.github)
    account = {"id": "7", "login": "ada", "name": "Ada", "avatarUrl": "https://avatars.example/7"}
    assert grant == grant | {
        "userId": await id_of(ada),
        "provider": "GITHUB",
        "hasAccessToken": True,
        "hasRefreshToken": True,
        "scope": "read:user,repo",
        "metadata": {"account": account, "askedScope": "repo read:user"},
        "refusedAt": None,
        "needsReconnecting": False,
    }
    assert grant["expiresAt"] > grant["createdAt"]
    figma = await here.connect(ada, here.figma)
    assert figma["scope"] == "current_user:read file_content:read"
    assert figma["metadata"]["account"] == {
        "id": "44", "login": "Ada", "avatarUrl": "https://figma.example/44.png",
    }  # fmt: skip
    log = (await ada.run(LOG))["auditLogs"]["nodes"]
    noted = [one for one in log if one["action"] == "SERVICE_CONNECTED"]
    assert {one["metadata"]["provider"] for one in noted} == {"github", "figma"}
    assert {one["userId"] for one in noted} == {await id_of(ada)}


async def test_hole_13_tokens_are_encrypted_and_in_no_answer_and_no_log(
    here: Harbour, capfd: pytest.CaptureFixture[str]
) -> None:
    ada = await here.town.newcomer()
    here.github.lifetime = 28_800
    grant = await here.connect(ada, here.github)
    seen = str(await ada.ask(GRANTS)) + str(await ada.ask(LOG))
    rows = await here.server.sql("SELECT * FROM oauth_connection")
    events = await here.server.sql("SELECT * FROM event_log")
    assert len(here.github.given) == 2
    for token, name in zip(here.github.given, ("access_token", "refresh_token"), strict=True):
        assert token not in seen + str(rows) + str(events)
        purpose = f"oauth_connection.{name}"
        assert CIPHER.open(rows[0][name], owner=grant["userId"], purpose=purpose) == token
    for field in ("accessToken", "refreshToken"):
        assert await ada.code(f"{{ oauthConnections {{ {field} }} }}") == "VALIDATION_FAILED"
    await ada.run(REVOKE, id=grant["id"])
    written = "".join(capfd.readouterr())
    assert not [token for token in here.github.given if token in written]


async def test_hole_13_the_state_belongs_to_the_browser_that_left(here: Harbour) -> None:
    ada = await here.town.newcomer()
    async with await here.browser.get(await here.leave(ada, here.github)) as back:
        returned = back.headers["Location"]
    async with (
        ClientSession() as stranger,
        stranger.get(returned, allow_redirects=False) as refused,
    ):
        assert refused.status == 401
    for forged in ({"state": "another"}, {"state": ""}):
        async with await here.browser.get(str(URL(returned).update_query(forged))) as refused:
            assert refused.status == 401
    other = returned.replace("/connections/github/", "/connections/figma/")
    async with await here.browser.get(other) as refused:
        assert refused.status == 401
    assert (await ada.run(GRANTS))["oauthConnections"] == []
    assert await here.browser.go(returned) == f"{HOME}#connected=github"


async def test_hole_13_a_state_is_good_once_also_for_who_kept_the_cookie(here: Harbour) -> None:
    ada = await here.town.newcomer()
    async with await here.browser.get(await here.leave(ada, here.github)) as back:
        returned = back.headers["Location"]
    jar = here.browser.session.cookie_jar
    kept = {cookie.key: cookie.value for cookie in jar}
    assert await here.browser.go(returned) == f"{HOME}#connected=github"
    jar.update_cookies(kept, URL(here.server.url))
    asked = len(here.github.asked)
    assert await here.browser.go(returned) == f"{HOME}#error=UNAUTHENTICATED"
    assert len(here.github.asked) == asked, "its code was not even tried"


async def test_hole_13_an_errand_to_connect_does_not_sign_anybody_in(
    start_server: StartServer, office: PostOffice
) -> None:
    """Else connecting, which takes no password, would be a way to get one more way in."""
    async with harbour(start_server, office) as outer:
        signing = {"id": "github", "client_id": "punnet", "client_secret": "the client's secret"}
        signing |= {"url": outer.github.url, "api_url": outer.github.url}
        entries = [outer.github.entry()]
        given = {"connections": entries, "sign_in_providers": [signing]}
        server = await start_server(worker=False, app_url="https://app.example", **given)
        ada = await outer.town.newcomer()
        async with await outer.browser.get(await outer.leave(ada, outer.github, server)) as back:
            returned = back.headers["Location"]
        as_sign_in = returned.replace("/connections/github/", "/auth/github/")
        async with await outer.browser.get(as_sign_in) as refused:
            assert refused.status == 401
        assert len((await ada.run("{ accounts { id } }"))["accounts"]) == 1


async def test_an_errand_ends_with_the_session_that_began_it(here: Harbour) -> None:
    ada = await here.town.newcomer()
    url = await here.leave(ada, here.github)
    await ada.do("signOut", "{ everywhere: __typename }")
    assert await here.browser.go(url) == f"{HOME}#error=UNAUTHENTICATED"
    assert await here.server.sql("SELECT id FROM oauth_connection") == []


@pytest.mark.parametrize("page", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
async def test_nobody_is_sent_to_a_page_that_is_not_on_the_list(here: Harbour, page: str) -> None:
    ada = await here.town.newcomer()
    url, headers = f"{here.server.url}/connections/github", {"Authorization": f"Bearer {ada.token}"}
    async with ada.session.post(url, json={"redirectTo": page}, headers=headers) as refused:
        assert refused.status == 400
    headers["Origin"] = "https://evil.example"
    async with ada.session.post(url, json={}, headers=headers) as refused:
        assert refused.status == 403


async def test_only_a_user_with_an_account_connects_what_is_set_up(here: Harbour) -> None:
    url = f"{here.server.url}/connections"
    guest = await here.server.nobody().do("createGuest", "{ token }")
    ada = await here.town.newcomer()
    for name, token, status in (
        ("github", None, 401),
        ("github", guest["token"], 403),
        ("gitlab", ada.token, 404),
    ):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with ada.session.post(f"{url}/{name}", json={}, headers=headers) as refused:
            assert refused.status == status


async def test_a_service_that_says_no_leaves_all_as_it_was(here: Harbour) -> None:
    ada = await here.town.newcomer()
    left = URL(await here.leave(ada, here.github))
    back = URL(left.query["redirect_uri"]).with_query(
        error="access_denied", state=left.query["state"]
    )
    assert await here.browser.go(str(back)) == f"{HOME}#error=NOT_CONNECTED"
    wrong = URL(await here.leave(ada, here.github)).query
    made_up = URL(wrong["redirect_uri"]).with_query(code="made-up", state=wrong["state"])
    assert await here.browser.go(str(made_up)) == f"{HOME}#error=NOT_CONNECTED"
    assert (await ada.run(GRANTS))["oauthConnections"] == []


async def broken(_request: web.Request) -> web.Response:
    return web.Response(status=500, text="<html>planted-secret")


async def garbage(_request: web.Request) -> web.Response:
    return web.Response(text="{")


async def a_list(_request: web.Request) -> web.Response:
    return web.json_response([])


async def elsewhere(_request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "http://169.254.169.254/"})


async def bad_client(_request: web.Request) -> web.Response:
    return web.json_response({"error": "incorrect_client_credentials"})


async def nobody(_request: web.Request) -> web.Response:
    return web.json_response({"access_token": "planted", "id": None})


@pytest.mark.parametrize("spoil", [broken, garbage, a_list, elsewhere, bad_client, nobody])
@pytest.mark.parametrize("service", ["github", "figma"])
async def test_a_service_that_is_down_connects_nothing(
    here: Harbour, service: str, spoil: Any
) -> None:
    ada = await here.town.newcomer()
    one: ConnectedService = getattr(here, service)
    async with await here.browser.get(await here.leave(ada, one)) as back:
        returned = back.headers["Location"]
    one.spoil = spoil
    assert await here.browser.go(returned) == f"{HOME}#error=UNAVAILABLE"
    assert await here.server.sql("SELECT id FROM oauth_connection") == []


async def test_connecting_again_keeps_what_is_not_given_anew(here: Harbour) -> None:
    ada = await here.town.newcomer()
    here.github.lifetime, here.github.scope = 28_800, "repo"
    first = await here.connect(ada, here.github)
    told = await ada.do(
        "updateOauthConnection",
        "{ oauthGrant { metadata } }",
        id=first["id"],
        metadata={"team": "blue", "gone": 1},
    )
    assert told["oauthGrant"]["metadata"] == first["metadata"] | {"team": "blue", "gone": 1}
    refresh = (await here.server.sql("SELECT refresh_token FROM oauth_connection"))[0]
    here.github.lifetime = None
    again = await here.connect(ada, here.github)
    assert again["id"] == first["id"]
    assert (again["hasRefreshToken"], again["expiresAt"]) == (True, None)
    assert again["metadata"] == told["oauthGrant"]["metadata"]
    assert (await here.server.sql("SELECT refresh_token FROM oauth_connection"))[0] == refresh


async def test_another_account_takes_nothing_over(here: Harbour) -> None:
    ada = await here.town.newcomer()
    here.github.lifetime = 28_800
    first = await here.connect(ada, here.github)
    old = await here.token(ada, here.github)
    here.github.lifetime = None
    here.github.user = {"id": 8, "login": "eve"}
    other = await here.connect(ada, here.github)
    assert other["id"] == first["id"]
    assert other["hasRefreshToken"] is False
    assert other["metadata"]["account"] == {"id": "8", "login": "eve"}
    await eventually(lambda: here.github.forgot(old))


async def test_metadata_of_ones_own_is_checked(here: Harbour) -> None:
    ada = await here.town.newcomer()
    grant = await here.connect(ada, here.figma)
    update = """mutation($id: ID!, $metadata: JSON!) {
        updateOauthConnection(input: {id: $id, metadata: $metadata}) { oauthGrant { id } } }"""
    wrong_ones: list[Any] = [{"account": {"login": "eve"}}, {"askedScope": "all"}, [], 1]
    for wrong in [*wrong_ones, {"a": "x" * 20_000}]:
        assert await ada.code(update, id=grant["id"], metadata=wrong) == "INVALID"
    for team in ("blue", None):
        await ada.run(update, id=grant["id"], metadata={"team": team})
    assert (await grant_of(ada, here.figma))["metadata"] == grant["metadata"]
    eve = await here.town.newcomer("eve@example.com")
    assert await eve.code(update, id=grant["id"], metadata={}) == "NOT_FOUND"
    assert await eve.code(REVOKE, id=grant["id"]) == "NOT_FOUND"


@pytest.mark.parametrize("service", ["github", "figma"])
async def test_revoking_ends_it_on_both_sides(here: Harbour, service: str) -> None:
    ada = await here.town.newcomer()
    one: ConnectedService = getattr(here, service)
    grant = await here.connect(ada, one)
    assert one.live
    assert (await ada.run(REVOKE, id=grant["id"])) == {
        "revokeOauthConnection": {"revokedOauthGrantId": grant["id"]}
    }
    assert (await ada.run(GRANTS))["oauthConnections"] == []
    await eventually(one.is_unused)
    log = (await ada.run(LOG))["auditLogs"]["nodes"]
    assert log[0]["action"] == "SERVICE_DISCONNECTED"
    assert log[0]["metadata"] == {"provider": service}


async def told(here: Harbour) -> bool:
    """Whether no service need be told of anything."""
    return await here.server.sql("SELECT id FROM oauth_revocation") == []


async def test_a_service_that_is_down_is_told_later(here: Harbour) -> None:
    ada = await here.town.newcomer()
    grant = await here.connect(ada, here.github)
    (token,) = here.github.live
    here.github.spoil = broken
    await ada.run(REVOKE, id=grant["id"])
    assert (await ada.run(GRANTS))["oauthConnections"] == [], "here it is gone at once"
    await eventually(lambda: here.github.was_asked("DELETE /applications/punnet/token"))
    left = await here.server.sql("SELECT * FROM oauth_revocation")
    assert [row["tries"] for row in left] == [1]
    assert token not in str(left)
    here.github.spoil = None
    anew = await here.connect(ada, here.github)
    await here.server.sql("UPDATE oauth_revocation SET due_at = '2020-01-01'")
    await eventually(lambda: here.github.forgot(token), seconds=20)
    assert await here.token(ada, here.github) in here.github.live, "the new one holds on"
    assert anew["needsReconnecting"] is False
    await eventually(lambda: told(here))


async def revoke_ended(here: Harbour, service: ConnectedService) -> None:
    """End a connection whose token has ended, here and there."""
    ada = await here.town.newcomer()
    service.lifetime = 28_800
    grant = await here.connect(ada, service)
    service.live.clear()
    await here.server.sql("UPDATE oauth_connection SET expires_at = now() - interval '1 minute'")
    await ada.run(REVOKE, id=grant["id"])


@pytest.mark.parametrize("service", ["github", "figma"])
async def test_a_token_that_has_ended_leaves_no_refresh_token_behind(
    here: Harbour, service: str
) -> None:
    """It revokes nothing itself, so another is got, and revoked with all it could renew."""
    one: ConnectedService = getattr(here, service)
    await revoke_ended(here, one)
    await eventually(one.is_left)
    await eventually(lambda: told(here))
    events = str(await here.server.sql("SELECT * FROM event_log"))
    assert not [token for token in one.given if token in events]


async def test_what_a_refresh_token_brought_is_kept_until_it_is_revoked(here: Harbour) -> None:
    """GitHub's refresh tokens can be spent once: a second try must not need it again."""

    async def stubborn(request: web.Request) -> web.Response | None:
        return await broken(request) if request.method == "DELETE" else None

    here.github.spoil = stubborn
    await revoke_ended(here, here.github)
    await eventually(lambda: here.github.was_asked("DELETE /applications/punnet/token"))
    (left,) = await here.server.sql("SELECT * FROM oauth_revocation")
    assert not [token for token in here.github.given if token in str(left)]
    here.github.spoil = None
    await here.server.sql("UPDATE oauth_revocation SET due_at = '2020-01-01'")
    await eventually(here.github.is_left, seconds=20)
    assert here.github.asked.count("POST /login/oauth/access_token") == 2, "the code, one renewal"


async def test_a_grant_that_was_taken_back_is_over(here: Harbour) -> None:
    async def taken_back(request: web.Request) -> None:
        if request.path == "/login/oauth/access_token" and not here.github.live:
            here.github.end()

    here.github.spoil = taken_back
    await revoke_ended(here, here.github)
    await eventually(lambda: told(here))
    assert not await here.github.was_asked("DELETE /applications/punnet/token")


async def test_an_erased_user_is_connected_to_nothing(here: Harbour) -> None:
    ada = await here.town.newcomer()
    await here.connect(ada, here.github)
    await ada.do("deleteMe", "{ deletedUserId }", currentPassword="ripe strawberries")
    assert await here.server.sql("SELECT id FROM oauth_connection") == []
    await eventually(here.github.is_unused)
