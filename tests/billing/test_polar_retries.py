"""What goes wrong while an event is gone through is tried again, by whoever is left to do it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from aiohttp import ClientError, ClientSession

from app.polar import EventProcessor
from models.accounts.webhook_events import WebhookEvent, WebhookSource
from models.billing.polar_events import TRIES
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.fleet import Fleet
from tests.harness.nursery import nursery
from tests.harness.planting import make_operator, plant
from tests.harness.polar import PRO, SETTINGS, UNKNOWN, customer, deliver, moment, subscription
from tests.harness.processes import ask
from tests.harness.verbs import id_of

TIER = "{ plan { tier } }"
EVENT = "{ webhookEvents(first: 1) { nodes { id status error retryCount tryAt processedAt } } }"
BREAK = """\
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON subscription EXECUTE FUNCTION refuse()"""
MEND = "DROP FUNCTION refuse() CASCADE"


async def operator(server: Server) -> Api:
    olga = server.user("olga")
    await make_operator(server, olga)
    return olga


async def newest(server: Server) -> dict[str, Any]:
    return (await (await operator(server)).run(EVENT))["webhookEvents"]["nodes"][0]


async def run(server: Server, script: str) -> None:
    async with server.services.database.connection() as connection:
        await connection.execute(script)


async def work_off(server: Server) -> None:
    """What a worker does now and then."""
    services = server.services
    await EventProcessor(services.actor, services.payments.terms).work_off()


async def tier(user: Api) -> str:
    return (await user.run(TIER))["plan"]["tier"]


async def test_it_is_tried_again_with_longer_and_longer_pauses(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock, **SETTINGS)
    ada = server.user("ada")
    payer = customer("cus-1", await id_of(ada))
    await run(server, BREAK)
    try:
        told = subscription(payer=payer)
        assert await deliver(server.session, server.url, "subscription.active", told) == 204
        found = await newest(server)
        assert (found["status"], found["retryCount"]) == ("RETRYING", 1)
        assert "disk" not in found["error"], "what PostgreSQL says is for the log"
        pauses = [10 * 2**number for number in range(1, TRIES - 1)]
        clock.advance(seconds=10)
        for number, pause in enumerate(pauses, start=2):
            await work_off(server)
            assert (await newest(server))["retryCount"] == number
            clock.advance(seconds=pause - 1)
            await work_off(server)
            assert (await newest(server))["retryCount"] == number, "too early"
            clock.advance(seconds=1)
        await work_off(server)
        found = await newest(server)
        assert (found["status"], found["tryAt"]) == ("FAILED", None)
        assert found["processedAt"] is not None
    finally:
        await run(server, MEND)
    olga = await operator(server)
    selection = "{ webhookEvent { status error } }"
    replayed = await olga.do("replayWebhookEvent", selection, id=found["id"])
    assert replayed["webhookEvent"] == {"status": "PROCESSED", "error": None}
    assert await tier(ada) == "PRO"


async def test_what_is_mended_meanwhile_is_processed_by_a_worker(
    start_server: StartServer,
) -> None:
    clock = FakeClock()
    server = await start_server(worker=True, clock=clock, **SETTINGS)
    ada = server.user("ada")
    payer = customer("cus-1", await id_of(ada))
    await run(server, BREAK)
    try:
        await deliver(server.session, server.url, "subscription.active", subscription(payer=payer))
        assert (await newest(server))["status"] == "RETRYING"
    finally:
        await run(server, MEND)
    clock.advance(seconds=10)

    async def processed() -> bool:
        return (await newest(server))["status"] == "PROCESSED"

    await eventually(processed)
    assert await tier(ada) == "PRO"


async def test_a_server_that_dies_between_storing_and_processing_loses_nothing(
    database: str, tmp_path: Any
) -> None:
    settings = {"polar_webhook_secret": SETTINGS["polar_webhook_secret"], "worker": "false"}
    settings["polar_products"] = f'{{"{PRO}": "pro"}}'
    async with nursery(tmp_path) as children, ClientSession() as session:
        fleet = Fleet(children, database, session, settings)
        first = await fleet.start("serve")
        ada = await id_of(fleet.api("ada"))
        told = subscription(payer=customer("cus-1", ada))
        assert first.url
        async with held(database, ada):
            sending = asyncio.create_task(deliver(session, first.url, "subscription.active", told))

            async def stored() -> Any:
                return await ask(database, "SELECT id FROM webhook_event")

            await eventually(stored)
            await fleet.kill(first)
            with pytest.raises(ClientError):
                await sending
        assert await ask(database, "SELECT status FROM webhook_event") == "received"
        await fleet.start("worker")

        async def processed() -> Any:
            return await ask(database, "SELECT id FROM webhook_event WHERE status = 'processed'")

        await eventually(processed, 20)
        await fleet.start("serve")
        assert await tier(fleet.api("ada")) == "PRO"


@asynccontextmanager
async def held(database: str, user_id: str) -> AsyncIterator[None]:
    """Somebody else holds a user's row, for which the processing waits."""
    connection: Any = await asyncpg.connect(database)
    try:
        async with connection.transaction():
            lock = "SELECT id FROM user_account WHERE id = $1 FOR UPDATE"
            await connection.execute(lock, user_id)
            yield
    finally:
        await connection.close()


