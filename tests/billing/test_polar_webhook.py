"""Polar's webhook: each event stored once, gone through once, and the newest state kept."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any

import pytest

from tests.harness.api import Api, Server, StartServer
from tests.harness.planting import make_operator
from tests.harness.polar import (
    PRO,
    SETTINGS,
    UNKNOWN,
    UNLIMITED,
    checkout,
    customer,
    deliver,
    event,
    moment,
    order,
    signed,
    subscription,
)
from tests.harness.verbs import id_of

PLAN = "{ plan { tier features } me { premium } }"
OWN = """{ subscriptions { nodes {
  provider planTier polarSubscriptionId customerId productId priceId status interval
  currentPeriodStart currentPeriodEnd cancelAtPeriodEnd canceledAt trialStart trialEnd metadata
  userId providerAt } } polarCustomer { userId polarCustomerId } }"""
EVENTS = "{ webhookEvents { nodes { eventId eventType source status error retryCount tryAt } } }"
PENDING = """{ pendingSubscriptions { nodes {
  polarSubscriptionId customerId externalId planTier eventData status resolvedUserId error
  resolvedAt } } }"""


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await start_server(worker=False, **SETTINGS)


async def tell(server: Server, kind: str, data: Any, id: str | None = None) -> None:
    assert await deliver(server.session, server.url, kind, data, id) == 204


async def buyer(server: Server, name: str = "ada") -> tuple[Api, dict[str, Any]]:
    """A user, and the customer that our checkout made of them."""
    user = server.user(name)
    return user, customer(f"cus-{name}", await id_of(user))


async def operator(server: Server) -> Api:
    olga = server.user("olga")
    await make_operator(server, olga)
    return olga


async def tier(user: Api) -> tuple[str, bool]:
    found = await user.run(PLAN)
    return found["plan"]["tier"], found["me"]["premium"]


async def newest_event(server: Server) -> dict[str, Any]:
    return (await (await operator(server)).run(EVENTS))["webhookEvents"]["nodes"][0]


async def test_a_subscription_is_written_with_all_that_is_told_of_it(server: Server) -> None:
    ada, payer = await buyer(server)
    told = subscription(
        payer=payer,
        recurring_interval="year",
        status="trialing",
        trial_start=moment(1),
        trial_end=moment(2),
        canceled_at=moment(3),
        cancel_at_period_end=True,
        modified_at=moment(4),
        metadata={"features": "export, api"},
    )
    await tell(server, "subscription.created", told)
    found = await ada.run(OWN)
    (row,) = found["subscriptions"]["nodes"]
    assert row == {
        "provider": "POLAR",
        "planTier": "PRO",
        "polarSubscriptionId": "sub-1",
        "customerId": "cus-ada",
        "productId": PRO,
        "priceId": f"price-of-{PRO}",
        "status": "TRIALING",
        "interval": "YEARLY",
        "currentPeriodStart": "2031-05-01T08:00:00.123Z",
        "currentPeriodEnd": "2031-05-31T08:00:00.123Z",
        "cancelAtPeriodEnd": True,
        "canceledAt": "2031-05-01T08:03:00.123Z",
        "trialStart": "2031-05-01T08:01:00.123Z",
        "trialEnd": "2031-05-01T08:02:00.123Z",
        "metadata": {"features": "export, api"},
        "userId": payer["external_id"],
        "providerAt": "2031-05-01T08:04:00.123Z",
    }
    linked = {"userId": payer["external_id"], "polarCustomerId": "cus-ada"}
    assert found["polarCustomer"] == linked
    plan = (await ada.run(PLAN))["plan"]
    assert plan == {"tier": "PRO", "features": ["api", "export"]}


@pytest.mark.parametrize(
    ("status", "pays"),
    [
        ("active", True),
        ("trialing", True),
        ("past_due", True),
        ("canceled", False),
        ("unpaid", False),
        ("revoked", False),
        ("paused", False),
        ("incomplete", False),
        ("incomplete_expired", False),
    ],
)
async def test_hole_07_only_some_statuses_pay(server: Server, status: str, pays: bool) -> None:
    ada, payer = await buyer(server)
    told = subscription(payer=payer, status=status, current_period_end="2999-01-01T00:00:00Z")
    await tell(server, "subscription.updated", told)
    assert await tier(ada) == (("PRO", True) if pays else ("FREE", False))
    assert (await newest_event(server))["status"] == "PROCESSED"


async def test_the_events_of_a_life(server: Server) -> None:
    ada, payer = await buyer(server)

    async def seen(kind: str, minute: int, **changed: Any) -> tuple[str, bool, str, bool]:
        at = {"modified_at": moment(minute)}
        await tell(server, f"subscription.{kind}", subscription(payer=payer, **at, **changed))
        (row,) = (await ada.run(OWN))["subscriptions"]["nodes"]
        return (*await tier(ada), row["status"], row["cancelAtPeriodEnd"])

    assert await seen("created", 1, status="incomplete") == ("FREE", False, "UNPAID", False)
    assert await seen("active", 2) == ("PRO", True, "ACTIVE", False)
    ends = {"cancel_at_period_end": True}
    assert await seen("canceled", 3, **ends) == ("PRO", True, "ACTIVE", True)
    assert await seen("uncanceled", 4) == ("PRO", True, "ACTIVE", False)
    larger = {"product_id": UNLIMITED}
    assert await seen("updated", 5, **larger) == ("UNLIMITED", True, "ACTIVE", False)
    assert await seen("cycled", 6, **larger) == ("UNLIMITED", True, "ACTIVE", False)
    gone = await seen("revoked", 7, status="unpaid", **ends)
    assert gone == ("FREE", False, "CANCELED", False)


async def test_what_comes_late_does_not_overwrite_what_is_newer(server: Server) -> None:
    ada, payer = await buyer(server)
    ended = subscription(payer=payer, status="canceled", modified_at=moment(5))
    await tell(server, "subscription.canceled", ended)
    for minute in (4, 5):
        late = subscription(payer=payer, modified_at=moment(minute))
        await tell(server, "subscription.active", late)
        assert await tier(ada) == ("FREE", False), "older, or of the same time"
    assert (await newest_event(server))["status"] == "PROCESSED"
    await tell(server, "subscription.active", subscription(payer=payer, modified_at=moment(6)))
    assert await tier(ada) == ("PRO", True)


async def test_hole_07_an_unknown_status_or_type_is_kept_and_refused(server: Server) -> None:
    """It is never taken for an active one."""
    ada, payer = await buyer(server)
    await tell(server, "subscription.updated", subscription(payer=payer, status="enchanted"))
    found = await newest_event(server)
    assert (found["status"], found["error"]) == ("FAILED", "Unknown status: enchanted.")
    await tell(server, "subscription.blessed", subscription(payer=payer))
    found = await newest_event(server)
    assert (found["status"], found["error"]) == ("FAILED", "Unknown type: subscription.blessed.")
    assert await tier(ada) == ("FREE", False)
    assert (await ada.run(OWN))["subscriptions"]["nodes"] == []


async def test_an_unknown_product_is_kept_and_pays_for_nothing(server: Server) -> None:
    ada, payer = await buyer(server)
    await tell(server, "subscription.active", subscription(payer=payer, product_id=UNKNOWN))
    (row,) = (await ada.run(OWN))["subscriptions"]["nodes"]
    assert (row["planTier"], row["status"], row["productId"]) == ("FREE", "ACTIVE", UNKNOWN)
    assert await tier(ada) == ("FREE", False)
    found = await newest_event(server)
    assert (found["status"], found["error"]) == ("FAILED", f"The product {UNKNOWN} is no plan.")


async def test_what_does_not_concern_us_is_processed_and_changes_nothing(server: Server) -> None:
    ada, payer = await buyer(server)
    for kind in ("benefit.created", "checkout.created", "product.updated", "customer.deleted"):
        await tell(server, kind, {"id": "x", "customer_id": payer["id"], "customer": payer})
        found = await newest_event(server)
        assert (found["eventType"], found["status"], found["error"]) == (kind, "PROCESSED", None)
    await tell(server, "checkout.updated", checkout("succeeded", "cus-ada", payer["external_id"]))
    assert (await newest_event(server))["status"] == "PROCESSED"
    assert (await ada.run(OWN))["polarCustomer"] is None


@pytest.mark.parametrize("kind", ["order.created", "customer.state_changed"])
async def test_who_a_customer_is_comes_by_several_events(server: Server, kind: str) -> None:
    ada, payer = await buyer(server)
    told = {
        "order.created": order(payer),
        "customer.state_changed": payer,
    }
    await tell(server, "subscription.active", subscription(payer=customer("cus-ada")))
    assert await tier(ada) == ("FREE", False), "nobody has said yet who that is"
    await tell(server, kind, told[kind])
    assert await tier(ada) == ("PRO", True)
    assert (await ada.run(OWN))["polarCustomer"]["polarCustomerId"] == "cus-ada"


async def test_an_event_and_what_waits_are_read_as_they_came(server: Server) -> None:
    """Every field of the sources' tables: the rest is read where it changes."""
    told = subscription(payer=customer("cus-1"))
    await tell(server, "subscription.active", told, "evt-whole")
    olga = await operator(server)
    whole = "{ webhookEvents { nodes { eventId eventType payload processedAt createdAt error } } }"
    (found,) = (await olga.run(whole))["webhookEvents"]["nodes"]
    assert (found["eventId"], found["eventType"]) == ("evt-whole", "subscription.active")
    assert found["payload"]["data"] == told
    assert found["createdAt"] <= found["processedAt"]
    (waiting,) = (await olga.run(PENDING))["pendingSubscriptions"]["nodes"]
    assert waiting["eventData"] == told
    assert (waiting["polarSubscriptionId"], waiting["customerId"]) == ("sub-1", "cus-1")


