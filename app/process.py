"""What runs beside the requests: the bus, the readers, the writer and the worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from app.auth import Authenticator
from app.bus import PostgresBus
from app.changes import ChangeReader
from app.cost_budget import CostBudget
from app.database import PostgresDatabase
from app.files.storage import Storage
from app.mail import Mailer
from app.outside import Outside
from app.polar import PolarPayments
from app.providers.catalogue import Catalogue
from app.slow_operations import SlowOperations
from app.streams import StreamHub
from app.upkeep import Upkeep
from app.worker import Worker
from app.writing import Writer
from graphql_schema.core.context import Ports
from models.verbs import Actor

STOP_WITHIN = 5.0  # seconds before a task that did not end is told again
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
