"""Who is asking: from the headers of a request, or of a socket, to a user's row."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import WSMsgType
from cryptography.hazmat.primitives.asymmetric import ec

from app.auth import LocalTokens
from app.clock import SystemClock
from tests.app.auth.identity_provider import IdentityProvider, public_jwk, signed
from tests.harness.api import SECRET, Api, Refused, Server, StartServer, settings_for_tests

ME = "{ me { id clerkId name email emailVerified anonymous avatarUrl } }"
KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def asked(server: Server, header: str | None) -> tuple[int, dict[str, Any], str | None]:
    """Status, answer and challenge for a query with this Authorization header."""
    api = server.nobody()
    headers = api.headers | ({"Authorization": header} if header is not None else {})
    async with server.session.post(api.url, json={"query": ME}, headers=headers) as response:
        found = await response.json(content_type=None)
        return response.status, found, response.headers.get("WWW-Authenticate")


async def test_the_forms_of_the_header(still: Server) -> None:
    token = still.user("ada").token
    for header in (f"Bearer {token}", f"bearer {token}", f"BEARER   {token}", f" Bearer {token} "):
        status, found, _ = await asked(still, header)
        assert (status, found["data"]["me"]["clerkId"]) == (200, "ada"), header
    assert (await asked(still, None))[1] == {"data": {"me": None}}


async def test_what_does_not_hold_is_refused_and_never_taken_for_signed_out(still: Server) -> None:
    token = str(still.user("ada").token)
    head, body, mark = token.split(".")
    other = await _token_of_another_secret()
    expired = still.services.authenticator.local.issue_dev_token("ada", lifetime=_minutes(-5))
    for header in (
        "", "Bearer", "Bearer ", token, f"Basic {token}", f"Token {token}", f"Bearer {token} x",
        f"Bearer {head}.{body}.", f"Bearer {head}.{body}.{mark[:-2]}AA", f"Bearer {head}.{body}",
        "Bearer null", "Bearer undefined", f"Bearer {other}", f"Bearer {expired}",
        f"Bearer {'x' * 8_000}", f"Bearer,{token}", "Bearer \u00e9",
    ):  # fmt: skip
        status, found, challenge = await asked(still, header)
        assert status == 401, (header, found)
        assert found["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED", header
        assert "data" not in found
        assert challenge == "Bearer"
    assert await still.sql("SELECT id FROM user_account") == [], "nobody was met"


def _minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


async def _token_of_another_secret() -> str:
    other = (SECRET + " but another").encode()
    return LocalTokens(settings_for_tests(), other, SystemClock()).issue_dev_token("ada")


async def test_a_socket_is_closed_for_a_bad_token_and_at_the_tokens_end(still: Server) -> None:
    assert await _closed(still, "nonsense") == (4403, "The token is malformed.")
    local = still.services.authenticator.local
    assert (await _closed(still, local.issue_dev_token("ada", lifetime=_minutes(-5))))[0] == 4403
    started = time.monotonic()
    assert await _closed(still, local.issue_dev_token("ada", lifetime=_minutes(2 / 60))) == (
        4403,
        "token expired",
    )
    assert time.monotonic() - started < 4


async def _closed(server: Server, token: str) -> tuple[int | None, str]:
    """How a socket that hears messages with this token ends."""
    async with server.session.ws_connect(
        f"{server.url}/graphql", protocols=["graphql-transport-ws"]
    ) as socket:
        await socket.send_json({"type": "connection_init", "payload": {"authorization": token}})
        while True:
            frame = await socket.receive(10)
            if frame.type is not WSMsgType.TEXT:
                assert frame.type is WSMsgType.CLOSE, frame
                return socket.close_code, str(frame.extra)


async def test_a_hundred_first_requests_make_one_user(still: Server) -> None:
    ada = still.user("new")
    found = await asyncio.gather(*(ada.run(ME) for _ in range(100)))
    assert len({one["me"]["id"] for one in found}) == 1
    assert len(await still.sql("SELECT id FROM user_account")) == 1
    assert len(await still.sql("SELECT position FROM event_log")) == 1


async def test_an_address_belongs_to_the_first_who_brings_it(still: Server) -> None:
    local = still.services.authenticator.local
    tokens = [
        local.issue_dev_token(name, email=email)
        for name, email in (("ada", "Ada@Example.com"), ("eve", "ada@example.COM"))
    ]
    users = [(await Api(still.session, still.url, token).run(ME))["me"] for token in tokens]
    assert [user["email"] for user in users] == ["ada@example.com", None]
    assert [user["emailVerified"] for user in users] == [True, False]
    parallel = [local.issue_dev_token(f"p{n}", email="p@example.com") for n in range(10)]
    many = await asyncio.gather(*(Api(still.session, still.url, t).run(ME) for t in parallel))
    assert sorted(bool(one["me"]["email"]) for one in many) == [False] * 9 + [True]


async def test_what_a_token_says_may_be_odd(still: Server) -> None:
    """Nobody is locked out by what their provider says of them."""
    local = still.services.authenticator.local
    for number, (name, email) in enumerate(
        (
            ("x" * 255, "a@b"),
            (" ", None),
            ("\u202eevil", "\u0130" * 300 + "@b.example"),
            ("a\0b", "x"),
        )
    ):
        token = local.issue_dev_token(f"odd {number}", name=name, email=email)
        assert (await Api(still.session, still.url, token).run(ME))["me"]["name"]


async def test_a_guest_comes_back_with_the_token_and_no_other(still: Server) -> None:
    made = await still.nobody().do("createGuest", "{ user { id name anonymous } token }")
    assert made["user"]["anonymous"] is True
    assert made["user"]["name"] == "Guest"
    guest = Api(still.session, still.url, made["token"])
    assert (await guest.run(ME))["me"]["id"] == made["user"]["id"]
    # A guest's id is no subject of somebody signed in.
    assert (await still.user(made["user"]["id"]).run(ME))["me"]["id"] != made["user"]["id"]
    # An account that is no guest's any more is not entered with a guest's token.
    await still.sql("UPDATE user_account SET anonymous = false WHERE id = $1", made["user"]["id"])
    assert await guest.code(ME) == "UNAUTHENTICATED"
    never = still.services.authenticator.issue_guest_token("usr_" + "0" * 26)
    assert await Api(still.session, still.url, never).code(ME) == "UNAUTHENTICATED"


async def test_a_deleted_user_is_refused_at_once(still: Server) -> None:
    """By HTTP, on a socket that is open already, and in what that socket listens to."""
    ada = still.user("ada")
    user = (await ada.run(ME))["me"]["id"]
    project = await ada.do("createProject", "{ project { id } }", name="x", framework="VUE")
    listening = "subscription($id: ID!) { agentRunChanged(projectId: $id) { cursor } }"
    async with ada.listen(listening, id=project["project"]["id"]) as events:
        await events.next()
        await still.sql("UPDATE user_account SET deleted_at = now() WHERE id = $1", user)
        assert await ada.code(ME) == "UNAUTHENTICATED"
        create = 'mutation { createProject(input: {name: "y", framework: VUE}) { project { id } } }'
        for number, query in enumerate((ME, create, listening)):
            payload = {"query": query, "variables": {"id": project["project"]["id"]}}
            await events.socket.send_json(
                {"type": "subscribe", "id": f"s{number}", "payload": payload}
            )
            received = await events.socket.receive()
            if received.type is WSMsgType.CLOSE:
                assert received.data == 4403
                break
            message = received.json()
            assert message["type"] == "error", message
            assert message["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert len(await still.sql("SELECT id FROM project")) == 1
    with pytest.raises(Refused):
        await still.user("ada").run(ME)


async def test_finding_out_who_asks_takes_one_statement(still: Server) -> None:
    ada = still.user("ada")
    await ada.run(ME)
    still.statements.clear()
    await ada.run("{ models { id } }")
    # What reads the log and what readies a connection belongs to no request.
    other = ("event_log", "message m", "RESET ALL")
    mine = [sql for sql, _ in still.statements if not any(part in sql for part in other)]
    assert len(mine) == 1, mine
    assert "FROM user_account" in mine[0]
    still.statements.clear()
    await still.nobody().run("{ models { id } }")
    assert [sql for sql, _ in still.statements if "user_account" in sql] == []


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    async with IdentityProvider() as provider:
        provider.publish(public_jwk(KEY, kid="k1", alg="ES256"))
        yield provider


def provided(provider: IdentityProvider, **changes: Any) -> str:
    """A token of the identity provider."""
    now = int(time.time())
    good = {"iss": provider.issuer, "sub": "user_1", "aud": "punnet", "iat": now, "exp": now + 60}
    claims = {name: value for name, value in (good | changes).items() if value is not None}
    return signed({"alg": "ES256", "kid": "k1", "typ": "JWT"}, claims, KEY)


async def test_a_user_of_the_identity_provider(
    start_server: StartServer, provider: IdentityProvider
) -> None:
    server = await start_server(
        worker=False, dev=False, jwt_issuer=provider.issuer, jwt_audience="punnet"
    )
    token = provided(
        provider, email="Ada@Example.com", email_verified=True, picture="https://x.example/a.png"
    )
    ada = Api(server.session, server.url, token)
    me = (await ada.run(ME))["me"]
    assert me == {
        "id": me["id"], "clerkId": "user_1", "name": "user_1", "email": "ada@example.com",
        "emailVerified": True, "anonymous": False, "avatarUrl": "https://x.example/a.png",
    }  # fmt: skip
    await asyncio.gather(*(ada.run(ME) for _ in range(20)))
    assert provider.fetches == 1, "the keys are fetched once"
    named = Api(server.session, server.url, provided(provider, sub="user_2", name="Eve"))
    assert (await named.run(ME))["me"]["name"] == "Eve"
    long = "https://x.example/" + "a" * 2_020
    far = Api(server.session, server.url, provided(provider, sub="user_3", picture=long))
    assert (await far.run(ME))["me"]["avatarUrl"] is None
    now = int(time.time())
    for changes in (
        {"exp": now - 60}, {"iss": "https://evil.example"}, {"aud": "x"}, {"aud": None},
        {"exp": None}, {"sub": ""}, {"nbf": now + 600},
    ):  # fmt: skip
        bad = Api(server.session, server.url, provided(provider, **changes))
        assert await bad.code(ME) == "UNAUTHENTICATED", changes
    assert len(await server.sql("SELECT id FROM user_account")) == 3


async def test_a_token_for_development_is_refused_outside_it(start_server: StartServer) -> None:
    dev = await start_server(worker=False)
    token = dev.user("ada").token
    strict = await start_server(worker=False, dev=False)
    assert await Api(strict.session, strict.url, token).code(ME) == "UNAUTHENTICATED"
