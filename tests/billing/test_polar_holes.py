"""What could be lost, given too long or given to the wrong one between Polar and here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.billing.granting import lapse_subscriptions
from models.billing.subscriptions import Subscription, SubscriptionStatus
from tests.harness.accounts import guest_of
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.planting import make_operator, plant
from tests.harness.polar import (
    SETTINGS,
    UNLIMITED,
    checkout,
    customer,
    deliver,
    moment,
    order,
    subscription,
)
from tests.harness.polar_shop import Shop, settings_of, shop
from tests.harness.verbs import id_of

PLAN = "{ plan { tier } me { premium } }"
MINE = "{ subscriptions { nodes { status currentPeriodEnd lapsesAt customerId } } }"
FAILED = "{ failedWebhookEvents { nodes { error } } }"
PENDING = "{ pendingSubscriptions { nodes { polarSubscriptionId status } } }"
AUDITED = "SELECT owner_id, resource, metadata FROM audit_log WHERE action LIKE '%reconciled'"
TWO_USERS = "The customer is said to be more than one user."
FREE, PRO = ("FREE", False), ("PRO", True)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def polar() -> AsyncIterator[Shop]:
    async with shop() as made:
        yield made


@pytest.fixture
async def server(start_server: StartServer, clock: FakeClock) -> Server:
    return await start_server(worker=False, clock=clock, **SETTINGS)


async def tell(server: Server, kind: str, data: Any) -> None:
    assert await deliver(server.session, server.url, kind, data) == 204


async def operator(server: Server) -> Api:
    olga = server.user("olga")
    await make_operator(server, olga)
    return olga


async def plan(user: Api) -> tuple[str, bool]:
    found = await user.run(PLAN)
    return found["plan"]["tier"], found["me"]["premium"]


async def mine(user: Api) -> dict[str, Any]:
    (row,) = (await user.run(MINE))["subscriptions"]["nodes"]
    return row


async def failures(server: Server) -> list[str]:
    found = (await (await operator(server)).run(FAILED))["failedWebhookEvents"]["nodes"]
    return [one["error"] for one in found]


async def pays_until(server: Server, clock: FakeClock, **hours: float) -> None:
    """That `ada`, on a plan an hour before the clock is `hours` further, is on none an hour later,
    whether or not anybody has looked, and stays so."""
    clock.advance(**hours)
    clock.advance(hours=-1)
    await lapse_subscriptions(server.services.actor)
    assert await plan(server.user("ada")) == PRO
    clock.advance(hours=2)
    assert (await plan(server.user("ada")))[0] == "FREE"
    for _ in range(2):
        await lapse_subscriptions(server.services.actor)
        assert await plan(server.user("ada")) == FREE
    assert (await mine(server.user("ada")))["lapsesAt"] is None


# -- what operators do ---------------------------------------------------------------------------


async def test_a_reconciled_subscription_that_waits_is_audited(
    start_server: StartServer, polar: Shop
) -> None:
    server = await start_server(worker=False, **settings_of(polar))
    olga = await operator(server)
    polar.subscriptions["sub-1"] = subscription("sub-1", customer("cus-1"))
    asked = {"polarSubscriptionId": "sub-1"}
    made = await olga.do("reconcileSubscription", "{ problem }", **asked)
    assert made == {"problem": None}
    (waiting,) = await server.sql("SELECT id FROM pending_subscription")
    (noted,) = await server.sql(AUDITED)
    assert (noted["owner_id"], noted["resource"]) == ("system", waiting["id"])


async def test_a_reconciled_subscription_that_is_refused_is_audited(
    start_server: StartServer, polar: Shop
) -> None:
    """On the row that is known, or else under Polar's id."""
    server = await start_server(worker=False, **settings_of(polar))
    ada, eve, olga = server.user("ada"), server.user("eve"), await operator(server)
    adas = await id_of(ada)
    await tell(server, "order.created", order(customer("cus-1", adas)))
    await tell(server, "subscription.active", subscription("sub-1", customer("cus-1", adas)))
    (known,) = await server.sql("SELECT id FROM subscription")
    for number in (1, 2):
        payer = customer("cus-1", await id_of(eve))
        polar.subscriptions[f"sub-{number}"] = subscription(f"sub-{number}", payer)
        asked = {"polarSubscriptionId": f"sub-{number}"}
        made = await olga.do("reconcileSubscription", "{ problem }", **asked)
        assert made == {"problem": TWO_USERS}
    noted = await server.sql(f"{AUDITED} ORDER BY at, id")
    assert [(one["owner_id"], one["resource"]) for one in noted] == [
        (adas, known["id"]),
        ("system", "sub-2"),
    ]
    assert [one["metadata"] for one in noted] == [{"problem": TWO_USERS}] * 2
    assert (await plan(ada), await plan(eve)) == (PRO, FREE)


