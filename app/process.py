"""What runs beside the requests: the bus, the readers, the writer and the worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from app.answering import Author
from app.auth import Authenticator, derive_key, load_secret, previous_keys
from app.bus import PostgresBus
from app.changes import ChangeReader
from app.clock import SystemClock
from app.config import Settings
from app.cost_budget import CostBudget, cost_budget
from app.credit_rules import credit_rules
from app.daily_limits import daily_limits, rates_of
from app.database import Observe, PostgresDatabase
from app.files.storage import Storage, storage_of
from app.mail import Mailer, post_of
from app.outside import Outside, outside_of
from app.own_keys import OwnKeys
from app.polar import PolarPayments, payments_of
from app.providers.catalogue import Catalogue
from app.signing_in import sign_in_ports
from app.slow_operations import SlowOperations
from app.streams import StreamHub
from app.toolbox import load_tools
from app.upkeep import Upkeep
from app.worker import Worker, WorkerLimits
from app.writing import Writer
from graphql_schema.core.context import Ports
from graphql_schema.core.signed import Signer
from models.ports import Clock
from models.verbs import Actor
from models.viewer import SIGNED_OUT

BACKGROUND = 4  # connections for what runs beside the requests
STOP_WITHIN = 5.0  # seconds before a task that did not end is told again
SIGNED = "signed values"  # what the signer's key is derived for
RESTART = 1.0  # seconds before a service that crashed is started again

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a process has, connected."""

    ports: Ports
    database: PostgresDatabase
    background: PostgresDatabase
    bus: PostgresBus
    changes: ChangeReader
    streams: StreamHub
    writer: Writer
    slow: SlowOperations
    actor: Actor
    worker: Worker
    upkeep: Upkeep
    budget: CostBudget | None
    mailer: Mailer
    authenticator: Authenticator
    storage: Storage
    catalogue: Catalogue
    outside: Outside
    payments: PolarPayments


def connect(
    settings: Settings, url: str, observe: Observe | None = None, clock: Clock | None = None
) -> Services:
    """Make the services of a process for the database at `url`; nothing runs yet."""
    secret, clock = load_secret(settings), clock or SystemClock()
    authenticator = Authenticator(settings, secret, clock)
    signer = Signer(derive_key(secret, SIGNED), previous_keys(settings, SIGNED))
    database = PostgresDatabase(url, size=settings.pool_size, observe=observe)
    # Apart, so that a flood of requests neither holds up streams nor lets leases end.
    background = PostgresDatabase(url, size=BACKGROUND, observe=observe)
    changes = ChangeReader(database, background, signer)
    streams = StreamHub(database, background, signer, clock)
    bus, catalogue, sign_in = PostgresBus(url), Catalogue(settings), sign_in_ports(settings, secret)
    actor = Actor(SIGNED_OUT, background, clock, bus, catalogue)
    writer, payments = Writer(background, streams, bus), payments_of(settings, signer)
    storage, sends = storage_of(settings, signer, clock), post_of(settings)
    limits = WorkerLimits(settings.worker_slots, settings.user_slots, settings.lease)
    keys, toolbox = OwnKeys(actor, sign_in.vault), load_tools(settings.tools)
    worker = Worker(Author(actor, catalogue, writer, keys, toolbox, storage), limits)
    outside = outside_of(settings, actor, sign_in.vault, worker.name)
    ports = Ports(
        database,
        clock,
        bus,
        catalogue,
        signer,
        changes,
        streams,
        authenticator,
        sign_in,
        storage,
        payments,
        dev=settings.dev,
        limits=daily_limits(settings),
        credits=credit_rules(settings),
        rates=rates_of(settings),
        github=outside.github,
    )
    services = Services(
        ports=ports,
        database=database,
        background=background,
        bus=bus,
        changes=changes,
        streams=streams,
        writer=writer,
        slow=SlowOperations(background, clock, settings.slow_operation),
        actor=actor,
        worker=worker,
        upkeep=Upkeep(actor, storage, payments.terms, settings.lease),
        budget=cost_budget(settings, background, clock),
        mailer=Mailer(actor, sends, sign_in.tickets, settings.app_url),
        authenticator=authenticator,
        storage=storage,
        catalogue=catalogue,
        outside=outside,
        payments=payments,
    )
    _introduce(services)
    return services


def _introduce(services: Services) -> None:
    """Have the services hear of each other."""
    services.bus.on_log(services.changes.wake)
    services.bus.on_text(services.streams.wake)
    services.bus.on_windows(services.streams.publish)
    outside, worker, mailer = services.outside, services.worker, services.mailer
    for follower in (services.streams, worker, outside.importer, mailer, outside.revoker):
        services.changes.tap(follower.changed)


@asynccontextmanager
async def running(services: Services, *, worker: bool) -> AsyncGenerator[None, None]:
    """Run the services; at the end the worker first hands its answers back."""
    await services.database.open()
    await services.background.open()
    steady = (services.bus, services.changes, services.streams, services.writer, services.slow)
    counting = () if services.budget is None else (services.budget,)
    tasks = [asyncio.create_task(keep(one.run)) for one in (*steady, *counting)]
    outside = services.outside
    busy = (services.worker, outside.importer, services.upkeep, services.mailer, outside.revoker)
    working = [asyncio.create_task(keep(one.run)) for one in busy if worker]
    try:
        yield
    finally:
        await _stop(working)
        await _stop(tasks)
        await services.authenticator.close()
        await services.catalogue.close()
        await services.outside.close()
        await services.payments.close()
        services.storage.close()
        await services.background.close()
        await services.database.close()


@asynccontextmanager
async def kept(service: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
    """Run one more service meanwhile."""
    tasks = [asyncio.create_task(keep(service))]
    try:
        yield
    finally:
        await _stop(tasks)


async def keep(service: Callable[[], Awaitable[None]]) -> None:
    """Run a service again should it crash."""
    while True:
        try:
            await service()
        except Exception:
            log.exception("service.crashed", service=service.__qualname__)
        await asyncio.sleep(RESTART)


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=STOP_WITHIN)
