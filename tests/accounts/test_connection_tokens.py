"""Tokens of connections: renewed in time, by one at a time over all processes, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from models.accounts.oauth_connections import OAuthProvider
from models.errors import NotConnected, Unavailable
from tests.harness.api import Api, Server, StartServer
from tests.harness.connecting import Harbour, grant_of, harbour
from tests.harness.eventually import eventually
from tests.harness.post_office import PostOffice
from tests.harness.services import LOOPBACK, ConnectedService
from tests.harness.verbs import id_of

REFRESHED = "POST /login/oauth/access_token"


@pytest.fixture
async def here(start_server: StartServer, office: PostOffice) -> AsyncIterator[Harbour]:
    async with harbour(start_server, office) as made:
        yield made


async def ending(here: Harbour, service: ConnectedService, *, soon: bool = False) -> Api:
    """A user whose connection's token has ended, or will in a minute."""
    ada = await here.town.newcomer()
    service.lifetime = 28_800
    await here.connect(ada, service)
    service.asked.clear()
    when = "now() + interval '1 minute'" if soon else "now() - interval '1 minute'"
    await here.server.sql(f"UPDATE oauth_connection SET expires_at = {when}")
    return ada


def refreshes(service: ConnectedService) -> int:
    return sum(one in (REFRESHED, "POST /v1/oauth/refresh") for one in service.asked)


async def test_a_token_that_holds_is_used_as_it_is(here: Harbour) -> None:
    ada = await here.town.newcomer()
    for service in (here.github, here.figma):
        await here.connect(ada, service)
        service.asked.clear()
        assert await here.token(ada, service) in service.live
        assert service.asked == []


@pytest.mark.parametrize("soon", [True, False])
async def test_a_token_is_renewed_before_it_ends(here: Harbour, soon: bool) -> None:
    ada = await ending(here, here.github, soon=soon)
    before = await grant_of(ada, here.github)
    token = await here.token(ada, here.github)
    assert token in here.github.live
    after = await grant_of(ada, here.github)
    assert after["expiresAt"] > before["expiresAt"]
    assert after["metadata"] == before["metadata"]
    assert await here.token(ada, here.github) == token
    assert refreshes(here.github) == 1


async def test_a_refresh_token_that_is_not_replaced_is_kept(here: Harbour) -> None:
    ada = await ending(here, here.figma)
    for number in (1, 2):
        assert await here.token(ada, here.figma) in here.figma.live
        assert refreshes(here.figma) == number
        assert (await grant_of(ada, here.figma))["hasRefreshToken"]
        await here.server.sql("UPDATE oauth_connection SET expires_at = now()")


async def many(servers: list[Server], user: str, number: int) -> set[str]:
    """The tokens that many get at once, on several servers."""
    asking = [
        servers[one % len(servers)].services.outside.connections.token(user, OAuthProvider.GITHUB)
        for one in range(number)
    ]
    return set(await asyncio.gather(*asking))


async def test_one_at_a_time_renews_over_several_processes(
    start_server: StartServer, office: PostOffice
) -> None:
    """Else the second would spend a token that is spent, and GitHub end them all."""
    async with harbour(start_server, office) as here:
        given = {"connections": [here.github.entry()], "outgoing_allow": LOOPBACK}
        other = await start_server(worker=False, **given)
        ada = await ending(here, here.github)

        async def slow(request: web.Request) -> None:
            await asyncio.sleep(0.3)

        here.github.spoil = slow
        found = await many([here.server, other], await id_of(ada), 40)
        assert len(found) == 1
        assert found <= here.github.live
        assert refreshes(here.github) == 1


async def test_who_hangs_up_loses_no_token(here: Harbour) -> None:
    """The refresh token is spent by the time: what came for it is kept all the same."""
    ada = await ending(here, here.github)
    spent = asyncio.Event()

    async def slow(request: web.Request) -> None:
        spent.set()
        await asyncio.sleep(0.3)

    here.github.spoil = slow
    asking = asyncio.create_task(here.token(ada, here.github))
    await spent.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    here.github.spoil = None
    assert await here.token(ada, here.github) in here.github.live
    assert refreshes(here.github) == 1