async def test_odd_payloads_fail_and_change_nothing(server: Server) -> None:
    ada, payer = await buyer(server)
    good = subscription(payer=payer)
    odd: list[Any] = [
        None,
        [],
        "text",
        {},
        good | {"id": 7},
        good | {"id": " "},
        good | {"id": "x" * 300},
        good | {"customer_id": None},
        good | {"product_id": None},
        good | {"status": None},
        good | {"created_at": None},
        good | {"modified_at": "soon"},
        good | {"current_period_end": 12},
    ]
    for data in odd:
        await tell(server, "subscription.active", data)
        assert (await newest_event(server))["status"] == "FAILED", data
    assert (await ada.run(OWN))["subscriptions"]["nodes"] == []
    await tell(server, "subscription.active", good | {"metadata": {"note": "a\0b"}})
    (row,) = (await ada.run(OWN))["subscriptions"]["nodes"]
    assert row["metadata"] == {"note": "a\ufffdb"}


async def test_hole_08_the_providers_id_dedupes(start_server: StartServer) -> None:
    """Fifty deliveries at once, to two servers: stored once, gone through once."""
    servers = [await start_server(worker=False, **SETTINGS) for _ in range(2)]
    ada, payer = await buyer(servers[0])
    body = event("subscription.active", subscription(payer=payer))
    headers = signed("evt-same", body)

    async def post(number: int) -> int:
        url = f"{servers[number % 2].url}/webhooks/polar"
        async with servers[number % 2].session.post(url, data=body, headers=headers) as answer:
            return answer.status

    assert set(await asyncio.gather(*map(post, range(50)))) == {204}
    assert await tier(ada) == ("PRO", True)
    rows = await servers[0].sql("SELECT event_id, status, retry_count FROM webhook_event")
    assert rows == [{"event_id": "evt-same", "status": "processed", "retry_count": 0}]
    verbs = await servers[0].sql(
        "SELECT verb, count(*) FROM event_log WHERE owner_id = 'system' AND verb LIKE '%event' "
        "GROUP BY verb ORDER BY verb"
    )
    assert verbs == [
        {"verb": "process_event", "count": 1},
        {"verb": "receive_polar_event", "count": 1},
    ]


