"""Budgets: a warning and a stop by the month, for users and organisations, exact in any crowd."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from models.accounts.users import User
from models.billing.budgets import month_of, next_month
from tests.app.test_exporting import locked
from tests.harness.accounts import guest_of
from tests.harness.api import Api, Refused, StartServer
from tests.harness.clock import FakeClock
from tests.harness.crediting import BEST, CHEAP, COSTLY, PRO, balanced, refused, start
from tests.harness.eventually import eventually
from tests.harness.orgs import found, join
from tests.harness.planting import alter
from tests.harness.post_office import post_office
from tests.harness.verbs import id_of

STILL: dict[str, Any] = COSTLY | {"worker": False, "free_credits": 1_000}
SHOWN = "{ id orgId softLimit hardLimit used month resetsAt alertedAt }"
SET = f"{{ budget {SHOWN} }}"
BUDGET = f"query($org: ID) {{ budget(org: $org) {SHOWN} }}"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def set_budget(api: Api, **given: Any) -> dict[str, Any]:
    """A budget that was set, as it is shown."""
    return (await api.do("setBudget", SET, **given))["budget"]


async def budget_of(api: Api, org: str | None = None) -> Any:
    """A budget as it is now."""
    return (await api.run(BUDGET, org=org))["budget"]


@pytest.mark.parametrize(
    ("now", "begins", "ends"),
    [
        ("2026-12-31T23:59:59.999", "2026-12-01", "2027-01-01"),
        ("2028-02-29T12:00", "2028-02-01", "2028-03-01"),
        ("2026-11-01T00:00", "2026-11-01", "2026-12-01"),
    ],
)
def test_a_month_is_one_of_the_calendar(now: str, begins: str, ends: str) -> None:
    assert (month_of(at(now)), next_month(at(now))) == (at(begins), at(ends))


async def test_a_hard_limit_stops_and_another_month_goes_on(start_server: StartServer) -> None:
    clock = FakeClock(at("2026-11-30T20:00"))
    server = await start_server(**STILL, clock=clock)
    ada = server.user()
    assert await budget_of(ada) is None
    first = await start(ada, BEST)
    made = await set_budget(ada, hardLimit=3)
    assert (made["used"], made["hardLimit"], made["softLimit"]) == (2, 3, None)
    told = await refused(ada, "startConversation", content="Hi", model=BEST)
    assert told == {
        "code": "OVER_BUDGET",
        "cost": 2,
        "limit": 3,
        "remaining": 1,
        "resetsAt": "2026-12-01T00:00:00.000Z",
        "retryAfter": 4 * 3600,
    }
    await start(ada, PRO)
    await refused(ada, "startConversation", content="Hi", model=CHEAP)
    await ada.do("stopMessage", "{ __typename }", id=first["reply"]["id"])
    assert (await budget_of(ada))["used"] == 1, "what is given back may be used again"
    clock.advance(hours=4)
    assert (await budget_of(ada))["used"] == 0
    await start(ada, BEST)
    assert (await budget_of(ada))["month"] == "2026-12-01T00:00:00.000Z"
    await balanced(server.sql)


async def test_what_ends_in_another_month_counts_in_its_own(start_server: StartServer) -> None:
    clock = FakeClock(at("2026-11-30T23:00"))
    server = await start_server(**STILL, clock=clock)
    ada = server.user()
    await set_budget(ada)
    old = await start(ada, BEST)
    clock.advance(hours=2)
    await start(ada, PRO)
    await ada.do("stopMessage", "{ __typename }", id=old["reply"]["id"])
    assert (await budget_of(ada))["used"] == 1


async def test_a_soft_limit_warns_once_a_month(start_server: StartServer) -> None:
    clock = FakeClock(datetime.now(UTC).replace(microsecond=0))  # which tokens must still hold by
    async with post_office() as office:
        server = await start_server(**STILL | {"worker": True}, clock=clock, smtp_url=office.url)
        ada = server.user()
        await alter(server, User, await id_of(ada), email="ada@x.example", email_verified=True)
        budget = await set_budget(ada, softLimit=2)
        query = """subscription($id: ID!) { budgetChanged(id: $id) {
          node { used alertedAt } deletedId cursor reset } }"""
        async with ada.listen(query, id=budget["id"]) as events:
            await events.next()
            for used in (1, 2, 3):
                await start(ada, PRO, content="Hi [[first:60s]]")
                node = (await events.next())["node"]
                assert (node["used"], node["alertedAt"] is not None) == (used, used >= 2)
        letter = await office.letter("ada@x.example")
        assert letter["Subject"] == "The budget of Ada is running out"
        clock.advance(days=31)
        await start(server.user(), BEST, content="Hi [[first:60s]]")
        await office.letter("ada@x.example", 2)
        assert len(office.to("ada@x.example")) == 2


async def test_an_organisation_has_a_budget_of_its_own(start_server: StartServer) -> None:
    server = await start_server(**STILL)
    ada, bob, eve = (server.user(name) for name in ("ada", "bob", "eve"))
    org = await found(ada)
    await join(server, ada, org, bob, "EDITOR")
    await start(bob, PRO, orgId=org)
    budget = await set_budget(ada, orgId=org, hardLimit=2)
    assert (budget["orgId"], budget["used"]) == (org, 1)
    await start(bob, PRO)
    assert (await budget_of(ada, org))["used"] == 1, "what is a member's own is not theirs"
    for caller, code in ((bob, "FORBIDDEN"), (eve, "NOT_FOUND")):
        told = await refused(caller, "setBudget", orgId=org, hardLimit=100)
        assert told["code"] == code
        assert await budget_of(caller, org) is None
    told = await refused(bob, "startConversation", content="Hi", model=BEST, orgId=org)
    assert (told["code"], "limit" in told, "remaining" in told) == ("OVER_BUDGET", False, False)
    await start(ada, PRO, orgId=org)
    found_ = await ada.run("{ auditLogs(first: 5) { nodes { action } } }")
    assert "BUDGET_SET" not in [one["action"] for one in found_["auditLogs"]["nodes"]]
    audited = await ada.run(
        "query($org: ID) { auditLogs(org: $org, first: 1) { nodes { action metadata } } }", org=org
    )
    (row,) = audited["auditLogs"]["nodes"]
    assert row == {"action": "BUDGET_SET", "metadata": {"hard_limit": "2.0", "soft_limit": None}}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"softLimit": -1}, "softLimit"),
        ({"hardLimit": -0.5}, "hardLimit"),
        ({"softLimit": 3, "hardLimit": 2}, "hardLimit"),
        ({"hardLimit": 0.00001}, "hardLimit"),
        ({"hardLimit": 1e15}, "hardLimit"),
    ],
)
async def test_limits_that_make_no_sense_are_refused(
    start_server: StartServer, given: dict[str, float], field: str
) -> None:
    server = await start_server(**STILL)
    told = await refused(server.user(), "setBudget", **given)
    assert (told["code"], told["field"]) == ("INVALID", field)


async def test_parallel_senders_stop_exactly_at_the_limit(start_server: StartServer) -> None:
    servers = [await start_server(**STILL) for _ in range(2)]
    ada, bob = (servers[0].user(name) for name in ("ada", "bob"))
    org = await found(ada)
    await join(servers[0], ada, org, bob, "EDITOR")
    await set_budget(ada, orgId=org, hardLimit=10)
    callers = [server.user(name) for server in servers for name in ("ada", "bob")]
    sends = (_code(callers[number % 4], org) for number in range(60))
    assert sorted(await asyncio.gather(*sends)) == ["OVER_BUDGET"] * 50 + ["sent"] * 10
    assert (await budget_of(ada, org))["used"] == 10
    await balanced(servers[0].sql)


@pytest.mark.parametrize("shared", [False, True], ids=["own", "organisation"])
async def test_a_budget_counts_what_was_being_sent(
    start_server: StartServer, database: str, shared: bool
) -> None:
    """A message that was being sent when the budget was made has seen none."""
    server = await start_server(**STILL)
    ada = server.user()
    org = await found(ada) if shared else None
    await start(ada, CHEAP, orgId=org)
    async with locked(database, "credit_ledger", "EXCLUSIVE") as holder:
        sending = asyncio.create_task(start(ada, BEST, orgId=org))
        await _waiting(holder, sending, 1)
        setting = asyncio.create_task(set_budget(ada, orgId=org))
        await _waiting(holder, setting, 2)
    sent, _ = await asyncio.gather(sending, setting)
    assert (await budget_of(ada, org))["used"] == 2.5
    await ada.do("stopMessage", "{ __typename }", id=sent["reply"]["id"])
    assert (await budget_of(ada, org))["used"] == 0.5


@pytest.mark.parametrize("first", [True, False], ids=["first use", "later"])
async def test_what_is_sent_while_a_budget_is_made_counts_in_it(
    start_server: StartServer, database: str, first: bool
) -> None:
    server = await start_server(**STILL)
    ada = server.user()
    org = await found(ada)
    if not first:
        await start(ada, CHEAP)
    async with locked(database, "audit_log", "EXCLUSIVE") as holder:
        setting = asyncio.create_task(set_budget(ada, orgId=org, hardLimit=3))
        await _waiting(holder, setting, 1)
        sending = asyncio.create_task(start(ada, BEST, orgId=org))
        await _waiting(holder, sending, 2)
    await asyncio.gather(setting, sending)
    assert (await budget_of(ada, org))["used"] == 2
    await refused(ada, "startConversation", content="Hi", model=BEST, orgId=org)


async def _waiting(holder: asyncpg.Connection, last: asyncio.Task[Any], count: int) -> None:
    """Wait until so many wait for a lock, or the last of them has not to."""

    async def look() -> bool:
        waiting = await holder.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return last.done() or waiting >= count

    await eventually(look)


async def test_guests_set_no_budget(start_server: StartServer) -> None:
    """One would follow them to the user they turn out to be."""
    server = await start_server(**STILL)
    guest, ada = await guest_of(server), server.user()
    assert (await refused(guest, "setBudget", hardLimit=0))["code"] == "CONFLICT"
    await ada.do("claimGuest", "{ __typename }", token=guest.token)
    await start(ada)
    assert await budget_of(ada) is None


async def _code(api: Api, org: str) -> str:
    try:
        await start(api, PRO, orgId=org)
    except Refused as error:
        return error.code
    return "sent"