async def test_a_process_that_dies_holds_the_others_up_for_a_while_only(here: Harbour) -> None:
    ada = await ending(here, here.github)
    held = "UPDATE oauth_connection SET renewing_until = now() + interval '1 second'"
    await here.server.sql(held)
    assert await here.token(ada, here.github) in here.github.live


async def test_a_rotation_of_keys_meanwhile_loses_no_token(here: Harbour) -> None:
    """Sealed anew, the refresh token's text is another; the token is the same."""
    ada = await ending(here, here.github)

    async def seal_anew(request: web.Request) -> None:
        vault = here.server.services.ports.sign_in.vault
        (row,) = await here.server.sql("SELECT * FROM oauth_connection")
        bound = {"owner": row["owner_id"], "purpose": "oauth_connection.refresh_token"}
        again = vault.seal(vault.open(row["refresh_token"], **bound), **bound)
        await here.server.sql("UPDATE oauth_connection SET refresh_token = $1", again)

    here.github.spoil = seal_anew
    first = await here.token(ada, here.github)
    assert await here.token(ada, here.github) == first


async def test_a_service_that_refuses_has_to_be_connected_anew(here: Harbour) -> None:
    ada = await ending(here, here.github)
    here.github.end()
    for _ in range(2):
        with pytest.raises(NotConnected):
            await here.token(ada, here.github)
    assert refreshes(here.github) == 1, "it is not asked again"
    grant = await grant_of(ada, here.github)
    assert grant["needsReconnecting"]
    assert grant["refusedAt"]
    anew = await here.connect(ada, here.github)
    assert (anew["needsReconnecting"], anew["refusedAt"]) == (False, None)
    assert await here.token(ada, here.github) in here.github.live


async def down(_request: web.Request) -> web.Response:
    return web.Response(status=503)


async def wrong_client(_request: web.Request) -> web.Response:
    return web.json_response({"error": "incorrect_client_credentials"})


@pytest.mark.parametrize("spoil", [down, wrong_client])
async def test_a_service_that_is_down_is_asked_again_later(here: Harbour, spoil: Any) -> None:
    ada = await ending(here, here.github)
    here.github.spoil = spoil
    with pytest.raises(Unavailable):
        await here.token(ada, here.github)
    assert not (await grant_of(ada, here.github))["needsReconnecting"]
    here.github.spoil = None
    assert await here.token(ada, here.github) in here.github.live


async def test_while_it_is_down_a_token_is_used_to_its_end(here: Harbour) -> None:
    ada = await ending(here, here.github, soon=True)
    (held,) = here.github.live
    here.github.spoil = down
    assert await here.token(ada, here.github) == held
    here.github.spoil = None
    assert await here.token(ada, here.github) != held


async def test_a_token_refused_before_its_end_is_replaced(here: Harbour) -> None:
    ada = await ending(here, here.github, soon=True)
    first = await here.token(ada, here.github)
    second = await here.token(ada, here.github, instead_of=first)
    assert second != first
    assert second in here.github.live
    assert await here.token(ada, here.github, instead_of=first) == second, "another was first"
    assert refreshes(here.github) == 2


async def test_nobody_uses_what_is_not_theirs_or_not_there(here: Harbour) -> None:
    ada, eve = await here.town.newcomer(), await here.town.newcomer("eve@example.com")
    await here.connect(ada, here.github)
    for user, service in ((eve, here.github), (ada, here.figma)):
        with pytest.raises(NotConnected):
            await here.token(user, service)
    # A token that was copied to another's row does not open there.
    theirs = await here.connect(eve, here.github)
    await here.server.sql(
        "UPDATE oauth_connection e SET access_token = a.access_token "
        "FROM oauth_connection a WHERE e.id = $1 AND a.id <> e.id",
        theirs["id"],
    )
    with pytest.raises(NotConnected):
        await here.token(eve, here.github)


async def test_a_connection_that_ends_meanwhile_stays_ended(here: Harbour) -> None:
    ada = await ending(here, here.github)
    grant = await grant_of(ada, here.github)

    async def end(request: web.Request) -> None:
        if request.path == "/login/oauth/access_token":
            await ada.do("revokeOauthConnection", "{ revokedOauthGrantId }", id=grant["id"])

    here.github.spoil = end
    with pytest.raises(NotConnected):
        await here.token(ada, here.github)
    await eventually(here.github.is_unused)
