"""Plans: what subscriptions and grants give, for how long, and who may say so."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType

from models.billing.granting import lapse_subscriptions
from models.billing.subscriptions import Subscription, SubscriptionStatus
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.documents import schema
from tests.harness.eventually import eventually
from tests.harness.planting import make_operator, plant
from tests.harness.polar import SETTINGS, UNKNOWN, customer, deliver, subscription
from tests.harness.polar_shop import settings_of, shop
from tests.harness.verbs import id_of

PLAN = "{ plan { tier features } me { premium } }"
MINE = "{ subscriptions { nodes { id status provider lapsesAt } } }"
AUDITED = "{ auditLogs { nodes { action userId } } }"
HEAR = """subscription { subscriptionChanged {
  node { status planTier cancelAtPeriodEnd } deletedId cursor reset } }"""
BILLING = {
    *("Subscription", "BillingSubscription", "PolarCustomer", "PendingSubscription"),
    "WebhookEvent",
}
OPERATORS = {
    *("grantSubscription", "endSubscription", "reconcileSubscription"),
    *("resolvePendingSubscription", "replayWebhookEvent"),
}
FOR_ONESELF = {
    *("createCheckout", "createCustomerPortal", "cancelSubscription", "resumeSubscription"),
    "syncSubscription",
}
SAID_BY_POLAR = {
    *("status", "planTier", "customerId", "polarCustomerId", "metadata", "currentPeriodEnd"),
    *("payload", "eventData", "premium"),
}


async def operator(server: Server) -> Api:
    olga = server.user("olga")
    await make_operator(server, olga)
    return olga


async def plan(user: Api) -> tuple[str, list[str], bool]:
    found = await user.run(PLAN)
    return found["plan"]["tier"], found["plan"]["features"], found["me"]["premium"]


async def code(user: Api, mutation: str, **given: Any) -> str:
    with pytest.raises(Refused) as caught:
        await user.do(mutation, "{ __typename }", **given)
    return caught.value.code


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def server(start_server: StartServer, clock: FakeClock) -> Server:
    return await start_server(worker=False, clock=clock, **SETTINGS)


async def test_a_plan_is_given_changed_and_taken_back(server: Server) -> None:
    ada, olga = server.user("ada"), await operator(server)
    mine = await id_of(ada)
    given = {"userId": mine, "planTier": "PRO", "features": ["export", "api"]}
    first = await olga.do("grantSubscription", "{ subscriptionId }", **given)
    assert await plan(ada) == ("PRO", ["api", "export"], True)
    again = await olga.do(
        "grantSubscription", "{ subscriptionId }", userId=mine, planTier="UNLIMITED"
    )
    assert again == first, "instead of the one before"
    assert await plan(ada) == ("UNLIMITED", [], True)
    for _ in range(2):
        await olga.do("endSubscription", "{ subscriptionId }", id=first["subscriptionId"])
    assert await plan(ada) == ("FREE", [], False)
    (row,) = (await ada.run(MINE))["subscriptions"]["nodes"]
    assert (row["status"], row["provider"]) == ("CANCELED", "MANUAL")
    by = await id_of(olga)
    audited = (await ada.run(AUDITED))["auditLogs"]["nodes"]
    acts = ("SUBSCRIPTION_ENDED", "SUBSCRIPTION_GRANTED", "SUBSCRIPTION_GRANTED")
    assert audited == [{"action": act, "userId": by} for act in acts]


async def test_what_is_given_until_a_time_ends_then(server: Server, clock: FakeClock) -> None:
    ada, olga = server.user("ada"), await operator(server)
    until = "2031-05-18T08:30:00Z"
    given = {"userId": await id_of(ada), "planTier": "PRO", "until": until}
    await olga.do("grantSubscription", "{ subscriptionId }", **given)
    clock.advance(hours=23)
    ada, olga = server.user("ada"), server.user("olga")  # tokens end as well
    await lapse_subscriptions(server.services.actor)
    assert await plan(ada) == ("PRO", [], True)
    clock.advance(hours=2)
    ada, olga = server.user("ada"), server.user("olga")
    assert (await ada.run(PLAN))["plan"]["tier"] == "FREE", "whether or not anybody has looked"
    await lapse_subscriptions(server.services.actor)
    assert await plan(ada) == ("FREE", [], False)
    (row,) = (await ada.run(MINE))["subscriptions"]["nodes"]
    assert (row["status"], row["lapsesAt"]) == ("CANCELED", None)
    assert await code(olga, "grantSubscription", **given) == "INVALID", "a time that is over"


async def test_who_is_past_due_is_premium_until_the_period_ends(
    server: Server, clock: FakeClock
) -> None:
    ada = server.user("ada")
    payer = customer("cus-1", await id_of(ada))
    told = subscription(payer=payer, status="past_due")
    await deliver(server.session, server.url, "subscription.past_due", told)
    assert await plan(ada) == ("PRO", [], True)
    clock.advance(days=30)
    ada = server.user("ada")
    await lapse_subscriptions(server.services.actor)
    assert await plan(ada) == ("FREE", [], False)
    (row,) = (await ada.run(MINE))["subscriptions"]["nodes"]
    assert (row["status"], row["lapsesAt"]) == ("PAST_DUE", None)
    later = {"current_period_end": "2031-07-30T08:00:00Z", "modified_at": "2031-06-30T08:00:00Z"}
    await deliver(
        server.session, server.url, "subscription.active", told | later | {"status": "active"}
    )
    assert await plan(ada) == ("PRO", [], True), "the payment came"


async def test_a_worker_has_them_lapse(start_server: StartServer, clock: FakeClock) -> None:
    server = await start_server(worker=True, clock=clock, **SETTINGS)
    ada = server.user("ada")
    payer = customer("cus-1", await id_of(ada))
    told = subscription(payer=payer, status="past_due")
    await deliver(server.session, server.url, "subscription.past_due", told)
    clock.advance(days=30)

    async def lapsed() -> bool:
        return not (await server.user("ada").run(PLAN))["me"]["premium"]

    await eventually(lapsed)


async def test_premium_that_no_subscription_gave_stays(server: Server) -> None:
    ada, olga = server.user("ada"), await operator(server)
    mine = await id_of(ada)
    await server.sql("UPDATE user_account SET premium = true WHERE id = $1", mine)
    made = await olga.do("grantSubscription", "{ subscriptionId }", userId=mine, planTier="PRO")
    await olga.do("endSubscription", "{ subscriptionId }", id=made["subscriptionId"])
    assert await plan(ada) == ("FREE", [], True)


async def test_what_is_paid_for_is_not_taken_back_here(server: Server) -> None:
    ada, olga = server.user("ada"), await operator(server)
    payer = customer("cus-1", await id_of(ada))
    await deliver(server.session, server.url, "subscription.active", subscription(payer=payer))
    (row,) = (await ada.run(MINE))["subscriptions"]["nodes"]
    assert await code(olga, "endSubscription", id=row["id"]) == "CONFLICT"
    assert await code(olga, "endSubscription", id="sub_" + "0" * 26) == "NOT_FOUND"
    assert await plan(ada) == ("PRO", [], True)


async def test_odd_grants_are_refused(server: Server) -> None:
    ada, olga = server.user("ada"), await operator(server)
    mine = await id_of(ada)
    assert await code(olga, "grantSubscription", userId=mine, planTier="FREE") == "INVALID"
    many = {"features": ["x"] * 101}
    assert await code(olga, "grantSubscription", userId=mine, planTier="PRO", **many) == "INVALID"
    nobody = "usr_" + "0" * 26
    assert await code(olga, "grantSubscription", userId=nobody, planTier="PRO") == "NOT_FOUND"


@pytest.mark.parametrize(
    ("metadata", "features"),
    [
        ({"features": " export,api ,, "}, ["api", "export"]),
        ({"features": ["export", 7, "", "api"]}, ["api", "export"]),
        ({"features": 7}, []),
        ({"features": None}, []),
        (["export"], []),
        (None, []),
    ],
)
async def test_features_are_read_from_metadata(
    server: Server, metadata: Any, features: list[str]
) -> None:
    ada = server.user("ada")
    mine = {"owner_id": await id_of(ada), "user_id": await id_of(ada)}
    status = SubscriptionStatus.ACTIVE
    await plant(server, Subscription, **mine, plan_tier="pro", status=status, metadata=metadata)
    assert (await ada.run(PLAN))["plan"] == {"tier": "PRO", "features": features}


async def test_a_plan_is_nobody_elses_business(server: Server) -> None:
    assert (await server.nobody().run("{ plan { tier } }"))["plan"] is None
    assert await plan(server.user("eve")) == ("FREE", [], False)


async def test_changes_are_heard(server: Server) -> None:
    ada, eve = server.user("ada"), server.user("eve")
    payer = customer("cus-1", await id_of(ada))
    await id_of(eve)
    async with ada.listen(HEAR) as mine, eve.listen(HEAR) as hers:
        assert (await mine.next())["node"] is None
        assert (await hers.next())["node"] is None
        await deliver(server.session, server.url, "subscription.active", subscription(payer=payer))
        heard = (await mine.next())["node"]
        assert heard == {"status": "ACTIVE", "planTier": "PRO", "cancelAtPeriodEnd": False}
        payers = customer("cus-2", await id_of(eve))
        told = subscription("sub-2", payers, status="trialing")
        await deliver(server.session, server.url, "subscription.created", told)
        assert (await hers.next())["node"]["status"] == "TRIALING", "and nothing of the other's"


def test_hole_02_no_input_of_a_client_says_what_is_paid() -> None:
    """Subscriptions and customers change by Polar's word or an operator's, never a client's."""
    found = schema().type_map
    mutations: Any = found["Mutation"]
    for name, field in mutations.fields.items():
        if name in OPERATORS:
            continue
        payload = field.type.of_type
        shown = {str(one.type).strip("![]") for one in payload.fields.values()}
        assert name in FOR_ONESELF or not BILLING & shown, name
        given = field.args["input"].type.of_type
        assert isinstance(given, GraphQLInputObjectType)
        if name in FOR_ONESELF:
            assert not SAID_BY_POLAR & set(given.fields), name
    assert isinstance(mutations, GraphQLObjectType)


