"""Passwords: changing one, and choosing another when it is forgotten."""

from __future__ import annotations

import asyncio

import pytest

from tests.harness.accounts import PASSWORD, Town, sign_in, town
from tests.harness.api import Api, Refused, StartServer
from tests.harness.clock import FakeClock
from tests.harness.planting import plant_password
from tests.harness.post_office import PostOffice
from tests.harness.verbs import id_of

ME = "{ me { email } }"
OTHER = "a punnet of raspberries"
RESET = "mutation($t: String!, $p: String!) { resetPassword(input: {token: $t, password: $p}) { email } }"  # noqa: E501 - one line


async def test_a_forgotten_password_is_replaced_once_and_signs_everybody_out(here: Town) -> None:
    ada = await here.newcomer()
    nobody = here.server.nobody()
    await nobody.do("requestPasswordReset", "{ email }", email="Ada@example.com")
    token = await here.office.token("ada@example.com", 2)
    await nobody.do("resetPassword", "{ email }", token=token, password=OTHER)
    assert await ada.code(ME) == "UNAUTHENTICATED"
    assert await nobody.code(RESET, t=token, p=OTHER) == "INVALID"
    with pytest.raises(Refused):
        await here.sign_in()
    again = await here.sign_in(password=OTHER)
    assert (await again.run(ME))["me"]["email"] == "ada@example.com"
    letter = await here.office.letter("ada@example.com", 3)
    assert letter["Subject"] == "Your password was changed"


async def test_a_link_serves_its_purpose_once_and_soon(
    start_server: StartServer, office: PostOffice
) -> None:
    clock = FakeClock()
    here = await town(start_server, office, clock=clock)
    nobody = here.server.nobody()
    verify = "mutation($t: String!, $p: String) { verifyEmail(input: {token: $t, password: $p}) { email } }"  # noqa: E501 - one line
    await nobody.do("signUp", "{ email }", email="ada@example.com", password=PASSWORD)
    confirm = await office.token("ada@example.com")
    assert await nobody.code(RESET, t=confirm, p=OTHER) == "INVALID", "another purpose"
    await nobody.run(verify, t=confirm, p=PASSWORD)
    assert await nobody.code(verify, t=confirm, p=PASSWORD) == "INVALID", "a second time"
    await nobody.do("requestPasswordReset", "{ email }", email="ada@example.com")
    reset = await office.token("ada@example.com", 2)
    assert await nobody.code(verify, t=reset) == "INVALID", "another purpose"
    clock.advance(minutes=61)
    assert await nobody.code(RESET, t=reset, p=OTHER) == "INVALID", "too late"
    await nobody.do("requestPasswordReset", "{ email }", email="ada@example.com")
    await nobody.do("requestPasswordReset", "{ email }", email="ada@example.com")
    first, second = [await office.token("ada@example.com", number) for number in (3, 4)]
    await nobody.run(RESET, t=second, p=OTHER)
    assert await nobody.code(RESET, t=first, p=PASSWORD) == "INVALID", "taken back by the other"


async def test_a_hash_is_renewed_when_its_parameters_change(start_server: StartServer) -> None:
    old = await start_server(worker=False)
    await plant_password(old, await id_of(old.user()), "ada@example.com", PASSWORD)
    hashes: list[str] = []
    for rounds in (1, 2, 2):
        server = await start_server(worker=False, password_rounds=rounds)
        await sign_in(server.nobody(), "ada@example.com")
        (row,) = await old.sql("SELECT password_hash FROM account")
        hashes.append(row["password_hash"])
    assert ["t=1" in hashes[0], "t=2" in hashes[1], hashes[1] == hashes[2]] == [True] * 3
    assert all(one.startswith("$argon2id$") for one in hashes)


async def test_so_many_passwords_wait_and_no_more(start_server: StartServer) -> None:
    slow = {"password_rounds": 20, "password_memory": 16_384, "sign_in_tries": 100}
    server = await start_server(worker=False, password_threads=1, password_queue=1, **slow)

    async def guessed(number: int) -> str:
        try:
            await sign_in(server.nobody(), f"user-{number}@example.com")
        except Refused as refused:
            return refused.code
        return "in"

    await guessed(0)
    codes = await asyncio.gather(*(guessed(number) for number in range(1, 9)))
    assert set(codes) == {"UNAUTHENTICATED", "UNAVAILABLE"}
    assert codes.count("UNAVAILABLE") > 3


async def test_changing_it_takes_the_old_one_and_keeps_only_this_session(here: Town) -> None:
    ada, elsewhere = await here.newcomer(), await here.sign_in()
    payload = "{ session { id } token }"
    for wrong in (None, "wrong password"):
        with pytest.raises(Refused) as refused:
            await ada.do("changePassword", payload, currentPassword=wrong, password=OTHER)
        assert refused.value.code == "FORBIDDEN"
    made = await ada.do("changePassword", payload, currentPassword=PASSWORD, password=OTHER)
    assert await elsewhere.code(ME) == "UNAUTHENTICATED"
    assert await ada.code(ME) == "UNAUTHENTICATED", "its token was renewed"
    renewed = Api(ada.session, here.server.url, made["token"])
    assert (await renewed.run("{ session { id } }"))["session"] == made["session"]
    await sign_in(here.server.nobody(), "ada@example.com", OTHER)


async def test_a_changed_address_is_proven_first(here: Town) -> None:
    ada = await here.newcomer()
    await here.sign_up("eve@example.com")
    change = {"currentPassword": PASSWORD}
    await ada.do("changeEmail", "{ email }", email="Ada@new.example", **change)
    assert (await ada.run(ME))["me"]["email"] == "ada@example.com"
    token = await here.office.token("ada@new.example")
    await here.server.nobody().do("verifyEmail", "{ email }", token=token)
    assert (await ada.run(ME))["me"]["email"] == "ada@new.example"
    told = await here.office.letter("ada@example.com", 2)
    assert told["Subject"] == "Your e-mail address was changed"
    same = await ada.do("changeEmail", "{ email }", email="eve@example.com", **change)
    assert same == {"email": "eve@example.com"}
    told = await here.office.letter("eve@example.com", 2)
    assert "#token=" not in told.get_content()
    with pytest.raises(Refused) as refused:
        await ada.do("changeEmail", "{ email }", email="x@y.example", currentPassword="no")
    assert refused.value.code == "FORBIDDEN"
