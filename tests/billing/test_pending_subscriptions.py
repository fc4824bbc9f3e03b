"""Who pays is settled by what the server wrote at Polar, and by nothing that a buyer may write."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.planting import make_operator
from tests.harness.polar import (
    SETTINGS,
    UNLIMITED,
    customer,
    deliver,
    moment,
    order,
    subscription,
)
from tests.harness.verbs import id_of

TIER = "{ plan { tier } }"
PENDING = """{ pendingSubscriptions { nodes {
  id polarSubscriptionId customerId externalId planTier status resolvedUserId error resolvedAt
  eventData createdAt } } }"""
FAILED = "{ failedWebhookEvents { nodes { id error status } } }"
AUDITED = "{ auditLogs { nodes { action userId } } }"
ROUNDS = 20


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await start_server(worker=False, **SETTINGS)


async def tell(server: Server, kind: str, data: Any) -> None:
    assert await deliver(server.session, server.url, kind, data) == 204


async def operator(server: Server) -> Api:
    olga = server.user("olga")
    await make_operator(server, olga)
    return olga


async def tier(user: Api) -> str:
    return (await user.run(TIER))["plan"]["tier"]


async def pending(server: Server) -> list[dict[str, Any]]:
    return (await (await operator(server)).run(PENDING))["pendingSubscriptions"]["nodes"]


async def problem(server: Server) -> str:
    """What is wrong with the newest failed event."""
    found = (await (await operator(server)).run(FAILED))["failedWebhookEvents"]["nodes"]
    return found[0]["error"] if found else ""


async def test_what_nobody_is_known_for_waits_with_the_newest_that_is_told(server: Server) -> None:
    payer = customer("cus-1")
    for minute, product in ((2, UNLIMITED), (1, "prod-pro")):
        told = subscription("sub-1", payer, product, modified_at=moment(minute))
        await tell(server, "subscription.updated", told)
    (row,) = await pending(server)
    assert row["eventData"]["modified_at"] == moment(2)
    kept = {"customerId": "cus-1", "planTier": "UNLIMITED", "status": "PENDING", "error": None}
    assert kept.items() <= row.items()
    assert row["resolvedUserId"] is None
    assert await server.sql("SELECT id FROM subscription") == []


async def test_hole_06_it_goes_to_that_very_customer_and_to_nobody_else(server: Server) -> None:
    ada, eve = server.user("ada"), server.user("eve")
    eves = customer("cus-eve", await id_of(eve))
    await tell(server, "subscription.active", subscription("sub-1", customer("cus-ada")))
    await tell(server, "customer.created", eves)
    await tell(server, "order.created", order(eves))
    await tell(server, "subscription.active", subscription("sub-2", customer("cus-else")))
    assert (await tier(eve), await tier(ada)) == ("FREE", "FREE")
    await tell(server, "order.created", order(customer("cus-ada", await id_of(ada))))
    assert (await tier(eve), await tier(ada)) == ("FREE", "PRO")
    newest, oldest = await pending(server)
    assert (newest["polarSubscriptionId"], newest["status"]) == ("sub-2", "PENDING")
    assert (oldest["status"], oldest["resolvedUserId"]) == ("RESOLVED", await id_of(ada))
    assert oldest["resolvedAt"] is not None


async def test_hole_06_what_a_buyer_writes_names_nobody(server: Server) -> None:
    """Metadata that this server did not sign, and a customer's own."""
    eve = server.user("eve")
    mine = {"userId": await id_of(eve)}
    told = subscription("sub-1", customer("cus-1") | {"metadata": mine}, metadata=mine)
    await tell(server, "subscription.active", told)
    await tell(server, "order.created", order(customer("cus-1"), metadata=mine))
    await tell(server, "customer.updated", customer("cus-1") | {"metadata": mine})
    assert await tier(eve) == "FREE"
    assert [row["status"] for row in await pending(server)] == ["PENDING"]


async def test_who_paid_before_they_came_finds_it_at_their_first_request(server: Server) -> None:
    """Somebody else's server named the subject of their token."""
    await tell(server, "subscription.active", subscription("sub-1", customer("cus-1", "newcomer")))
    assert await tier(server.user("somebody")) == "FREE"
    assert await tier(server.user("newcomer")) == "PRO"
    (row,) = await pending(server)
    assert (row["status"], row["externalId"]) == ("RESOLVED", "newcomer")


@pytest.mark.parametrize("kind", ["customer.created", "order.created"])
async def test_a_link_and_a_subscription_that_come_at_once_find_each_other(
    start_server: StartServer, kind: str
) -> None:
    here, there = [await start_server(worker=False, **SETTINGS) for _ in range(2)]
    ada = await id_of(here.user("ada"))
    for number in range(ROUNDS):
        id = f"cus-{number}"
        told = {
            "customer.created": customer(id, ada),
            "order.created": order(customer(id, ada)),
        }[kind]
        paid = subscription(f"sub-{number}", customer(id))
        await asyncio.gather(
            tell(here, "subscription.active", paid),
            tell(there, kind, told),
            tell(here, "subscription.updated", paid),
        )
    found = await here.sql("SELECT user_id, count(*) FROM subscription GROUP BY user_id")
    assert found == [{"user_id": ada, "count": ROUNDS}]
    assert await here.sql("SELECT id FROM pending_subscription WHERE status <> 'resolved'") == []


