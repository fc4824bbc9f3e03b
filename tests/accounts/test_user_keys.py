"""Users' own keys for providers: encrypted, shown by their ends, used for their answers alone."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from aiohttp import web

from models.accounts.user_keys import TESTS, UserKey
from models.sealing import opened, sealed
from tests.app.openai_endpoint import Endpoint, Reply, endpoint
from tests.harness.answers import ask, ended
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.orgs import found, join
from tests.harness.planting import CIPHER, alter
from tests.harness.verbs import id_of

OWN, OTHER, SERVERS = "sk-own-key-of-ada-7f3a", "sk-another-key-of-ada-91bc", "sk-key-of-the-server"
MODEL = "openai:gpt-5.1-mini"
KEY = "{ userKey { id userId provider maskedKey mode lastUsedAt createdAt updatedAt } }"
LIST = "{ userKeys { id provider maskedKey mode lastUsedAt } }"
TESTED = "{ result message userKey { id } }"
CODE = "query($id: ID!) { message(id: $id) { type error errorCode } }"


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def set_key(user: Api, key: str = OWN, **given: Any) -> dict[str, Any]:
    """A user's key for OpenAI, as it is shown."""
    return (await user.do("setUserKey", KEY, provider="openai", key=key, **given))["userKey"]


def key_in(request: web.Request) -> str | None:
    """The key that a request came with."""
    return request.headers.get("Authorization", "").removeprefix("Bearer ") or None


def by(key: str) -> str:
    """An answer that tells which key it was asked with."""
    return f"By …{key[-4:]}."


def refusal(request: web.Request, status: int = 401) -> web.Response:
    """A refusal that tells the key back, as OpenAI's does in part."""
    told = {"error": {"message": f"Incorrect API key provided: {key_in(request)}", "code": "x"}}
    return web.json_response(told, status=status)


def serving(*accepted: str, status: int = 401) -> Callable[[Reply], Awaitable[Any]]:
    """Answers with the end of the key that was used, or refuses it."""

    async def play(reply: Reply) -> web.Response | None:
        key = key_in(reply.request)
        if key not in accepted:
            return refusal(reply.request, status)
        await reply.chunk({"content": by(key)}, reason="stop")
        await reply.done(usage=(3, 4))
        return None

    return play


def at(server: Endpoint, **settings: Any) -> dict[str, Any]:
    """Settings of a server that has a key of its own for the endpoint."""
    return {"openai_base_url": server.url, "openai_api_key": SERVERS} | settings


async def told(user: Api, message: str) -> dict[str, Any]:
    """What an answer came to."""
    end = await ended(user, message)
    return end | (await user.run(CODE, id=message))["message"]


# -- keeping ---------------------------------------------------------------------------------


async def test_a_key_is_kept_encrypted_and_shown_by_its_ends(still: Server) -> None:
    ada = still.user("ada")
    made = await set_key(ada, f" \t{OWN}\r\n")
    assert (made["maskedKey"], made["mode"]) == ("sk-o…7f3a", "PRIORITY")
    assert made["userId"] == await id_of(ada)
    (row,) = await still.sql("SELECT * FROM user_key")
    assert OWN not in str(row)
    assert opened(CIPHER, UserKey.from_row(row), "encrypted_key") == OWN
    assert [one["id"] for one in (await ada.run(LIST))["userKeys"]] == [made["id"]]
    assert (await still.user("eve").run(LIST))["userKeys"] == []


async def test_a_new_key_takes_the_place_of_the_old(still: Server) -> None:
    ada = still.user("ada")
    first, second = await set_key(ada), await set_key(ada, OTHER, mode="FALLBACK")
    assert first["id"] == second["id"]
    assert (second["maskedKey"], second["mode"]) == ("sk-a…91bc", "FALLBACK")
    (row,) = await still.sql("SELECT * FROM user_key")
    assert opened(CIPHER, UserKey.from_row(row), "encrypted_key") == OTHER
    changed = await ada.do("updateUserKey", KEY, id=first["id"], mode="PRIORITY")
    assert changed["userKey"]["mode"] == "PRIORITY"
    gone = await ada.do("deleteUserKey", "{ deletedUserKeyId }", id=first["id"])
    assert gone == {"deletedUserKeyId": first["id"]}
    assert not await still.sql("SELECT 1 FROM user_key")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"key": "sk-0123456789ab"}, "key"),
        ({"key": f"   {'x' * 15}   "}, "key"),
        ({"key": "x" * 501}, "key"),
        ({"key": "sk-0123456789 abcdef"}, "key"),
        ({"key": "sk-0123456789\nabcdef"}, "key"),
        ({"key": "sk-0123456789-äbcdef"}, "key"),
        ({"key": "sk-0123456789\u0000abcdef"}, "key"),
        ({"provider": "mock"}, "provider"),
        ({"provider": "OpenAI"}, "provider"),
        ({"provider": ""}, "provider"),
    ],
)
async def test_what_a_key_may_not_be(still: Server, given: dict[str, Any], field: str) -> None:
    given = {"provider": "openai", "key": OWN} | given
    with pytest.raises(Refused) as refused:
        await still.user("ada").do("setUserKey", KEY, **given)
    assert refused.value.errors[0]["extensions"] == {"code": "INVALID", "field": field}
    assert given["key"] not in str(refused.value.errors)


