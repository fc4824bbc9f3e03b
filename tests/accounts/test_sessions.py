"""Sessions: lists, use, and what ends them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.harness.accounts import PASSWORD
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.browsers import LISTEN, ME, a_second, post, signed_in
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.planting import plant_session
from tests.harness.verbs import id_of


async def test_a_socket_tells_the_answer_that_signs_it_out(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada = await signed_in(server)
    given = {"currentPassword": PASSWORD, "password": PASSWORD}
    change = "mutation($i: ChangePasswordInput!) { changePassword(input: $i) { token } }"
    async with ada.listen(change, i=given) as events:
        token = (await events.next())["token"]
        await events.revoked()
    assert (await Api(server.session, server.url, token).run(ME))["me"]


async def test_use_is_noted_once_a_minute(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock)
    ada = await signed_in(server)
    (start,) = await server.sql("SELECT last_active, updated_at FROM session")
    for _ in range(3):
        await ada.run(ME)
    assert await server.sql("SELECT last_active, updated_at FROM session") == [start]
    clock.advance(minutes=2)
    headers = ada.headers | {"User-Agent": "another/2"}
    for _ in range(2):
        await post(server.session, server, ME, headers)
    (row,) = await server.sql("SELECT last_active, user_agent, ip_address FROM session")
    assert row["last_active"] > start["last_active"]
    assert (row["user_agent"], row["ip_address"]) == ("another/2", "127.0.0.1")
    (user,) = await server.sql("SELECT last_active_at FROM user_account")
    assert user["last_active_at"] == row["last_active"]


async def looked_at_newcomers(server: Server) -> bool:
    return any("UNION ALL" in sql and "user_account" in sql for sql, _ in server.statements)


async def test_use_is_no_loss_of_rights(start_server: StartServer) -> None:
    """Whoever listens is not looked at again because their session, or the user, was used."""
    clock = FakeClock()
    here, there = [await start_server(worker=False, clock=clock) for _ in range(2)]
    ada = await signed_in(here)
    made = await ada.do("createProject", "{ project { id } }", name="x", framework="VUE")
    listener = Api(there.session, there.url, ada.token)
    async with listener.listen(LISTEN, id=made["project"]["id"]) as events:
        await events.next()
        await eventually(lambda: looked_at_newcomers(there))
        clock.advance(minutes=2)
        there.statements.clear()
        await ada.run(ME)
        (touched,) = await here.sql("SELECT last_active FROM session")
        assert touched["last_active"] == clock.now()
        await asyncio.sleep(1)  # what another process changed is heard within a quarter of it
        assert not [sql for sql, _ in there.statements if "user_account" in sql]


async def test_sessions_are_listed_and_ended_one_by_one_or_all_but_one(
    start_server: StartServer,
) -> None:
    server = await start_server(worker=False)
    ada = await signed_in(server)
    user = await id_of(ada)
    other, token = await plant_session(server, user)
    more, _ = await plant_session(server, user)
    mine = (await ada.run(ME))["session"]["id"]
    found = await ada.run("{ sessions { id ipAddress userAgent lastActive expiresAt } }")
    assert [one["id"] for one in found["sessions"]] == [more, other, mine]
    await ada.do("revokeSession", "{ revokedSessionId }", id=other)
    gone = Api(server.session, server.url, token)
    assert await gone.code(ME) == "UNAUTHENTICATED"
    ended = await ada.do("revokeOtherSessions", "{ revokedCount }", id=mine)
    assert ended == {"revokedCount": 1}
    assert [row["id"] for row in await server.sql("SELECT id FROM session")] == [mine]
    with pytest.raises(Refused) as refused:
        await server.user("eve").do("revokeSession", "{ revokedSessionId }", id=mine)
    assert refused.value.code == "NOT_FOUND"


@pytest.mark.parametrize("way", ["socket", "stream"])
@pytest.mark.parametrize("end", ["revokeSession", "changePassword", "deleteMe", "deleted"])
async def test_what_listens_ends_within_a_second(
    start_server: StartServer, way: str, end: str
) -> None:
    here, there = await start_server(worker=False), await start_server(worker=False)
    ada = await signed_in(here)
    project = await ada.do("createProject", "{ project { id } }", name="x", framework="VUE")
    session = (await ada.run(ME))["session"]["id"]
    listener = Api(there.session, there.url, ada.token)
    variables = {"id": project["project"]["id"]}
    async with opened(listener, way, variables) as ended:
        await ended("first")
        second = await a_second(listener)
        if end == "revokeSession":
            await ada.do(end, "{ revokedSessionId }", id=session)
        elif end == "changePassword":
            given = {"currentPassword": PASSWORD, "password": PASSWORD * 2}
            await ada.do(end, "{ token }", **given)
        elif end == "deleteMe":
            await ada.do(end, "{ deletedUserId }", currentPassword=PASSWORD)
        else:
            await here.user("ada").do("deleteMe", "{ deletedUserId }", currentPassword=PASSWORD)
        started = time.monotonic()
        assert await listener.code(ME) == "UNAUTHENTICATED"
        await ended("last")
        assert time.monotonic() - started < second


@asynccontextmanager
async def opened(api: Api, way: str, variables: Any) -> AsyncIterator[Any]:
    """A subscription; `ended("first")` waits for its first event, `ended("last")` for its end."""
    if way == "socket":
        async with api.listen(LISTEN, **variables) as events:

            async def heard(what: str) -> None:
                await (events.next() if what == "first" else events.revoked())

            yield heard
        return
    body, accept = {"query": LISTEN, "variables": variables}, {"Accept": "text/event-stream"}
    async with api.session.post(api.url, json=body, headers=api.headers | accept) as response:

        async def read(what: str) -> None:
            word = b"cursor" if what == "first" else b"UNAUTHENTICATED"
            async for line in response.content:
                if word in line:
                    return
            raise AssertionError("it ended without a word")

        yield read
