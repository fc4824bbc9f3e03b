"""Puts a process together from its settings; nothing runs before `running` in app.process."""

from __future__ import annotations

from dataclasses import dataclass

from app.answering import Author
from app.auth import Authenticator, derive_key, load_secret, previous_keys
from app.bus import PostgresBus
from app.changes import ChangeReader
from app.clock import SystemClock
from app.config import Settings
from app.cost_budget import cost_budget
from app.credit_rules import credit_rules
from app.daily_limits import daily_limits, rates_of
from app.database import Observe, PostgresDatabase
from app.files.storage import Storage, storage_of
from app.mail import Mailer, post_of
from app.outside import Outside, outside_of
from app.own_keys import OwnKeys
from app.polar import PolarPayments, payments_of
from app.process import Services
from app.providers.catalogue import Catalogue
from app.signing_in import sign_in_ports
from app.slow_operations import SlowOperations
from app.streams import StreamHub
from app.toolbox import load_tools
from app.upkeep import Upkeep
from app.worker import Worker, WorkerLimits
from app.writing import Writer
from graphql_schema.core.context import Ports, SignInPorts
from graphql_schema.core.signed import Signer
from models.ports import Clock
from models.verbs import Actor
from models.viewer import SIGNED_OUT

BACKGROUND = 4  # connections for what runs beside the requests
SIGNED = "signed values"  # what the signer's key is derived for


@dataclass(frozen=True, slots=True)
class Ground:
    """What all else rests on: the database, its events and texts, keys, models and files."""

    settings: Settings
    clock: Clock
    database: PostgresDatabase
    background: PostgresDatabase
    bus: PostgresBus
    changes: ChangeReader
    streams: StreamHub
    signer: Signer
    authenticator: Authenticator
    sign_in: SignInPorts
    catalogue: Catalogue
    storage: Storage
    payments: PolarPayments
    actor: Actor


def connect(
    settings: Settings, url: str, observe: Observe | None = None, clock: Clock | None = None
) -> Services:
    """Make the services of a process for the database at `url`; nothing runs yet."""
    ground = _ground(settings, url, observe, clock or SystemClock())
    actor, storage, catalogue = ground.actor, ground.storage, ground.catalogue
    vault, payments = ground.sign_in.vault, ground.payments
    writer = Writer(ground.background, ground.streams, ground.bus)
    keys, toolbox = OwnKeys(actor, vault), load_tools(settings.tools)
    limits = WorkerLimits(settings.worker_slots, settings.user_slots, settings.lease)
    worker = Worker(Author(actor, catalogue, writer, keys, toolbox, storage), limits)
    outside = outside_of(settings, actor, vault, worker.name)
    services = Services(
        ports=_ports(ground, outside),
        database=ground.database,
        background=ground.background,
        bus=ground.bus,
        changes=ground.changes,
        streams=ground.streams,
        writer=writer,
        slow=SlowOperations(ground.background, ground.clock, settings.slow_operation),
        actor=actor,
        worker=worker,
        upkeep=Upkeep(actor, storage, payments.terms, settings.lease),
        budget=cost_budget(settings, ground.background, ground.clock),
        mailer=Mailer(actor, post_of(settings), ground.sign_in.tickets, settings.app_url),
        authenticator=ground.authenticator,
        storage=storage,
        catalogue=catalogue,
        outside=outside,
        payments=payments,
    )
    _introduce(services)
    return services


def _ground(settings: Settings, url: str, observe: Observe | None, clock: Clock) -> Ground:
    secret = load_secret(settings)
    signer = Signer(derive_key(secret, SIGNED), previous_keys(settings, SIGNED))
    database = PostgresDatabase(url, size=settings.pool_size, observe=observe)
    # Apart, so that a flood of requests neither holds up streams nor lets leases end.
    background = PostgresDatabase(url, size=BACKGROUND, observe=observe)
    bus, catalogue = PostgresBus(url), Catalogue(settings)
    return Ground(
        settings=settings,
        clock=clock,
        database=database,
        background=background,
        bus=bus,
        changes=ChangeReader(database, background, signer),
        streams=StreamHub(database, background, signer, clock),
        signer=signer,
        authenticator=Authenticator(settings, secret, clock),
        sign_in=sign_in_ports(settings, secret),
        catalogue=catalogue,
        storage=storage_of(settings, signer, clock),
        payments=payments_of(settings, signer),
        actor=Actor(SIGNED_OUT, background, clock, bus, catalogue),
    )


def _ports(ground: Ground, outside: Outside) -> Ports:
    settings = ground.settings
    return Ports(
        database=ground.database,
        clock=ground.clock,
        bus=ground.bus,
        models=ground.catalogue,
        signer=ground.signer,
        changes=ground.changes,
        streams=ground.streams,
        guests=ground.authenticator,
        sign_in=ground.sign_in,
        files=ground.storage,
        payments=ground.payments,
        dev=settings.dev,
        limits=daily_limits(settings),
        credits=credit_rules(settings),
        rates=rates_of(settings),
        github=outside.github,
    )


def _introduce(services: Services) -> None:
    """Have the services hear of each other."""
    services.bus.on_log(services.changes.wake)
    services.bus.on_text(services.streams.wake)
    services.bus.on_windows(services.streams.publish)
    outside, worker, mailer = services.outside, services.worker, services.mailer
    for follower in (services.streams, worker, outside.importer, mailer, outside.revoker):
        services.changes.tap(follower.changed)