async def test_hole_09_without_operators_nobody_is_one(server: Server) -> None:
    """Nobody changes what is paid, nor reads what Polar sent (hole 2)."""
    ada = server.user("ada")
    mine = await id_of(ada)
    await deliver(server.session, server.url, "subscription.active", subscription())
    (event,) = await server.sql("SELECT id FROM webhook_event")
    (waiting,) = await server.sql("SELECT id FROM pending_subscription")
    given: dict[str, dict[str, Any]] = {
        "grantSubscription": {"userId": mine, "planTier": "PRO"},
        "endSubscription": {"id": "sub_" + "0" * 26},
        "reconcileSubscription": {"polarSubscriptionId": "sub-1"},
        "resolvePendingSubscription": {"id": waiting["id"], "userId": mine},
        "replayWebhookEvent": {"id": event["id"]},
    }
    assert given.keys() == OPERATORS
    for mutation, values in given.items():
        assert await code(ada, mutation, **values) in ("FORBIDDEN", "NOT_FOUND"), mutation
        assert await code(server.nobody(), mutation, **values) == "UNAUTHENTICATED", mutation
    for name in ("webhookEvents", "failedWebhookEvents", "pendingSubscriptions"):
        found = await ada.run(f"{{ {name} {{ nodes {{ id }} }} }}")
        assert found[name]["nodes"] == [], name
    assert await plan(ada) == ("FREE", [], False)


