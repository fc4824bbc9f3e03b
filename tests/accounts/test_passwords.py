"""Passwords: changing one, and choosing another when it is forgotten."""

from __future__ import annotations

import pytest

from tests.harness.accounts import PASSWORD, Town, sign_in
from tests.harness.api import Api, Refused

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
