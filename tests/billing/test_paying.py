"""Checkouts, portals, ending and resuming: through the SDK, against a server that speaks Polar."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from polar import deserialize
from polar.v2026_10 import outputs

from tests.harness.accounts import guest_of
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.polar import (
    PRO,
    UNKNOWN,
    UNLIMITED,
    checkout,
    customer,
    deliver,
    moment,
    subscription,
)
from tests.harness.polar_shop import Shop, settings_of, shop
from tests.harness.verbs import id_of

PLAN = "{ plan { tier } me { premium } }"
MINE = "{ subscriptions { nodes { id status cancelAtPeriodEnd planTier } } }"
SUBSCRIPTION = "{ subscription { id cancelAtPeriodEnd status } }"
FRONT = "http://localhost:3000"


@pytest.fixture
async def polar() -> AsyncIterator[Shop]:
    async with shop() as made:
        yield made


@pytest.fixture
async def server(start_server: StartServer, polar: Shop) -> Server:
    return await start_server(worker=False, **settings_of(polar, polar_timeout=1.0))


async def tier(user: Api) -> str:
    return (await user.run(PLAN))["plan"]["tier"]


async def paying(server: Server, polar: Shop, name: str = "ada") -> tuple[Api, str]:
    """A user with a subscription that Polar knows as well; its id here."""
    user = server.user(name)
    payer = customer(f"cus-{name}", await id_of(user))
    told = polar.subscriptions[f"sub-{name}"] = subscription(f"sub-{name}", payer)
    assert await deliver(server.session, server.url, "subscription.active", told) == 204
    (row,) = (await user.run(MINE))["subscriptions"]["nodes"]
    return user, row["id"]


async def code(user: Api, mutation: str, **given: Any) -> str:
    with pytest.raises(Refused) as caught:
        await user.do(mutation, "{ __typename }", **given)
    return caught.value.code


def test_the_shapes_are_those_that_the_sdk_reads() -> None:
    deserialize(subscription(), outputs.Subscription)
    deserialize(checkout(), outputs.Checkout)


async def test_a_checkout_names_the_user_on_the_servers_word(server: Server, polar: Shop) -> None:
    ada = server.user("ada")
    mine = await id_of(ada)
    given = {"productId": PRO, "successUrl": f"{FRONT}/done", "returnUrl": f"{FRONT}/prices"}
    made = await ada.do("createCheckout", "{ url }", **given)
    assert made["url"].startswith("https://polar.example/checkout/")
    ((method, path, said),) = polar.asked
    assert (method, path, said["products"]) == ("POST", "/v1/checkouts/", [PRO])
    assert (said["external_customer_id"], said["metadata"]["userId"]) == (mine, mine)
    assert (said["success_url"], said["return_url"]) == (f"{FRONT}/done", f"{FRONT}/prices")


async def test_what_our_checkout_wrote_says_who_paid(server: Server, polar: Shop) -> None:
    """Also where Polar knew the buyer's address already, as a customer that nobody named."""
    ada, eve = server.user("ada"), server.user("eve")
    await ada.do("createCheckout", "{ url }", productId=PRO)
    await id_of(eve)
    written: dict[str, Any] = polar.asked[0][2]["metadata"]
    forged = written | {"userId": await id_of(eve)}
    for number, metadata in enumerate((forged, {"userId": await id_of(eve)}, written)):
        payer = customer(f"cus-{number}")
        told = subscription(f"sub-{number}", payer, metadata=metadata)
        assert await deliver(server.session, server.url, "subscription.active", told) == 204
    assert (await tier(eve), await tier(ada)) == ("FREE", "PRO")
    waiting = await server.sql(
        "SELECT polar_subscription_id FROM pending_subscription ORDER BY polar_subscription_id"
    )
    assert [row["polar_subscription_id"] for row in waiting] == ["sub-0", "sub-1"]


