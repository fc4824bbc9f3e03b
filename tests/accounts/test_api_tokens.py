"""Tokens for scripts: shown once, good for their scopes, noted in use, and gone when revoked."""

from __future__ import annotations

import asyncio
import hashlib
import re
from datetime import timedelta
from typing import Any

import pytest

from app.auth import HmacTickets
from models.accounts.api_token_text import api_token_of, checksum, is_intact
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.mutations import EVERY, Scene

TOKEN = "{ apiToken { id name start scopes expiresAt lastUsedAt } token }"
LIST = "{ apiTokens { nodes { id name start scopes expiresAt lastUsedAt } } }"
LISTEN = "subscription($id: ID!) { messageChanged(of: {projectId: $id}) { cursor } }"
STREAM = "subscription($id: ID!) { messageStreamed(messageId: $id) { text } }"
ME = "{ me { id } }"


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def make(user: Api, *scopes: str, **given: Any) -> dict[str, Any]:
    """A new token of a user's, as it is shown."""
    return await user.do("createApiToken", TOKEN, name="Script", scopes=list(scopes), **given)


def script(server: Server, made: dict[str, Any]) -> Api:
    """A program that has the token."""
    return Api(server.session, server.url, made["token"])


def test_a_token_is_known_for_one_by_its_shape() -> None:
    tickets, other = HmacTickets(b"one" * 11), HmacTickets(b"two" * 11)
    tokens = [api_token_of(by, f"tok_{n}") for by in (tickets, other) for n in range(500)]
    assert len(set(tokens)) == 1_000
    for token in tokens:
        assert re.fullmatch(r"pnt_[0-9A-Za-z]{36}", token)
        assert is_intact(token)
        swapped = "x" if token[9] != "x" else "y"
        assert not is_intact(token[:9] + swapped + token[10:])
    assert not is_intact("pnt_")
    assert not is_intact(f"{tokens[0]}x")


async def test_a_token_is_shown_once_and_stored_as_a_hash(still: Server) -> None:
    ada = still.user("ada")
    made = await make(ada, "READ", "WRITE", days=30)
    token = made["token"]
    assert (await script(still, made).run(ME))["me"] == (await ada.run(ME))["me"]
    (row,) = await still.sql("SELECT * FROM api_token")
    assert token not in str(row)
    assert row["token_hash"] == hashlib.sha256(token.encode()).hexdigest()
    (log,) = await still.sql("SELECT string_agg(changes::text, '') AS text FROM event_log")
    (audited,) = await still.sql("SELECT string_agg(t::text, '') AS text FROM audit_log t")
    for told in (log["text"], audited["text"], str(await ada.run(LIST))):
        assert token not in told
        assert row["token_hash"] not in told
    (shown,) = (await ada.run(LIST))["apiTokens"]["nodes"]
    assert shown["start"] == token[:10]
    assert shown["scopes"] == ["READ", "WRITE"]