async def test_a_guest_and_a_script_have_none(still: Server) -> None:
    made = await still.nobody().do("createGuest", "{ token }")
    ada = still.user("ada")
    kept = await set_key(ada)
    every = {"name": "x", "scopes": ["READ", "WRITE", "ADMIN", "BILLING"]}
    script = (await ada.do("createApiToken", "{ token }", **every))["token"]
    for token in (made["token"], script):
        caller = Api(still.session, still.url, token)
        assert (await caller.run(LIST))["userKeys"] == []
        with pytest.raises(Refused) as refused:
            await set_key(caller, OTHER)
        assert refused.value.code == "FORBIDDEN"
        with pytest.raises(Refused):
            await caller.do("testUserKey", TESTED, id=kept["id"])
    (row,) = await still.sql("SELECT * FROM user_key")
    assert opened(CIPHER, UserKey.from_row(row), "encrypted_key") == OWN


async def test_the_hash_of_a_repeated_call_tells_nothing_of_the_key(still: Server) -> None:
    ada = still.user("ada")
    await set_key(ada, idempotencyKey="k")
    await set_key(ada, idempotencyKey="k")
    with pytest.raises(Refused) as refused:
        await set_key(ada, OTHER, idempotencyKey="k")
    assert refused.value.code == "CONFLICT"
    payload = {"provider": "openai", "key": OWN, "mode": "priority"}
    guesses = {
        hashlib.sha256(orjson.dumps(guess, option=orjson.OPT_SORT_KEYS)).hexdigest()
        for guess in (payload, OWN, {**payload, "mode": "PRIORITY"})
    }
    digests = {hashlib.sha256(bytes.fromhex(guess)).hexdigest() for guess in guesses}
    (row,) = await still.sql("SELECT hash FROM idempotency_key")
    assert row["hash"] not in guesses | digests


async def test_erasing_a_user_deletes_the_keys_at_once(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    await set_key(ada)
    kept = await set_key(eve)
    await ada.do("deleteMe", "{ deletedUserId }")
    assert [row["id"] for row in await still.sql("SELECT id FROM user_key")] == [kept["id"]]


# -- testing ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "result", "words"),
    [
        (200, "OK", "accepts"),
        (401, "REFUSED", "did not accept your key"),
        (403, "REFUSED", "did not accept your key"),
        (429, "UNREACHABLE", "busy"),
        (500, "UNREACHABLE", "out of order"),
    ],
)
async def test_a_key_is_shown_to_its_provider(
    start_server: StartServer, status: int, result: str, words: str
) -> None:
    transactions: list[Any] = []

    async def look(_request: web.Request) -> web.Response:
        idle = "SELECT query FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        transactions.extend(await here.sql(f"{idle} AND datname = current_database()"))
        return web.json_response({"object": "list", "data": []}, status=status)

    async with endpoint(serving(), look) as provider:
        here = await start_server(worker=False, **at(provider))
        ada = here.user("ada")
        made = await set_key(ada)
        tried = await ada.do("testUserKey", TESTED, id=made["id"])
    assert (tried["result"], tried["userKey"]["id"]) == (result, made["id"])
    assert words in tried["message"]
    assert [one["Authorization"] for one in provider.headers] == [f"Bearer {OWN}"]
    assert transactions == []
    (row,) = await here.sql("SELECT * FROM audit_log WHERE action = 'key.tested'")
    assert row["metadata"] == {"provider": "openai", "result": result}
    assert row["resource"] == made["id"]


async def test_a_provider_that_is_not_there_is_unreachable(start_server: StartServer) -> None:
    here = await start_server(worker=False, openai_base_url="http://127.0.0.1:1/v1")
    ada = here.user("ada")
    tried = await ada.do("testUserKey", TESTED, id=(await set_key(ada))["id"])
    assert tried["result"] == "UNREACHABLE"
    assert "127.0.0.1" not in tried["message"]