async def test_pages_of_others_are_refused(server: Server, polar: Shop) -> None:
    ada, _ = await paying(server, polar)
    eve = server.user("eve")
    for url in ("https://evil.example/", "javascript:alert(1)", f"{FRONT}@evil.example", "x"):
        for field in ("successUrl", "returnUrl"):
            with pytest.raises(Refused) as caught:
                await eve.do("createCheckout", "{ url }", productId=PRO, **{field: url})
            assert caught.value.errors[0]["extensions"] == {"code": "INVALID", "field": field}
        assert await code(ada, "createCustomerPortal", returnUrl=url) == "INVALID"
    assert polar.asked == []


async def test_only_plans_are_sold_and_only_once(server: Server, polar: Shop) -> None:
    ada, _ = await paying(server, polar)
    assert await code(server.user("eve"), "createCheckout", productId=UNKNOWN) == "INVALID"
    assert await code(ada, "createCheckout", productId=UNLIMITED) == "CONFLICT"
    assert polar.asked == []


async def test_the_portal_is_the_viewers_own(server: Server, polar: Shop) -> None:
    ada, _ = await paying(server, polar)
    made = await ada.do("createCustomerPortal", "{ url }", returnUrl=FRONT)
    assert made["url"] == "https://polar.example/portal/cus-ada"
    assert await code(server.user("eve"), "createCustomerPortal") == "NOT_FOUND"


async def test_a_subscription_is_ended_and_goes_on_after_all(server: Server, polar: Shop) -> None:
    ada, id = await paying(server, polar)
    ended = await ada.do("cancelSubscription", SUBSCRIPTION, id=id)
    assert ended["subscription"] == {"id": id, "cancelAtPeriodEnd": True, "status": "ACTIVE"}
    assert await tier(ada) == "PRO", "until its period ends"
    late = subscription("sub-ada", customer("cus-ada"), modified_at=moment(1))
    await deliver(server.session, server.url, "subscription.updated", late)
    (row,) = (await ada.run(MINE))["subscriptions"]["nodes"]
    assert row["cancelAtPeriodEnd"], "the event is older than what Polar answered"
    resumed = await ada.do("resumeSubscription", SUBSCRIPTION, id=id)
    assert not resumed["subscription"]["cancelAtPeriodEnd"]
    said = [said for method, _, said in polar.asked if method == "PATCH"]
    assert said == [{"cancel_at_period_end": True}, {"cancel_at_period_end": False}]


async def test_what_has_ended_or_is_not_polars_is_not_ended(server: Server, polar: Shop) -> None:
    ada, id = await paying(server, polar)
    gone = subscription("sub-ada", customer("cus-ada"), status="canceled", modified_at=moment(9))
    await deliver(server.session, server.url, "subscription.revoked", gone)
    for mutation in ("cancelSubscription", "resumeSubscription"):
        assert await code(ada, mutation, id=id) == "CONFLICT"
    assert polar.asked == []


async def test_nobody_else_touches_ones_subscription(server: Server, polar: Shop) -> None:
    _, id = await paying(server, polar)
    eve, guest = server.user("eve"), await guest_of(server)
    for mutation in ("cancelSubscription", "resumeSubscription", "syncSubscription"):
        assert await code(eve, mutation, id=id) == "NOT_FOUND"
        assert await code(server.nobody(), mutation, id=id) == "UNAUTHENTICATED"
    assert await code(guest, "createCheckout", productId=PRO) == "FORBIDDEN"
    assert polar.asked == []


async def test_hole_06_a_sync_takes_ones_own_and_nothing_that_waits(
    server: Server, polar: Shop
) -> None:
    """Others' pending subscriptions stay where they are, whoever asks first."""
    ada, eve = server.user("ada"), server.user("eve")
    lost = subscription("sub-lost", customer("cus-ada", await id_of(ada)))
    others = subscription("sub-others", customer("cus-somebody"), UNLIMITED)
    polar.subscriptions |= {"sub-lost": lost, "sub-others": others}
    await deliver(server.session, server.url, "subscription.active", others)
    await id_of(eve)
    for user, plan in ((eve, "FREE"), (ada, "PRO")):
        synced = await user.do("syncSubscription", "{ plan { tier } }")
        assert synced["plan"]["tier"] == plan
    (row,) = await server.sql("SELECT status, resolved_user_id FROM pending_subscription")
    assert row == {"status": "pending", "resolved_user_id": None}


