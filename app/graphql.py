"""The GraphQL endpoint with the bounds of the settings."""

from dataclasses import dataclass

from aiohttp import web
from graphql import GraphQLSchema

from app.callers import Callers
from app.config import Settings
from app.connection import SocketLimits
from app.cors import Origins
from app.cost_budget import CostBudget
from app.endpoint import Endpoint
from app.observing import Observer
from app.operations import Contexts, Operations
from app.plan_telling import PlanTelling
from app.sockets import Sockets
from app.sse import EventStreams
from app.trusted_documents import trusted_documents
from app.websocket import WebSockets
from graphql_schema.core.contracts import Planner
from graphql_schema.core.engine import Engine
from graphql_schema.core.gate import Gate
from graphql_schema.core.limits import Limits
from graphql_schema.core.persisted import Documents


@dataclass(frozen=True, slots=True)
class GraphQLServer:
    """The endpoint and what is open on it; `sockets.close_all()` belongs to the shutdown."""

    endpoint: Endpoint
    sockets: Sockets

    def add_to(self, app: web.Application) -> None:
        """Serve /graphql and close what is open when the application shuts down."""
        self.endpoint.add_to(app)
        app.on_shutdown.append(self._shut_down)

    async def _shut_down(self, _app: web.Application) -> None:
        await self.sockets.close_all()


def graphql_server(
    settings: Settings,
    engine: Engine,
    contexts: Contexts,
    observer: Observer | None = None,
    *,
    keep_alive: float = 12.0,
    write_timeout: float = 10.0,
    limits: SocketLimits | None = None,
    plans: PlanTelling | None = None,
    budget: CostBudget | None = None,
) -> GraphQLServer:
    """Put the endpoint together; the application's runner needs endpoint.RUNNER_OPTIONS.

    `keep_alive` and `write_timeout` are the seconds of event streams. Raises Invalid for trusted
    documents that can't run.
    """
    observer = observer or Observer()
    operations = Operations(
        engine,
        contexts,
        time_limit=settings.request_timeout,
        plans=plans,
        budget=budget,
        documents=_documents(settings, engine, observer),
        observer=observer,
    )
    sockets = Sockets(per_user=settings.user_sockets)
    endpoint = Endpoint(
        operations,
        callers=callers_of(settings),
        origins=origins_of(settings),
        streams=EventStreams(sockets, keep_alive=keep_alive, write_timeout=write_timeout),
        sockets=WebSockets(operations, sockets, limits or limits_of(settings)),
        max_body=settings.max_body,
        body_timeout=settings.request_timeout,
    )
    return GraphQLServer(endpoint, sockets)


def origins_of(settings: Settings) -> Origins:
    """Which pages of other sites may ask."""
    return Origins(settings.origins, loopback=settings.dev)


def callers_of(settings: Settings) -> Callers:
    """How requests are told apart; without HTTPS only in development."""
    plain = settings.dev if settings.public_url is None else settings.public_url.startswith("http:")
    return Callers(proxies=settings.trusted_proxies, secure=not plain)


def _documents(settings: Settings, engine: Engine, observer: Observer) -> Documents:
    return Documents(
        engine,
        entries=settings.persisted_queries,
        trusted=trusted_documents(settings, engine),
        only_trusted=settings.only_trusted_documents,
        tell=observer.document_named,
    )


def engine_of(settings: Settings, schema: GraphQLSchema, planner: Planner | None = None) -> Engine:
    """The engine of a schema with the bounds that the settings set for documents."""
    bounds = Limits(
        tokens=settings.max_tokens,
        depth=settings.max_depth,
        cost=settings.max_cost,
        aliases=settings.max_aliases,
    )
    gate = Gate(schema, bounds, introspection=settings.introspection)
    return Engine(schema, limits=gate, planner=planner, time_limit=settings.request_timeout)


def limits_of(settings: Settings) -> SocketLimits:
    """The bounds of one WebSocket."""
    return SocketLimits(
        message=settings.socket_message,
        operations=settings.socket_operations,
        queue=settings.socket_queue,
        init_timeout=settings.init_timeout,
        ping_interval=settings.ping_interval,
    )