async def test_guests_are_given_no_plan(server: Server) -> None:
    guest, olga = await guest_of(server), await operator(server)
    given = {"userId": await id_of(guest), "planTier": "PRO"}
    with pytest.raises(Refused) as caught:
        await olga.do("grantSubscription", "{ subscriptionId }", **given)
    assert caught.value.code == "NOT_FOUND"
    assert await server.sql("SELECT id FROM subscription") == []


async def test_a_guests_subscription_makes_premium_whom_it_goes_to(server: Server) -> None:
    """One from before guests were refused."""
    ada, guest = server.user("ada"), await guest_of(server)
    given = {"user_id": await id_of(guest), "plan_tier": "pro"}
    await plant(server, Subscription, status=SubscriptionStatus.ACTIVE, **given)
    await ada.do("claimGuest", "{ __typename }", token=guest.token)
    assert await plan(ada) == PRO


# -- how long it counts --------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["canceled", "unpaid", "revoked"])
async def test_an_end_counts_whoever_the_customer_is_said_to_be(
    server: Server, status: str
) -> None:
    ada, eve = server.user("ada"), server.user("eve")
    payer = customer("cus-1", await id_of(ada))
    await tell(server, "subscription.active", subscription(payer=payer))
    disputed = customer("cus-1", await id_of(eve))
    later = {"modified_at": moment(1)}
    await tell(server, "subscription.updated", subscription(payer=disputed, **later))
    assert await plan(ada) == PRO, "nothing changes as long as it goes on"
    old = subscription(payer=disputed, status=status, modified_at="2031-04-30T08:00:00Z")
    await tell(server, "subscription.updated", old)
    assert await plan(ada) == PRO, "what is newer is known"
    await tell(server, "subscription.revoked", subscription(payer=disputed, status=status, **later))
    assert (await plan(ada), await plan(eve)) == (FREE, FREE)
    assert await failures(server) == [TWO_USERS] * 3, "an operator looks at it all the same"


async def test_an_end_counts_whosever_the_subscription_is_said_to_be(server: Server) -> None:
    ada, eve = server.user("ada"), server.user("eve")
    payer = customer("cus-1", await id_of(ada))
    await tell(server, "subscription.active", subscription(payer=payer))
    moved = customer("cus-2", await id_of(eve))
    ended = subscription(payer=moved, status="canceled", modified_at=moment(1))
    await tell(server, "subscription.canceled", ended)
    assert (await plan(ada), await plan(eve)) == (FREE, FREE)
    assert await failures(server) == ["The subscription is another user's."]
    row = await mine(ada)
    assert (row["status"], row["customerId"]) == ("CANCELED", "cus-1")


async def test_what_ends_with_its_period_ends_without_news(
    server: Server, clock: FakeClock
) -> None:
    payer = customer("cus-1", await id_of(server.user("ada")))
    told = subscription(payer=payer, cancel_at_period_end=True)
    await tell(server, "subscription.canceled", told | _ends(clock))
    await pays_until(server, clock, days=1 + 3)
    assert (await mine(server.user("ada")))["status"] == "CANCELED"


async def test_a_trial_ends_without_news(server: Server, clock: FakeClock) -> None:
    payer = customer("cus-1", await id_of(server.user("ada")))
    ends = {"trial_end": _ends(clock)["current_period_end"]}
    told = subscription(payer=payer, status="trialing", **ends)
    await tell(server, "subscription.created", told)
    await pays_until(server, clock, days=1 + 3)


async def test_what_is_not_heard_of_stops_to_count(server: Server, clock: FakeClock) -> None:
    payer = customer("cus-1", await id_of(server.user("ada")))
    told = subscription(payer=payer) | _ends(clock)
    await tell(server, "subscription.active", told)
    await pays_until(server, clock, days=1 + 14)
    goes_on = {"current_period_end": moment(day=31), "modified_at": moment(day=30)}
    await tell(server, "subscription.cycled", told | goes_on)
    clock.advance(days=-10)
    assert await plan(server.user("ada")) == PRO, "news bring it back"


