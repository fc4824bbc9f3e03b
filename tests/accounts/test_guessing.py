"""Guessing: slowed for each account and each address, however it is asked."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from tests.harness.accounts import PASSWORD, Town, town
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.planting import plant_password
from tests.harness.post_office import PostOffice
from tests.harness.verbs import id_of

GUESSES = int(os.environ.get("FUZZ_ROUNDS", "1")) * 1_000
WRONG = "wrong password"
SIGN_IN = 'signIn(input: {{email: "{email}", password: "{password}"}}) {{ token }}'


async def user_with_password(server: Server, name: str = "ada") -> str:
    """A user's address."""
    email = f"{name}@example.com"
    await plant_password(server, await id_of(server.user(name)), email, PASSWORD)
    return email


async def guess(api: Api, email: str, password: str = WRONG) -> str:
    """The code of signing in, or `in`."""
    try:
        await api.do("signIn", "{ token }", email=email, password=password)
    except Refused as refused:
        return refused.code
    return "in"


async def test_an_account_is_guessed_at_so_often_on_all_processes(
    start_server: StartServer,
) -> None:
    clock = FakeClock()
    one, two = [await start_server(worker=False, sign_in_tries=4, clock=clock) for _ in range(2)]
    email = await user_with_password(one)
    codes = [await guess(server.nobody(), email) for server in (one, two, one, two)]
    assert codes == ["UNAUTHENTICATED"] * 4
    for server in (one, two):
        assert await guess(server.nobody(), email, PASSWORD) == "RATE_LIMITED"
    assert await guess(one.nobody(), "eve@example.com") == "UNAUTHENTICATED", "another account"
    clock.advance(minutes=16)
    assert await guess(two.nobody(), email, PASSWORD) == "in"


async def test_an_unknown_account_is_limited_as_a_known_one(start_server: StartServer) -> None:
    server = await start_server(worker=False, sign_in_tries=2)
    known = await user_with_password(server)
    found = [
        [await guess(server.nobody(), email) for _ in range(4)]
        for email in (known, "nobody@example.com")
    ]
    assert found[0] == found[1] == ["UNAUTHENTICATED"] * 2 + ["RATE_LIMITED"] * 2


async def test_an_address_has_a_limit_over_all_accounts(start_server: StartServer) -> None:
    server = await start_server(worker=False, address_tries=5, trusted_proxies=["127.0.0.0/8"])
    api = server.nobody()
    codes = [await guess(api, f"user-{number}@example.com") for number in range(7)]
    assert codes == ["UNAUTHENTICATED"] * 5 + ["RATE_LIMITED"] * 2
    # What a proxy of ours tells is another address; what it was told itself is not believed.
    query = "mutation { " + SIGN_IN.format(email="x@example.com", password="wrong one") + " }"
    for forwarded, code in (
        ("203.0.113.9", "UNAUTHENTICATED"),
        ("203.0.113.9, 127.0.0.1", "UNAUTHENTICATED"),
        ("nonsense", "RATE_LIMITED"),
    ):
        headers = api.headers | {"X-Forwarded-For": forwarded}
        async with server.session.post(api.url, json={"query": query}, headers=headers) as answer:
            found = await answer.json(content_type=None)
        assert found["errors"][0]["extensions"]["code"] == code, forwarded


async def test_nobody_is_believed_about_their_address_without_a_proxy(
    start_server: StartServer,
) -> None:
    server = await start_server(worker=False, address_tries=2)
    api = server.nobody()
    codes: list[str] = []
    for number in range(4):
        query = SIGN_IN.format(email=f"u{number}@example.com", password="wrong one")
        headers = api.headers | {"X-Forwarded-For": f"203.0.113.{number}"}
        body = {"query": f"mutation {{ {query} }}"}
        async with server.session.post(api.url, json=body, headers=headers) as answer:
            found = await answer.json(content_type=None)
        codes.append(found["errors"][0]["extensions"]["code"])
    assert codes == ["UNAUTHENTICATED"] * 2 + ["RATE_LIMITED"] * 2


async def test_aliases_count_one_by_one(start_server: StartServer) -> None:
    """The first refusal ends a mutation's document, so one holds no more than one wrong guess."""
    server = await start_server(worker=False, sign_in_tries=5)
    email = await user_with_password(server)
    fields = [
        f"a{number}: " + SIGN_IN.format(email=email, password=f"guess number {number}")
        for number in range(20)
    ]
    right = "a20: " + SIGN_IN.format(email=email, password=PASSWORD)
    for tried in range(1, 8):
        answer = await server.nobody().ask(f"mutation {{ {' '.join([*fields, right])} }}")
        codes = [error["extensions"]["code"] for error in answer["errors"]]
        assert codes == ["UNAUTHENTICATED" if tried <= 5 else "RATE_LIMITED"]
        (row,) = await server.sql("SELECT count FROM rate_limit WHERE key LIKE 'account%'")
        assert row["count"] == min(tried, 5)
    assert await server.sql("SELECT id FROM session") == []


async def test_wrong_values_of_links_are_counted(start_server: StartServer) -> None:
    server = await start_server(worker=False, address_tries=3)
    verify = "mutation($t: String!) { verifyEmail(input: {token: $t}) { email } }"
    codes = [await server.nobody().code(verify, t=f"guess {number}") for number in range(5)]
    assert codes == ["INVALID"] * 3 + ["RATE_LIMITED"] * 2