async def test_one_subscription_can_be_asked_for(server: Server, polar: Shop) -> None:
    ada, id = await paying(server, polar)
    changes = {"status": "unpaid", "modified_at": moment(30)}
    polar.subscriptions["sub-ada"] |= changes
    synced = await ada.do("syncSubscription", "{ plan { tier } }", id=id)
    assert synced["plan"]["tier"] == "FREE"


async def _slow(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(3)
    return web.Response()


async def _dripping(request: web.Request) -> web.StreamResponse:
    """A byte now and then, so that no single read is too slow."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(30):
        await response.write(b" ")
        await asyncio.sleep(0.1)
    return response


async def _gone(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _late(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=429, headers={"Retry-After": "Wed, 21 Oct 2031 07:28:00 GMT"})


def _says(body: Any, status: int = 200) -> Any:
    async def fault(_request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return fault


async def _html(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="<h1>Soon</h1>", content_type="text/html")


FAULTS: dict[str, tuple[Any, str]] = {
    "slow": (_slow, "UNAVAILABLE"),
    "dripping": (_dripping, "UNAVAILABLE"),
    "gone": (_gone, "UNAVAILABLE"),
    "server error": (_says({}, 500), "UNAVAILABLE"),
    "bad gateway": (_says("oops", 502), "UNAVAILABLE"),
    "unknown token": (_says({"error": "invalid_token"}, 401), "UNAVAILABLE"),
    "too many": (_late, "UNAVAILABLE"),
    "no JSON": (_html, "UNAVAILABLE"),
    "other JSON": (_says({"id": "sub-ada"}), "UNAVAILABLE"),
    "a list": (_says([]), "UNAVAILABLE"),
    "another's": (_says(subscription("sub-other", customer("cus-other"))), "UNAVAILABLE"),
    "unknown status": (_says(subscription("sub-ada", status="enchanted")), "UNAVAILABLE"),
    "locked": (_says({"error": "SubscriptionLocked", "detail": "Wait."}, 409), "CONFLICT"),
    "not there": (_says({"error": "ResourceNotFound", "detail": "No."}, 404), "NOT_FOUND"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_polar_that_fails_changes_nothing_and_says_so(
    server: Server, polar: Shop, fault: str
) -> None:
    ada, id = await paying(server, polar)
    eve = server.user("eve")
    await id_of(eve)
    before = await server.sql("SELECT * FROM subscription")
    polar.fault, expected = FAULTS[fault]
    assert await code(ada, "cancelSubscription", id=id) == expected
    if fault not in ("another's", "unknown status", "other JSON"):
        assert await code(eve, "createCheckout", productId=PRO) == expected
    assert await server.sql("SELECT * FROM subscription") == before
    assert await server.sql("SELECT id FROM pending_subscription") == []
    polar.fault = None
    ended = await ada.do("cancelSubscription", SUBSCRIPTION, id=id)
    assert ended["subscription"]["cancelAtPeriodEnd"], "as soon as it is back"


async def test_no_transaction_is_open_while_polar_is_asked(server: Server, polar: Shop) -> None:
    ada, id = await paying(server, polar)
    open_ones: list[int] = []

    async def look(_request: web.Request) -> web.StreamResponse:
        (row,) = await server.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND state LIKE 'idle in transaction%'"
        )
        open_ones.append(row["count"])
        return web.json_response({}, status=500)

    polar.fault = look
    await code(ada, "cancelSubscription", id=id)
    await code(server.user("eve"), "createCheckout", productId=PRO)
    await code(ada, "syncSubscription")
    assert open_ones == [0, 0, 0]


async def test_where_payments_are_not_set_up_that_is_said(start_server: StartServer) -> None:
    server = await start_server(worker=False, polar_token=None)
    assert await code(server.user("ada"), "createCheckout", productId=PRO) == "UNAVAILABLE"
    assert await tier(server.user("ada")) == "FREE"