async def test_tests_are_limited_for_each_user(start_server: StartServer) -> None:
    clock = FakeClock()
    async with endpoint(serving()) as provider:
        here = await start_server(worker=False, clock=clock, **at(provider))
        ada, eve = here.user("ada"), here.user("eve")
        mine, others = (await set_key(ada))["id"], (await set_key(eve))["id"]
        for _ in range(TESTS.most):
            assert (await ada.do("testUserKey", TESTED, id=mine))["result"] == "OK"
        with pytest.raises(Refused) as refused:
            await ada.do("testUserKey", TESTED, id=mine)
        assert refused.value.code == "RATE_LIMITED"
        assert len(provider.headers) == TESTS.most
        assert (await eve.do("testUserKey", TESTED, id=others))["result"] == "OK"
        clock.advance(minutes=11)
        ada = Api(here.session, here.url, here.user("ada").token)
        assert (await ada.do("testUserKey", TESTED, id=mine))["result"] == "OK"


# -- answering -------------------------------------------------------------------------------


async def test_answers_for_a_user_are_asked_with_their_key(start_server: StartServer) -> None:
    clock = FakeClock()
    async with endpoint(serving(OWN, SERVERS)) as provider:
        here = await start_server(clock=clock, **at(provider))
        ada, eve = here.user("ada"), here.user("eve")
        await set_key(ada)
        noted: list[Any] = []
        for _ in range(2):
            end = await told(ada, await ask(ada, "Hello", model=MODEL))
            assert end["content"] == by(OWN)
            assert end["usage"] == {"inputTokens": 3, "outputTokens": 4, "ownKey": True}
            noted.append((await ada.run(LIST))["userKeys"][0]["lastUsedAt"])
            clock.advance(seconds=30)
        end = await told(eve, await ask(eve, "Hello", model=MODEL))
        assert end["content"] == by(SERVERS)
        assert end["usage"] == {"inputTokens": 3, "outputTokens": 4}
    assert noted[0] is not None
    assert noted[0] == noted[1], "once a minute"


async def test_a_members_key_is_used_for_no_other_member(start_server: StartServer) -> None:
    async with endpoint(serving(OWN, SERVERS)) as provider:
        here = await start_server(**at(provider))
        ada, eve = here.user("ada"), here.user("eve")
        org = await found(ada)
        await join(here, ada, org, eve, "EDITOR")
        await set_key(ada)
        for caller, key in ((ada, OWN), (eve, SERVERS)):
            message = await ask(caller, "Hello", model=MODEL, orgId=org)
            assert (await told(caller, message))["content"] == by(key)


async def test_a_refused_key_ends_the_answer_and_the_servers_is_not_used(
    start_server: StartServer,
) -> None:
    async with endpoint(serving(SERVERS)) as provider:
        here = await start_server(**at(provider))
        ada = here.user("ada")
        await set_key(ada)
        end = await told(ada, await ask(ada, "Hello", model=MODEL))
    assert (end["type"], end["outcome"], end["errorCode"]) == ("ERROR", "FAILED", "KEY_REFUSED")
    assert end["error"] == end["content"] == "The provider did not accept your key."
    assert {one["Authorization"] for one in provider.headers} == {f"Bearer {OWN}"}
    assert len(provider.headers) == 1


@pytest.mark.parametrize("status", [401, 402, 403, 429])
async def test_a_fallback_is_used_where_the_servers_key_is_not_served(
    start_server: StartServer, status: int
) -> None:
    async with endpoint(serving(OWN, status=status)) as provider:
        here = await start_server(**at(provider))
        ada = here.user("ada")
        await set_key(ada, mode="FALLBACK")
        end = await told(ada, await ask(ada, "Hello", model=MODEL))
    assert (end["content"], end["errorCode"]) == (by(OWN), None)
    used = [one["Authorization"] for one in provider.headers]
    assert used == [f"Bearer {SERVERS}", f"Bearer {OWN}"]