async def test_a_repeated_call_makes_one_token_and_shows_it_again(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    made = await make(ada, "READ", idempotencyKey="backup")
    assert await make(ada, "READ", idempotencyKey="backup") == made
    assert (await make(eve, "READ", idempotencyKey="backup"))["token"] != made["token"]
    assert (await make(ada, "READ"))["token"] != made["token"]
    assert (await script(still, made).run(ME))["me"] == (await ada.run(ME))["me"]
    other = {"name": "Script", "scopes": ["WRITE"], "idempotencyKey": "backup"}
    with pytest.raises(Refused) as refused:
        await ada.do("createApiToken", TOKEN, **other)
    assert refused.value.code == "CONFLICT"
    await ada.do("revokeApiToken", "{ revokedTokenId }", id=made["apiToken"]["id"])
    with pytest.raises(Refused) as refused:
        await make(ada, "READ", idempotencyKey="backup")
    assert refused.value.code == "NOT_FOUND", "what was revoked does not come back"


async def test_what_is_no_token_asks_no_database(still: Server) -> None:
    made = await make(still.user("ada"), "READ")
    good: str = made["token"]
    body = good[4:-6]
    await asyncio.sleep(0.3)
    for bad in (good[:-1], good[:-1] + ("a" if good[-1] != "a" else "b"), "pnt_", "pnt_\u00e9"):
        still.statements.clear()
        with pytest.raises(Refused) as refused:
            await Api(still.session, still.url, bad).run(ME)
        assert refused.value.code == "UNAUTHENTICATED"
        assert not [sql for sql, _ in still.statements if "api_token" in sql]
    forged = "pnt_" + body[::-1] + checksum(body[::-1])
    assert await Api(still.session, still.url, forged).code(ME) == "UNAUTHENTICATED"


async def test_a_token_ends_by_itself(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock)
    ada = Api(server.session, server.url, server.user("ada").token)
    made = await make(ada, "READ", days=2)
    program = script(server, made)
    clock.advance(hours=47)
    assert (await program.run(ME))["me"]
    clock.advance(hours=1)
    assert await program.code(ME) == "UNAUTHENTICATED"


async def test_use_is_noted_once_a_minute(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock)
    made = await make(server.user("ada"), "READ")
    program = script(server, made)
    noted: list[Any] = []
    for seconds in (0, 1, 58, 2, 100):
        clock.advance(seconds=seconds)
        server.statements.clear()
        await asyncio.gather(*(program.run(ME) for _ in range(5)))
        (row,) = await server.sql("SELECT last_used_at FROM api_token")
        noted.append(row["last_used_at"])
    start = noted[0]
    steps = [moment - start for moment in noted]
    minute = timedelta(seconds=61)
    assert steps == [timedelta(), timedelta(), timedelta(), minute, minute + timedelta(seconds=100)]


async def test_no_script_decides_who_comes_in(still: Server) -> None:
    for mutation in (
        "revokeSession", "revokeOtherSessions", "unlinkAccount", "changeEmail", "changePassword",
        "claimGuest", "deleteMe",
    ):  # fmt: skip
        ada = still.user(f"ada-{mutation}")
        program = script(still, await make(ada, "READ", "WRITE", "ADMIN", "BILLING"))
        given = await EVERY[mutation](Scene(still, ada))
        with pytest.raises(Refused) as refused:
            await program.do(mutation, "{ __typename }", **given)
        assert refused.value.code == "FORBIDDEN", mutation


async def test_a_script_makes_no_tokens_and_no_organisations(still: Server) -> None:
    ada = still.user("ada")
    program = script(still, await make(ada, "READ", "WRITE", "ADMIN", "BILLING"))
    for mutation, given in (
        ("createApiToken", {"name": "x", "scopes": ["READ"]}),
        ("createOrg", {"name": "Orchard"}),
    ):
        with pytest.raises(Refused) as refused:
            await program.do(mutation, "{ __typename }", **given)
        assert refused.value.code == "FORBIDDEN"
    assert (await program.run(LIST))["apiTokens"]["nodes"] == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["READ"], "days": 0}, "days"),
        ({"scopes": ["READ"], "days": 367}, "days"),
        ({"scopes": ["READ"], "name": " "}, "name"),
    ],
)
async def test_what_a_token_may_not_be(still: Server, given: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        await still.user("ada").do("createApiToken", TOKEN, **({"name": "Script"} | given))
    assert refused.value.errors[0]["extensions"] == {"code": "INVALID", "field": field}


async def test_revoking_refuses_the_next_request_on_every_process(
    start_server: StartServer,
) -> None:
    here, there = await start_server(worker=False), await start_server(worker=False)
    ada = here.user("ada")
    for _ in range(5):
        made = await make(ada, "READ")
        programs = [script(here, made), script(there, made)]
        for program in programs:
            assert (await program.run(ME))["me"]
        await ada.do("revokeApiToken", "{ revokedTokenId }", id=made["apiToken"]["id"])
        for program in programs:
            assert await program.code(ME) == "UNAUTHENTICATED"


async def test_revoking_ends_what_is_listened_to(start_server: StartServer) -> None:
    here, there = await start_server(worker=False), await start_server(worker=False)
    ada = here.user("ada")
    started = await ada.do(
        "createProjectWithMessage", "{ project { id } reply { id } }", content="Hello"
    )
    made, kept = await make(ada, "READ"), await make(ada, "READ")
    listening = script(there, made), script(there, kept)
    async with (
        listening[0].listen(LISTEN, id=started["project"]["id"]) as events,
        listening[0].listen(STREAM, id=started["reply"]["id"]) as texts,
        listening[1].listen(LISTEN, id=started["project"]["id"]) as others,
    ):
        await asyncio.gather(events.next(), others.next())
        hub = there.services.streams

        async def followed() -> bool:
            return bool(hub._topics)  # noqa: SLF001 - whether the stream has begun shows nowhere else

        await eventually(followed)
        await ada.do("revokeApiToken", "{ revokedTokenId }", id=made["apiToken"]["id"])
        await asyncio.gather(events.revoked(1), texts.revoked(1))
        to = {"conversationId": await _conversation(ada, started["project"]["id"])}
        await ada.do("sendMessage", "{ __typename }", to=to, content="More", supersede=True)
        assert (await others.next(2))["cursor"], "another token of the same user goes on"


async def _conversation(user: Api, project: str) -> str:
    query = "query($id: ID!) { project(id: $id) { conversation { id } } }"
    return (await user.run(query, id=project))["project"]["conversation"]["id"]