async def test_past_due_counts_until_the_time_that_was_paid_ends(
    server: Server, clock: FakeClock
) -> None:
    """Also where Polar moves the period on before it charges."""
    payer = customer("cus-1", await id_of(server.user("ada")))
    told = subscription(payer=payer) | _ends(clock)
    await tell(server, "subscription.active", told)
    for minute in (1, 2):
        moved = {"current_period_end": moment(day=31), "modified_at": moment(minute, day=17)}
        await tell(server, "subscription.past_due", told | moved | {"status": "past_due"})
    await pays_until(server, clock, days=1)
    paid = {"current_period_end": moment(day=31), "modified_at": moment(day=18)}
    await tell(server, "subscription.active", told | paid)
    assert await plan(server.user("ada")) == PRO, "the payment came"


async def test_times_beyond_all_calendars_are_refused(server: Server) -> None:
    payer = customer("cus-1", await id_of(server.user("ada")))
    for odd in ("9999-12-31T23:59:59-12:00", "9999-12-30T00:00:00Z"):
        told = subscription(payer=payer, current_period_end=odd)
        await tell(server, "subscription.active", told)
    assert await failures(server) == ["Polar's current_period_end is no time."] * 2


def _ends(clock: FakeClock) -> dict[str, str]:
    """A period that ends a day from now."""
    later = FakeClock(clock.now()).advance(days=1)
    return {"current_period_end": later.isoformat()}


# -- whose it is ---------------------------------------------------------------------------------


async def test_who_buys_with_anothers_address_does_not_become_that_customer(
    start_server: StartServer, polar: Shop
) -> None:
    """Polar takes a customer whom it knows by the address: what else is theirs stays theirs."""
    server = await start_server(worker=False, **settings_of(polar))
    eve = server.user("eve")
    await eve.do("createCheckout", "{ url }", productId="prod-pro")
    written = polar.asked.pop()[2]["metadata"]
    victims = customer("cus-victim")
    waits = subscription("sub-old", victims, UNLIMITED)
    polar.subscriptions["sub-old"] = waits
    await tell(server, "subscription.active", waits)
    bought = subscription("sub-new", victims, metadata=written)
    await tell(server, "order.created", order(victims, metadata=written))
    await tell(server, "subscription.active", bought)
    assert await plan(eve) == PRO, "what she paid for, and no more"
    with pytest.raises(Refused) as caught:
        await eve.do("createCustomerPortal", "{ url }")
    assert caught.value.code == "NOT_FOUND"
    assert polar.asked == []
    await eve.do("syncSubscription", "{ plan { tier } }")
    assert await plan(eve) == PRO
    found = (await (await operator(server)).run(PENDING))["pendingSubscriptions"]["nodes"]
    assert found == [{"polarSubscriptionId": "sub-old", "status": "PENDING"}]
    renewed = bought | {"status": "canceled", "modified_at": moment(1)}
    await tell(server, "subscription.canceled", renewed)
    assert await plan(eve) == FREE


async def test_what_a_named_customer_bought_waits_for_whom_they_are_named(
    start_server: StartServer, polar: Shop
) -> None:
    """Somebody who has not been here yet: a checkout with their address takes nothing from them."""
    server = await start_server(worker=False, **settings_of(polar))
    eve = server.user("eve")
    await eve.do("createCheckout", "{ url }", productId="prod-pro")
    written = polar.asked.pop()[2]["metadata"]
    for number, name in enumerate(("newcomer", "n" * 300)):
        payer = customer(f"cus-{number}", name)
        told = subscription(f"sub-{number}", payer, metadata=written)
        await tell(server, "subscription.active", told)
    assert await plan(eve) == FREE
    assert await plan(server.user("newcomer")) == PRO


async def test_a_checkout_makes_nobody_a_customer(server: Server) -> None:
    """It says for whom it was opened, not who the customer was whom Polar took for it."""
    eve = server.user("eve")
    await tell(server, "subscription.active", subscription(payer=customer("cus-victim")))
    told = checkout("succeeded", "cus-victim", await id_of(eve))
    await tell(server, "checkout.updated", told)
    assert await plan(eve) == FREE
    assert await server.sql("SELECT id FROM polar_customer") == []
