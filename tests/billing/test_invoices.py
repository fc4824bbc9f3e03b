"""Invoices: each event of an organisation in exactly one of them, whoever closes it and when."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from tests.billing.metering import MOCK, TOTALS, events_of, priced
from tests.billing.test_usage_totals import count_random
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.commands import punnet
from tests.harness.orgs import found
from tests.harness.planting import make_operator

INVOICE = "{ invoice { id orgId billingPeriod amount status updatedAt } }"
INVOICES = """query($org: ID) { invoices(org: $org) { nodes {
  id orgId billingPeriod amount status } } }"""
AUDITED = "query($o: ID) { auditLogs(org: $o) { nodes { action resource metadata userId } } }"
JANUARY, FEBRUARY = datetime(2031, 1, 31, 23, tzinfo=UTC), datetime(2031, 2, 1, 1, tzinfo=UTC)


@pytest.fixture
async def late(start_server: StartServer) -> Server:
    """A server whose clock says that January goes on."""
    clock = FakeClock(JANUARY)
    return await start_server(models=priced(), default_model=MOCK, clock=clock, worker=False)


@pytest.fixture
async def prompt(start_server: StartServer) -> Server:
    """A server whose clock says that it is over."""
    clock = FakeClock(FEBRUARY)
    return await start_server(models=priced(), default_model=MOCK, clock=clock, worker=False)


async def operator_of(server: Server) -> Api:
    """Somebody who runs the service."""
    olga = server.user("olga")
    await make_operator(server, olga)
    return olga


async def closed(olga: Api, org: str, period: str = "2031-01") -> dict[str, Any]:
    """The invoice of a period, closed now or before."""
    given = {"orgId": org, "billingPeriod": period}
    return (await olga.do("closePeriod", INVOICE, **given))["invoice"]


async def invoices_of(user: Api, org: str) -> list[dict[str, Any]]:
    """An organisation's invoices, the latest first."""
    return (await user.run(INVOICES, org=org))["invoices"]["nodes"]


async def used(server: Server, org: str, count: int, seed: int = 0) -> None:
    """Count so many calls of an organisation's."""
    chance = random.Random(seed)  # noqa: S311
    for _ in range(count):
        await count_random(server, org, chance, "chat")


async def owed(user: Api, org: str, period: str) -> str:
    """What the events of a period come to, rounded once."""
    total = (await user.run(TOTALS, org=org, period=period))["usageTotals"]["total"]
    amount = Decimal(total["costUsd"]).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    return f"{amount.normalize():f}"


async def test_a_closed_period_asks_for_what_was_used(late: Server, prompt: Server) -> None:
    ada, olga = late.user(), await operator_of(prompt)
    org = await found(ada)
    await used(late, org, 9)
    (open_one,) = await invoices_of(ada, org)
    assert (open_one["status"], open_one["amount"]) == ("OPEN", "0")
    first = await closed(olga, org)
    assert (first["id"], first["status"]) == (open_one["id"], "ISSUED")
    assert first["amount"] == await owed(ada, org, "2031-01") != "0"
    assert await closed(olga, org) == first, "it stays as it is"
    log = (await ada.run(AUDITED, o=org))["auditLogs"]["nodes"]
    told = {"billingPeriod": "2031-01"}
    issued = [row for row in log if row["action"] == "PERIOD_CLOSED"]
    assert [row["resource"] for row in issued] == [first["id"]]
    assert issued[0]["metadata"] | told == issued[0]["metadata"]


async def test_what_comes_late_goes_to_the_next_period(late: Server, prompt: Server) -> None:
    ada, olga = late.user(), await operator_of(prompt)
    org = await found(ada)
    await used(late, org, 2)
    january = await closed(olga, org)
    await used(late, org, 3, seed=1)
    assert (await closed(olga, org))["amount"] == january["amount"]
    periods = [event["billingPeriod"] for event in await events_of(ada, org)]
    assert sorted(periods) == ["2031-01"] * 2 + ["2031-02"] * 3