async def test_a_first_request_and_a_subscription_that_come_at_once_find_each_other(
    start_server: StartServer,
) -> None:
    here, there = [await start_server(worker=False, **SETTINGS) for _ in range(2)]
    for number in range(ROUNDS):
        payer = customer(f"cus-{number}", f"user-{number}")
        await asyncio.gather(
            id_of(there.user(f"user-{number}")),
            tell(here, "subscription.active", subscription(f"sub-{number}", payer)),
        )
    (found,) = await here.sql("SELECT count(DISTINCT user_id) AS users FROM subscription")
    assert found == {"users": ROUNDS}


async def test_one_user_may_be_two_customers(server: Server) -> None:
    ada = server.user("ada")
    for number, product in enumerate(("prod-pro", UNLIMITED)):
        payer = customer(f"cus-{number}")
        await tell(server, "customer.created", payer | {"external_id": await id_of(ada)})
        told = subscription(f"sub-{number}", payer, product)
        await tell(server, "subscription.active", told)
    assert await tier(ada) == "UNLIMITED"
    told = subscription("sub-1", customer("cus-1"), UNLIMITED, status="unpaid")
    await tell(server, "subscription.updated", told | {"modified_at": moment(1)})
    assert await tier(ada) == "PRO", "the other one still pays"


async def test_one_customer_is_not_two_users(server: Server) -> None:
    ada, eve = server.user("ada"), server.user("eve")
    for user in (ada, eve):
        await tell(server, "order.created", order(customer("cus-1", await id_of(user))))
    assert await problem(server) == "The customer is said to be more than one user."
    await tell(server, "subscription.active", subscription("sub-1", customer("cus-1")))
    assert (await tier(ada), await tier(eve)) == ("PRO", "FREE")
    told = subscription("sub-1", customer("cus-2", await id_of(eve)), modified_at=moment(1))
    await tell(server, "subscription.updated", told)
    assert await problem(server) == "The subscription is another user's."
    assert (await tier(ada), await tier(eve)) == ("PRO", "FREE")


async def test_an_erased_user_gets_nothing_more(server: Server) -> None:
    gone = server.user("gone")
    payer = customer("cus-gone", await id_of(gone))
    await tell(server, "subscription.active", subscription("sub-1", payer))
    await gone.do("deleteMe", "{ deletedUserId }")
    renewed = subscription("sub-1", payer, modified_at=moment(1))
    await tell(server, "subscription.cycled", renewed)
    assert await problem(server) == "The customer's user was erased."
    await tell(server, "subscription.created", subscription("sub-2", payer))
    assert (
        await server.sql("SELECT id FROM subscription WHERE polar_subscription_id = 'sub-2'") == []
    )
    assert await pending(server) == []


async def test_an_operator_says_who_a_customer_is(server: Server) -> None:
    ada, olga = server.user("ada"), await operator(server)
    for number, id in enumerate(("cus-1", "cus-1", "cus-2")):
        await tell(server, "subscription.active", subscription(f"sub-{number}", customer(id)))
    rows = {row["polarSubscriptionId"]: row["id"] for row in await pending(server)}
    given = {"id": rows["sub-0"], "userId": await id_of(ada)}
    selection = "{ pendingSubscription { status resolvedUserId } }"
    made = await olga.do("resolvePendingSubscription", selection, **given)
    assert made["pendingSubscription"] == {"status": "RESOLVED", "resolvedUserId": given["userId"]}
    found = {row["polarSubscriptionId"]: row["status"] for row in await pending(server)}
    assert found == {"sub-0": "RESOLVED", "sub-1": "RESOLVED", "sub-2": "PENDING"}
    assert await tier(ada) == "PRO"
    audited = (await ada.run(AUDITED))["auditLogs"]["nodes"]
    assert audited == [{"action": "SUBSCRIPTION_RESOLVED", "userId": await id_of(olga)}]


async def test_an_operator_gives_nothing_to_two_users_or_to_nobody(server: Server) -> None:
    ada, eve, olga = server.user("ada"), server.user("eve"), await operator(server)
    await tell(server, "subscription.active", subscription("sub-1", customer("cus-1")))
    (row,) = await pending(server)

    async def code(user: Api, id: str, user_id: str) -> str:
        given = {"id": id, "userId": user_id}
        with pytest.raises(Refused) as caught:
            await user.do("resolvePendingSubscription", "{ __typename }", **given)
        return caught.value.code

    assert await code(eve, row["id"], await id_of(eve)) in ("NOT_FOUND", "FORBIDDEN")
    assert await code(olga, row["id"], "usr_" + "0" * 26) == "NOT_FOUND"
    assert await code(olga, "psb_" + "0" * 26, await id_of(ada)) == "NOT_FOUND"
    given = {"id": row["id"], "userId": await id_of(ada)}
    await olga.do("resolvePendingSubscription", "{ __typename }", **given)
    assert await code(olga, row["id"], await id_of(eve)) == "CONFLICT"


async def test_what_cannot_be_given_to_its_user_is_marked(server: Server) -> None:
    """A subscription that is another user's by now, while its pending row still waits."""
    ada, eve = server.user("ada"), server.user("eve")
    await tell(server, "subscription.active", subscription("sub-1", customer("cus-1")))
    moved = subscription("sub-1", customer("cus-2", await id_of(eve)))
    await tell(server, "subscription.active", moved)
    await tell(server, "order.created", order(customer("cus-1", await id_of(ada))))
    (row,) = await pending(server)
    assert (row["status"], row["error"]) == ("FAILED", "The subscription is another user's.")
    assert (await tier(ada), await tier(eve)) == ("FREE", "PRO")
