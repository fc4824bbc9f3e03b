"""The web application: `build(settings, url)` puts it together, `serve` runs it."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

import structlog
from aiohttp import web

from app import demo_page, graphiql, pages
from app.assembly import connect
from app.config import Settings
from app.connections.routes import ConnectionRoutes
from app.contexts import PunnetContexts
from app.database import Observe
from app.demo import SUBJECT, demo_examples
from app.endpoint import RUNNER_OPTIONS
from app.files.routes import FileRoutes
from app.graphql import callers_of, engine_of, graphql_server, origins_of
from app.identity_webhook import IdentityWebhook
from app.metrics import Metrics
from app.oauth.flow import Purpose
from app.oauth.providers import providers_of
from app.oauth.redirects import Redirects
from app.oauth.routes import SignInRoutes
from app.oauth.visits import Visits
from app.observing import Observer, Observers
from app.outgoing import EVERYWHERE, Outgoing
from app.own_exports import OwnExports
from app.plan_telling import PlanTelling
from app.polar import PolarWebhook
from app.process import Services, kept, running
from app.project_downloads import ProjectDownloads
from app.revocations import Revocations
from app.sockets import Sockets
from graphql_schema.plans.planner import Planner
from graphql_schema.schema import graphql_core_schema
from models.errors import Unavailable
from models.ports import Clock

READY_WITHIN = 2.0  # seconds for the database to answer a readiness check
DRAIN = 3.0  # seconds for requests to end after SIGTERM

SERVICES: web.AppKey[Services] = web.AppKey("services", Services)

log = structlog.get_logger()


def build(
    settings: Settings,
    url: str,
    observe: Observe | None = None,
    clock: Clock | None = None,
    observers: Sequence[Observer] = (),
    *,
    plans: bool = True,
) -> web.Application:
    """The application for the database at `url`; see `serve` for how to run it.

    `observe` is told of each statement, `observers` of each operation. Without `plans`
    graphql-core executes every operation, a field at a time: what plans are compared with.
    Raises Invalid for trusted documents that can't run.
    """
    services = connect(settings, url, observe, clock)
    metrics = Metrics(slow=settings.slow_operation)
    app = web.Application()
    app[SERVICES] = services
    app.cleanup_ctx.append(_services(services, worker=settings.worker))
    schema = graphql_core_schema()
    planner = Planner(schema, metrics.left_unplanned)
    engine = engine_of(settings, schema, planner if plans else None)
    metrics.count_documents(lambda: engine.checked)
    metrics.count_events(lambda: planner.encoded)
    services.bus.on_passed(metrics.time_text())
    contexts = PunnetContexts(services.ports, services.authenticator)
    told = Observers(metrics, services.slow, *observers)
    telling = PlanTelling(schema, metrics.left_unplanned, everybody=settings.dev)
    graphql = graphql_server(
        settings, engine, contexts, told, plans=telling, budget=services.budget
    )
    graphql.add_to(app)
    app.cleanup_ctx.append(_revocations(services, graphql.sockets))
    _add_sign_in(app, settings, services, contexts)
    _add_webhooks(app, settings, services)
    _add_transfers(app, url, settings, services, contexts)
    _add_pages(app, settings, services)
    _add_health(app, metrics)
    return app


def _add_health(app: web.Application, metrics: Metrics) -> None:
    """Serve what those who watch over the process ask for."""
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", _ready)
    app.router.add_get("/metrics", metrics.serve)


def _add_sign_in(
    app: web.Application, settings: Settings, services: Services, contexts: PunnetContexts
) -> None:
    callers, outgoing = callers_of(settings), Outgoing(EVERYWHERE)
    signing_in = _visits(settings, services, Purpose.SIGN_IN, "auth")
    providers = providers_of(settings, services.ports.clock, outgoing)
    SignInRoutes(providers, contexts, callers, signing_in).add_to(app)
    connecting = _visits(settings, services, Purpose.CONNECT, "connections")
    ConnectionRoutes(services.outside.services, contexts, callers, connecting).add_to(app)


def _visits(settings: Settings, services: Services, purpose: Purpose, folder: str) -> Visits:
    """What browsers that leave for a provider need."""
    return Visits(
        purpose,
        folder,
        services.ports.sign_in.vault,
        callers_of(settings),
        origins_of(settings),
        Redirects(settings),
        settings.public_url,
    )


def _add_webhooks(app: web.Application, settings: Settings, services: Services) -> None:
    """Serve what other services post."""
    identity, polar = settings.identity_webhook_secret, settings.polar_webhook_secret
    if identity is not None:
        IdentityWebhook(identity.get_secret_value(), services.actor).add_to(app)
    if polar is not None:
        # A flood of events must not take the connections of what runs beside the requests.
        actor = replace(services.actor, database=services.database)
        PolarWebhook(polar.get_secret_value(), actor, services.payments.terms).add_to(app)


def _add_transfers(
    app: web.Application,
    url: str,
    settings: Settings,
    services: Services,
    contexts: PunnetContexts,
) -> None:
    """Serve what is too large for GraphQL."""
    callers, origins = callers_of(settings), origins_of(settings)
    FileRoutes(settings, services.storage, services.database, origins).add_to(app)
    OwnExports(url, services, contexts, callers, origins).add_to(app)
    ProjectDownloads(services, contexts, callers, origins).add_to(app)


def _add_pages(app: web.Application, settings: Settings, services: Services) -> None:
    """Serve what people open in a browser."""
    examples: dict[str, str] = {}

    async def fill(_app: web.Application) -> None:
        examples.update(await demo_examples(services.database))

    def token() -> str:
        return services.authenticator.local.issue_dev_token(SUBJECT, name="Demo")

    if settings.dev:
        app.on_startup.append(fill)
    app.add_routes(graphiql.routes(settings, examples=examples, token=token))
    app.add_routes(demo_page.routes(settings))
    app.add_routes(pages.file_routes(settings))


def _services(services: Services, *, worker: bool) -> Callable[[web.Application], Any]:
    async def context(_app: web.Application) -> AsyncIterator[None]:
        async with running(services, worker=worker):
            yield

    return context


def _revocations(services: Services, sockets: Sockets) -> Callable[[web.Application], Any]:
    async def context(_app: web.Application) -> AsyncIterator[None]:
        revocations = Revocations(sockets, services.background)
        services.changes.tap(revocations.changed)
        async with kept(revocations.run):
            yield

    return context


async def _alive(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _ready(request: web.Request) -> web.Response:
    try:
        async with asyncio.timeout(READY_WITHIN):
            await request.app[SERVICES].database.fetch("SELECT 1")
    except (TimeoutError, Unavailable):
        return web.Response(status=503, text="the database does not answer\n")
    return web.Response(text="ok\n")


def runner(app: web.Application) -> web.AppRunner:
    """The runner of an application, with what its endpoint relies on."""
    return web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=DRAIN, **RUNNER_OPTIONS
    )


def calm_collector() -> None:
    """Have the garbage collector leave the schema and the modules alone, and run less often.

    Else a request of a million brackets has it walk the whole heap again and again: measured,
    reading such a body took 0.42 s of CPU before and 0.05 s after.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def serve(
    settings: Settings,
    url: str,
    started: Callable[[str], None] = lambda address: None,
    observers: Sequence[Observer] = (),
    *,
    plans: bool = True,
) -> None:
    """Serve until SIGTERM or SIGINT; `started` is told the address once it answers.

    For `plans` see `build`.
    """
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    running_app = runner(build(settings, url, observers=observers, plans=plans))
    await running_app.setup()
    calm_collector()
    try:
        site = web.TCPSite(running_app, settings.host, settings.port)
        await site.start()
        host, port = running_app.addresses[0][:2]
        log.info("serving", host=host, port=port)
        started(f"http://{host}:{port}")
        await stopped.wait()
        log.info("stopping")
    finally:
        await running_app.cleanup()
