"""Totals: exactly the sums of the events, whatever they are."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from models.billing.usage_events import ModelCall, Purpose, UsageEvent, count_call
from models.ids import new_id
from models.transaction import Transaction
from models.verbs import verb
from tests.billing.metering import MOCK, OPENAI, TOOLS, dollars, exact, priced, totals_of
from tests.harness.api import Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.planting import plant
from tests.harness.verbs import actor_of, id_of

FEATURES = ("chat", "app", "title")
MODELS = (MOCK, TOOLS, OPENAI)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that the tests move."""
    return FakeClock()


@pytest.fixture
async def server(start_server: StartServer, clock: FakeClock) -> Server:
    """A server without a worker, whose models have prices."""
    models = priced()
    return await start_server(models=models, default_model=MOCK, clock=clock, worker=False)


@verb.needing(None)
async def note(tx: Transaction, purpose: Purpose, call: ModelCall) -> None:
    """Count a call by itself."""
    await count_call(tx, purpose, call)


async def count_random(
    server: Server, owner: str, chance: random.Random, feature: str
) -> ModelCall:
    """Count a call of an owner's, of which nothing may be known."""
    read, written = chance.randrange(10 ** chance.randrange(1, 8)), chance.randrange(5_000)
    usage = {"inputTokens": read, "outputTokens": written}
    usage["cachedInputTokens"] = chance.randint(0, read)
    call = ModelCall(chance.choice(MODELS), usage={} if chance.random() < 0.1 else usage)
    purpose = Purpose(owner, owner, new_id("msg"), feature, new_id("gen"), 1)
    await note(actor_of(server, None), purpose, call)
    return call


def _price(call: ModelCall) -> Fraction:
    return exact(dict(call.usage)) if call.usage else Fraction(0)


def _tokens(call: ModelCall) -> int:
    return sum(call.usage.get(name, 0) for name in ("inputTokens", "outputTokens"))


@pytest.mark.parametrize("seed", range(3))
async def test_totals_are_the_sums_of_random_calls(
    server: Server, clock: FakeClock, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    user, other = await id_of(server.user("ada")), await id_of(server.user("eve"))
    calls: list[tuple[str, str, ModelCall]] = []
    for _ in range(60):
        day, feature = clock.advance(hours=chance.randrange(6)), chance.choice(FEATURES)
        call = await count_random(server, user, chance, feature)
        calls.append((f"{day:%Y-%m-%d}", feature, call))
        await count_random(server, other, chance, feature)
    months = sorted({day[:7] for day, _, _ in calls})
    for month in months:
        own = [one for one in calls if one[0].startswith(month)]
        found = await totals_of(server.user("ada"), period=month)
        _check(found["total"], "", [call for _, _, call in own])
        for name, keys in (("byDay", 0), ("byFeature", 1)):
            wanted = {one[keys]: [x[2] for x in own if x[keys] == one[keys]] for one in own}
            _check_all(found[name], wanted)
        by_model = {c.model: [x for _, _, x in own if x.model == c.model] for _, _, c in own}
        _check_all(found["byModel"], by_model)
        assert [one["key"] for one in found["byDay"]] == sorted({day for day, _, _ in own})


def _check_all(found: list[dict[str, Any]], wanted: dict[Any, list[ModelCall]]) -> None:
    assert {one["key"] for one in found} == set(wanted)
    for one in found:
        _check(one, one["key"], wanted[one["key"]])


def _check(found: dict[str, Any], key: str, calls: list[ModelCall]) -> None:
    assert found["key"] == key
    assert (found["events"], found["quantity"]) == (len(calls), sum(map(_tokens, calls)))
    assert found["unmeasured"] == sum(not call.usage for call in calls)
    assert dollars(found["costUsd"]) == sum(map(_price, calls), Fraction(0))


async def test_a_period_is_a_month_of_utc(server: Server, clock: FakeClock) -> None:
    user, chance = await id_of(server.user()), random.Random(1)  # noqa: S311
    clock.advance(days=14, hours=15, minutes=29, seconds=59.7)
    assert f"{clock.now():%m-%d %H:%M:%S.%f}" == "05-31 23:59:59.950000"
    await count_random(server, user, chance, "chat")
    clock.advance(milliseconds=50)
    await count_random(server, user, chance, "chat")
    for period, day in (("2031-05", "2031-05-31"), ("2031-06", "2031-06-01"), (None, "2031-06-01")):
        found = await totals_of(server.user(), period=period)
        assert found["billingPeriod"] == day[:7]
        assert [one["key"] for one in found["byDay"]] == [day]
    assert (await totals_of(server.user(), period="2031-07"))["total"]["events"] == 0


@pytest.mark.parametrize(
    "period", ["2031-13", "2031-00", "2031", "31-05", "2031-5", "", "\u0662031-05"]
)
async def test_what_is_no_period_is_refused(server: Server, period: str) -> None:
    with pytest.raises(Refused) as refused:
        await totals_of(server.user(), period=period)
    assert refused.value.code == "INVALID"
    assert refused.value.errors[0]["extensions"]["field"] == "billingPeriod"


async def test_metrics_and_agents_are_added_up_apart(server: Server) -> None:
    ada = server.user()
    user, now = await id_of(ada), server.services.ports.clock.now()
    whose: dict[str, Any] = {"user_id": user, "billing_period": f"{now:%Y-%m}"}
    for metric, agent, quantity in (
        ("ai_tokens", "agent-1", 5),
        ("ai_tokens", "agent-2", 7),
        ("documents", None, 11),
    ):
        what = {"metric": metric, "agent_id": agent, "quantity": quantity}
        await plant(server, UsageEvent, **whose, **what, cost_usd=Decimal("0.0000000001"))
    of_agent = await totals_of(ada, agent="agent-2")
    assert (of_agent["total"]["quantity"], of_agent["total"]["costUsd"]) == (7, "0.0000000001")
    assert (await totals_of(ada))["total"]["quantity"] == 12
    documents = await totals_of(ada, metric="DOCUMENTS")
    assert (documents["metric"], documents["total"]["quantity"]) == ("DOCUMENTS", 11)
    assert documents["byModel"][0]["key"] == ""


async def test_nobody_has_no_totals(server: Server) -> None:
    assert await totals_of(server.nobody()) is None
