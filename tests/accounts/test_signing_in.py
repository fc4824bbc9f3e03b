"""Signing up, proving the address, signing in and out."""

from __future__ import annotations

import time

import pytest
from aiohttp import WSMsgType

from tests.harness.accounts import PASSWORD, Town, sign_in
from tests.harness.api import Api, Refused, StartServer

ME = "{ me { id email emailVerified name anonymous clerkId } session { id } }"


async def test_from_signing_up_to_signing_out(here: Town) -> None:
    nobody = here.server.nobody()
    sent = await nobody.do("signUp", "{ email }", email=" Ada@Example.com ", password=PASSWORD)
    assert sent == {"email": "ada@example.com"}
    letter = await here.office.letter("ada@example.com")
    assert "https://app.example/verify-email#token=" in letter.get_content()
    assert PASSWORD not in letter.get_content()
    with pytest.raises(Refused) as refused:  # not before the address is proven
        await sign_in(nobody, "ada@example.com")
    assert refused.value.code == "UNAUTHENTICATED"
    token = await here.office.token("ada@example.com")
    await nobody.do("verifyEmail", "{ email }", token=token, password=PASSWORD)
    made = await sign_in(nobody, "ADA@example.com")
    assert made["user"]["name"] == "ada"
    ada = Api(here.server.session, here.server.url, made["token"])
    found = await ada.run(ME)
    assert found == {
        "me": {
            "id": made["user"]["id"], "email": "ada@example.com", "emailVerified": True,
            "name": "ada", "anonymous": False, "clerkId": None,
        },
        "session": {"id": made["session"]["id"]},
    }  # fmt: skip
    out = await ada.do("signOut", "{ sessionId }")
    assert out == {"sessionId": made["session"]["id"]}
    assert await ada.code(ME) == "UNAUTHENTICATED"
    assert await here.server.sql("SELECT id FROM session") == []


async def test_a_stranger_who_signed_up_first_gets_nowhere(here: Town) -> None:
    """They chose a password for another's address, and wait until its owner opens the link."""
    nobody = here.server.nobody()
    for number, password in ((1, "the stranger's"), (2, PASSWORD)):
        await nobody.do("signUp", "{ email }", email="ada@example.com", password=password)
        await here.office.letter("ada@example.com", number)
    theirs, mine = [await here.office.token("ada@example.com", number) for number in (1, 2)]
    for password in (None, PASSWORD):
        with pytest.raises(Refused) as refused:
            await nobody.do("verifyEmail", "{ email }", token=theirs, password=password)
        assert refused.value.errors[0]["extensions"] == {"code": "INVALID", "field": "password"}
    assert await here.server.sql("SELECT id FROM user_account") == []
    await nobody.do("verifyEmail", "{ email }", token=mine, password=PASSWORD)
    await here.sign_in("ada@example.com")
    with pytest.raises(Refused) as refused:
        await nobody.do("verifyEmail", "{ email }", token=theirs, password="the stranger's")
    assert refused.value.code == "CONFLICT"


LISTEN = "subscription($id: ID!) { agentRunChanged(projectId: $id) { cursor } }"


async def test_signing_out_ends_what_listens(here: Town, start_server: StartServer) -> None:
    """On every process, within a second; the next request is refused at once."""
    other = await start_server(worker=False)
    ada = await here.newcomer()
    elsewhere = Api(other.session, other.url, ada.token)
    again = await here.sign_in()
    made = await ada.do("createProject", "{ project { id } }", name="x", framework="VUE")
    project = made["project"]["id"]
    async with (
        ada.listen(LISTEN, id=project) as one,
        elsewhere.listen(LISTEN, id=project) as two,
        again.listen(LISTEN, id=project) as three,
    ):
        for events in (one, two, three):
            await events.next()
        started = time.monotonic()
        await ada.do("signOut", "{ sessionId }")
        assert await elsewhere.code(ME) == await ada.code(ME) == "UNAUTHENTICATED"
        for events in (one, two):
            frame = await events.socket.receive(5)
            assert frame.type is WSMsgType.CLOSE
            assert events.socket.close_code == 4403
        assert time.monotonic() - started < 1
        assert (await again.run(ME))["me"]["email"] == "ada@example.com"
        assert not three.socket.closed