async def test_a_fallback_stays_unused_where_it_would_not_help(start_server: StartServer) -> None:
    async def broken_off(reply: Reply) -> None:
        await reply.chunk({"content": "Half"})
        reply.drop()

    plays = iter([serving(SERVERS), broken_off, serving(SERVERS), serving(status=400)])

    async def play(reply: Reply) -> Any:
        return await next(plays)(reply)

    async with endpoint(play) as provider:
        here = await start_server(**at(provider))
        ada = here.user("ada")
        await set_key(ada, mode="FALLBACK")
        for _ in range(2):  # the second one is tried again
            end = await told(ada, await ask(ada, "Hello", model=MODEL))
            assert end["content"] == by(SERVERS)
        assert (await told(ada, await ask(ada, "Hello", model=MODEL)))["type"] == "ERROR"
    assert {one["Authorization"] for one in provider.headers} == {f"Bearer {SERVERS}"}
    assert len(provider.headers) == 4


async def test_a_key_of_ones_own_opens_models_that_the_server_has_no_key_for(
    start_server: StartServer,
) -> None:
    """Without an address or a key of the server's, so that nobody is asked: see the header."""
    here = await start_server(worker=False, openai_base_url="", openai_api_key="")
    ada, eve = here.user("ada"), here.user("eve")
    models = (await ada.run("{ models { id available takesKey } }"))["models"]
    by_id = {model["id"]: (model["available"], model["takesKey"]) for model in models}
    assert (by_id[MODEL], by_id["mock:raypx-1"]) == ((False, True), (True, False))
    await set_key(ada, mode="FALLBACK")
    reply = await ask(ada, "Hello", model=MODEL)
    (row,) = await here.sql("SELECT model FROM message WHERE id = $1", reply)
    assert row["model"] == MODEL
    preferred = {"name": "One", "framework": "VUE", "modelPreference": MODEL}
    await ada.do("createProject", "{ project { id } }", **preferred)
    with pytest.raises(Refused) as refused:
        await ask(eve, "Hello", model=MODEL)
    assert refused.value.errors[0]["extensions"] == {"code": "INVALID", "field": "model"}


async def test_an_answer_whose_key_is_gone_says_so(start_server: StartServer) -> None:
    none = {"openai_base_url": "", "openai_api_key": ""}
    front = await start_server(worker=False, **none)
    ada = front.user("ada")
    made = await set_key(ada)
    reply = await ask(ada, "Hello", model=MODEL)
    await ada.do("deleteUserKey", "{ deletedUserKeyId }", id=made["id"])
    await start_server(**none)
    end = await told(ada, reply)
    assert (end["type"], end["errorCode"]) == ("ERROR", "KEY_MISSING")
    assert end["error"] == "This model needs a key of your own."


# -- what it is bound to ---------------------------------------------------------------------

MOVED = {
    "to another owner": "UPDATE user_key SET owner_id = $2, user_id = $2 WHERE id = $1",
    "to another provider": "UPDATE user_key SET provider = 'openai' WHERE id = $1 AND $2 <> ''",
}


@pytest.mark.parametrize("how", MOVED)
async def test_a_key_that_was_moved_by_hand_opens_for_nobody(
    start_server: StartServer, how: str
) -> None:
    async with endpoint(serving(OWN, SERVERS)) as provider:
        here = await start_server(**at(provider))
        ada, eve = here.user("ada"), here.user("eve")
        made = await set_key(ada)
        receiver = eve if how == "to another owner" else ada
        if receiver is ada:
            await seal_for(here, made["id"], "another")
        await here.sql(MOVED[how], made["id"], await id_of(receiver))
        with pytest.raises(Refused) as refused:
            await receiver.do("testUserKey", TESTED, id=made["id"])
        assert refused.value.code == "CONFLICT"
        end = await told(receiver, await ask(receiver, "Hello", model=MODEL))
    assert (end["type"], end["errorCode"]) == ("ERROR", "KEY_MISSING")
    assert end["error"] == "Your key for the provider can't be read any more; set it again."
    assert provider.headers == []


async def seal_for(server: Server, id: str, provider: str) -> None:
    """Make a key one for another provider, in the right way."""
    (row,) = await server.sql("SELECT * FROM user_key WHERE id = $1", id)
    key = UserKey.from_row(row)
    key.provider = provider
    text = sealed(CIPHER, key, "encrypted_key", OWN)
    await alter(server, UserKey, id, provider=provider, encrypted_key=text)


async def test_a_key_that_an_import_left_out_is_shown_as_missing(still: Server) -> None:
    ada = still.user("ada")
    made = await set_key(ada)
    await alter(still, UserKey, made["id"], encrypted_key=None)
    (shown,) = (await ada.run(LIST))["userKeys"]
    assert shown["maskedKey"] is None
    with pytest.raises(Refused) as refused:
        await ada.do("testUserKey", TESTED, id=made["id"])
    assert refused.value.code == "CONFLICT"