async def test_replaying_is_harmless_and_for_operators(start_server: StartServer) -> None:
    server = await start_server(worker=False, **SETTINGS)
    ada, olga = server.user("ada"), await operator(server)
    payer = customer("cus-1", await id_of(ada))
    await deliver(server.session, server.url, "subscription.active", subscription(payer=payer))
    old = await newest(server)
    ended = subscription(payer=payer, status="canceled", modified_at=moment(1))
    await deliver(server.session, server.url, "subscription.canceled", ended)
    made = await olga.do(
        "replayWebhookEvent", "{ webhookEvent { status retryCount } }", id=old["id"]
    )
    assert made["webhookEvent"] == {"status": "PROCESSED", "retryCount": 1}
    assert await tier(ada) == "FREE", "a replay does not bring back what has ended"
    with pytest.raises(Refused) as caught:
        await ada.do("replayWebhookEvent", "{ __typename }", id=old["id"])
    assert caught.value.code in ("NOT_FOUND", "FORBIDDEN")
    (row,) = await server.sql(
        "SELECT owner_id, resource, user_id FROM audit_log WHERE action = 'webhook.replayed'"
    )
    assert row == {"owner_id": "system", "resource": old["id"], "user_id": await id_of(olga)}


async def test_what_the_identity_provider_sent_is_not_replayed(start_server: StartServer) -> None:
    server = await start_server(worker=False, **SETTINGS)
    olga = await operator(server)
    told = {"event_id": "m1", "event_type": "user.updated", "payload": {"subject": "ada"}}
    id = await plant(server, WebhookEvent, source=WebhookSource.IDENTITY, **told)
    with pytest.raises(Refused) as caught:
        await olga.do("replayWebhookEvent", "{ __typename }", id=id)
    assert caught.value.code == "CONFLICT"


async def test_a_product_that_becomes_a_plan_is_replayed(start_server: StartServer) -> None:
    server = await start_server(worker=False, **SETTINGS)
    ada = server.user("ada")
    told = subscription("sub-1", customer("cus-1", await id_of(ada)), UNKNOWN)
    await deliver(server.session, server.url, "subscription.active", told)
    failed = await newest(server)
    assert failed["status"] == "FAILED"
    knowing = SETTINGS | {"polar_products": {UNKNOWN: "unlimited"}}
    later = await start_server(worker=False, **knowing)
    olga = await operator(later)
    made = await olga.do("replayWebhookEvent", "{ webhookEvent { status } }", id=failed["id"])
    assert made["webhookEvent"] == {"status": "PROCESSED"}
    assert await tier(later.user("ada")) == "UNLIMITED"