async def test_answers_do_not_tell_whether_an_address_is_known(here: Town) -> None:
    """The same payload, the same writes, and a mail to its owner in each case."""
    await here.sign_up("ada@example.com")
    nobody = here.server.nobody()
    sent: list[list[str]] = []
    for email in ("ada@example.com", "eve@example.com"):
        here.server.statements.clear()
        made = await nobody.do("signUp", "{ email }", email=email, password=PASSWORD)
        assert made == {"email": email}
        sent.append(_own(here.server))
        here.server.statements.clear()
        made = await nobody.do("requestPasswordReset", "{ email }", email=email)
        assert made == {"email": email}
        sent.append(_own(here.server))
    assert sent[0] == sent[2]
    assert sent[1] == sent[3]
    for email, count in (("ada@example.com", 3), ("eve@example.com", 2)):
        await here.office.letter(email, count)


def _own(server: Server) -> list[str]:
    """The statements of a request, without those of what runs beside it."""
    written = ("INSERT INTO verification", "INSERT INTO mail", "WHERE email = $1")
    return [sql for sql, _ in server.statements if any(part in sql for part in written)]


async def test_an_unknown_address_takes_as_long(start_server: StartServer) -> None:
    """Both hash once: with slow hashing, neither is told by the clock."""
    server = await start_server(
        worker=False, password_memory=8_192, password_rounds=3, sign_in_tries=1_000
    )
    known = await user_with_password(server)
    await guess(server.nobody(), "warm@example.com")
    times: dict[str, list[float]] = {known: [], "nobody@example.com": []}
    for _ in range(15):
        for email, taken in times.items():
            started = time.process_time()  # not of the other processes on the machine
            assert await guess(server.nobody(), email) == "UNAUTHENTICATED"
            taken.append(time.process_time() - started)
    one, two = (min(taken) for taken in times.values())
    assert 0.6 < one / two < 1.7, times


async def test_a_thousand_wrong_passwords(start_server: StartServer) -> None:
    """On two processes at once, no more than the limits are tried: of one account, then of many."""
    limits = {"worker": False, "sign_in_tries": 20, "address_tries": 50}
    servers = [await start_server(**limits) for _ in range(2)]
    email = await user_with_password(servers[0])
    codes: list[str] = []
    await asyncio.gather(*(_guess_many(server, [email], codes) for server in servers * 10))
    (account,) = await servers[0].sql("SELECT count FROM rate_limit WHERE key LIKE 'account%'")
    assert account["count"] == codes.count("UNAUTHENTICATED") == 20
    assert codes.count("RATE_LIMITED") == GUESSES - 20
    many = [f"user-{number}@example.com" for number in range(100)]
    codes.clear()
    await asyncio.gather(*(_guess_many(server, many, codes) for server in servers * 10))
    assert codes.count("UNAUTHENTICATED") == 50 - 20, "what the address had left"
    assert codes.count("RATE_LIMITED") == GUESSES - 30
    assert await servers[0].sql("SELECT id FROM session") == []


async def test_hashing_holds_up_nobody_else(start_server: StartServer) -> None:
    """Were it done on the event loop, others would wait for whole hashes: the yardstick."""
    slow = {"password_memory": 65_536, "password_rounds": 6, "password_threads": 1}
    slow["sign_in_tries"] = 100
    server = await start_server(worker=False, **slow)
    email, eve = await user_with_password(server), server.user("eve")
    await id_of(eve)
    started = time.perf_counter()
    await guess(server.nobody(), email)
    one_hash = time.perf_counter() - started
    p99s = [await _p99_meanwhile(server, email, eve) for _ in range(3)]
    assert min(p99s) < one_hash / 2, (p99s, one_hash)


async def _p99_meanwhile(server: Server, email: str, other: Api) -> float:
    """The p99 in seconds of somebody else's requests while passwords are guessed."""
    guesses = [asyncio.create_task(guess(server.nobody(), email)) for _ in range(4)]
    taken: list[float] = []
    while not all(one.done() for one in guesses):
        started = time.perf_counter()
        await other.run("{ me { id } }")
        taken.append(time.perf_counter() - started)
    assert [await one for one in guesses] == ["UNAUTHENTICATED"] * 4
    return sorted(taken)[len(taken) * 99 // 100]


async def _guess_many(server: Server, emails: list[str], codes: list[str]) -> None:
    """One of twenty who guess."""
    chosen = [emails[number % len(emails)] for number in range(GUESSES // 20)]
    codes += [await guess(server.nobody(), email) for email in chosen]


async def test_a_mail_that_is_refused_is_tried_again(
    start_server: StartServer, office: PostOffice
) -> None:
    clock = FakeClock()
    here = await town(start_server, office, clock=clock)
    office.refusing = True
    await here.server.nobody().do("signUp", "{ email }", email="a@b.example", password=PASSWORD)
    async with asyncio.timeout(10):
        while not office.refused:
            await asyncio.sleep(0.02)
    office.refusing = False
    assert office.letters == []
    clock.advance(seconds=11)
    token = await office.token("a@b.example")
    await here.server.nobody().do("verifyEmail", "{ email }", token=token, password=PASSWORD)
    async with asyncio.timeout(10):
        while await here.server.sql("SELECT id FROM mail"):
            await asyncio.sleep(0.02)
    assert len(office.letters) == 1


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [
        ("no address", PASSWORD, "email"),
        ("a@b\r\nBcc: c@d.example", PASSWORD, "email"),
        ("a@b.example", "short", "password"),
        ("a@b.example", "x" * 201, "password"),
    ],
)
async def test_what_can_not_be_is_told(
    start_server: StartServer, email: str, password: str, field: str
) -> None:
    server = await start_server(worker=False)
    with pytest.raises(Refused) as refused:
        await server.nobody().do("signUp", "{ email }", email=email, password=password)
    assert refused.value.code == "INVALID"
    assert refused.value.errors[0]["extensions"]["field"] == field
    assert await server.sql("SELECT id FROM mail") == []