async def test_an_operator_reconciles_one_subscription(start_server: StartServer) -> None:
    async with shop() as polar:
        server = await start_server(worker=False, **settings_of(polar))
        ada, olga = server.user("ada"), await operator(server)
        payer = customer("cus-1", await id_of(ada))
        polar.subscriptions["sub-1"] = subscription("sub-1", payer)
        polar.subscriptions["sub-2"] = subscription("sub-2", payer, UNKNOWN)
        asked = {"polarSubscriptionId": "sub-1"}
        made = await olga.do("reconcileSubscription", "{ problem }", **asked)
        assert (made, await plan(ada)) == ({"problem": None}, ("PRO", [], True))
        made = await olga.do("reconcileSubscription", "{ problem }", polarSubscriptionId="sub-2")
        assert made["problem"] == f"The product {UNKNOWN} is no plan."
        for odd in ("sub-3", "../customers/cus-1", "sub-1?x=", ""):
            assert await code(olga, "reconcileSubscription", polarSubscriptionId=odd) == "NOT_FOUND"
        audited = (await ada.run(AUDITED))["auditLogs"]["nodes"]
        by = await id_of(olga)
        assert audited == [{"action": "SUBSCRIPTION_RECONCILED", "userId": by}] * 2
        assert [path for _, path, _ in polar.asked] == [
            f"/v1/subscriptions/sub-{number}" for number in (1, 2, 3)
        ]