async def test_events_and_closing_never_miss_each_other(late: Server, prompt: Server) -> None:
    ada, olga = late.user(), await operator_of(prompt)
    orgs = [await found(ada, f"Orchard {number}") for number in range(4)]
    for number, org in enumerate(orgs):
        writing = [used(late, org, 6, seed) for seed in range(4)]
        closing = asyncio.create_task(_closed_after(olga, org, 0.01 * number))
        await asyncio.gather(*writing, closing)
        invoice = await closing
        assert invoice["amount"] == await owed(ada, org, "2031-01")
        assert len(await events_of(ada, org)) == 24, "none is lost"
        assert len(await invoices_of(ada, org)) <= 2


async def _closed_after(olga: Api, org: str, seconds: float) -> dict[str, Any]:
    await asyncio.sleep(seconds)
    return await closed(olga, org)


async def test_two_who_close_get_one_invoice(late: Server, prompt: Server) -> None:
    ada, olga = late.user(), await operator_of(prompt)
    org = await found(ada)
    same = await asyncio.gather(*(closed(olga, org) for _ in range(8)))
    assert len({invoice["id"] for invoice in same}) == 1
    assert same[0]["amount"] == "0"


@pytest.mark.parametrize(
    ("period", "code"), [("2031-02", "CONFLICT"), ("2031-03", "CONFLICT"), ("2031-14", "INVALID")]
)
async def test_only_a_month_that_is_over_closes(prompt: Server, period: str, code: str) -> None:
    org, olga = await found(prompt.user()), await operator_of(prompt)
    with pytest.raises(Refused) as refused:
        await closed(olga, org, period)
    assert refused.value.code == code
    assert await invoices_of(prompt.user(), org) == []


async def test_an_invoice_is_settled_once(late: Server, prompt: Server) -> None:
    ada, olga = late.user(), await operator_of(prompt)
    org = await found(ada)
    await used(late, org, 1)
    (open_one,) = await invoices_of(ada, org)

    async def settle(status: str, who: Api = olga) -> str:
        given = {"id": open_one["id"], "status": status}
        return (await who.do("settleInvoice", INVOICE, **given))["invoice"]["status"]

    for early in ("PAID", "VOID"):
        with pytest.raises(Refused, match="CONFLICT"):
            await settle(early)
    await closed(olga, org)
    for wrong in ("OPEN", "ISSUED"):
        with pytest.raises(Refused, match="INVALID"):
            await settle(wrong)
    with pytest.raises(Refused, match="FORBIDDEN"):
        await settle("VOID", ada)
    assert [await settle("PAID") for _ in range(2)] == ["PAID"] * 2
    with pytest.raises(Refused, match="CONFLICT"):
        await settle("VOID")
    assert (await closed(olga, org))["status"] == "PAID"
    log = (await ada.run(AUDITED, o=org))["auditLogs"]["nodes"]
    assert [row["action"] for row in log].count("INVOICE_SETTLED") == 1


async def test_the_command_closes_a_month_for_all(start_server: StartServer, database: str) -> None:
    clock, period = FakeClock(datetime(2020, 2, 3, tzinfo=UTC)), "2020-02"
    past = await start_server(models=priced(), default_model=MOCK, clock=clock, worker=False)
    ada = past.user()
    orgs = [await found(ada, f"Orchard {number}") for number in range(3)]
    for seed, org in enumerate(orgs[:2]):
        await used(past, org, 4, seed)
    told = await punnet("close-period", period, url=database)
    assert (told.code, "Invoices issued: 2." in told.out) == (0, True), told
    for org in orgs[:2]:
        (invoice,) = await invoices_of(ada, org)
        assert (invoice["status"], invoice["billingPeriod"]) == ("ISSUED", period)
        assert invoice["amount"] == await owed(ada, org, period)
        assert org in told.out
    assert await invoices_of(ada, orgs[2]) == []
    again = await punnet("close-period", period, url=database)
    assert "Invoices issued: 0." in again.out


async def test_the_command_says_what_is_wrong(database: str) -> None:
    for period, why in (("2999-01", "not over"), ("January", "is a month")):
        told = await punnet("close-period", period, url=database)
        assert (told.code, why in told.err) == (1, True), told