async def test_hole_08_the_signature_is_over_the_raw_body(server: Server) -> None:
    ada, payer = await buyer(server)
    body = event("subscription.active", subscription(payer=payer))
    good = signed("m1", body)
    for headers, text in (
        ({}, body),
        (signed("m1", body, at=time.time() - 301), body),
        (signed("m1", body, at=time.time() + 330), body),
        (signed("m1", body, key=b"another"), body),
        (good, body.replace(b'": ', b'":')),
        (good, body + b" "),
        (good | {"webhook-id": "m2"}, body),
        (good | {"webhook-signature": "v1,AAAA"}, body),
        (good | {"webhook-timestamp": "soon"}, body),
        (signed("m" * 300, body), body),
        (signed("m1", b"[]"), b"[]"),
    ):
        url = f"{server.url}/webhooks/polar"
        async with server.session.post(url, data=text, headers=headers) as answer:
            assert answer.status == 401, headers
    async with server.session.post(url, data=b"x" * 300_000, headers=good) as answer:
        assert answer.status == 413
    assert await server.sql("SELECT id FROM webhook_event") == []
    assert await tier(ada) == ("FREE", False)


async def test_a_secret_in_the_newer_form_signs_by_what_it_decodes_to(
    start_server: StartServer,
) -> None:
    key = b"a key of thirty-two bytes, or so"
    secret = f"whsec_{base64.b64encode(key).decode()}"
    server = await start_server(worker=False, **(SETTINGS | {"polar_webhook_secret": secret}))
    body = event("benefit.created", {"id": "b"})
    for number, one in enumerate((key, secret.encode())):
        headers = signed(f"m{number}", body, key=one)
        url = f"{server.url}/webhooks/polar"
        async with server.session.post(url, data=body, headers=headers) as answer:
            assert answer.status == 204


async def test_without_a_secret_there_is_no_webhook(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    assert await deliver(server.session, server.url, "order.created", {}) == 404
