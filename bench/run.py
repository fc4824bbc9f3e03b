"""A run: fill a database, start the servers, measure them in rotation."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from app.auth import Authenticator, load_secret
from app.clock import SystemClock
from app.migrations import migrate
from app.postgres import EmbeddedPostgres
from app.postgres_setup import DATABASE
from bench import budget, growth, importing, memory, subscribers
from bench.agreement import check
from bench.generate import Data, Size, generate
from bench.growth import Grown, Growth
from bench.importing import SnapshotSize
from bench.load import Sample, documents_checked, drive
from bench.operations import OPERATIONS, Operation, Requests, requests_of
from bench.processes import Process, settings, started
from bench.report import commit
from bench.results import Compared, Delivered, Results, Served, quantile, ratio_of
from bench.statements import StatementLog
from bench.subscribers import Crowd, Load, in_turns

Tell = Callable[[str], None]

COUNTED = 6  # requests whose statements are counted
IMPORTED = "imported"  # the empty database that a snapshot is imported into
CLIENTS = 8  # connections that ask at once


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    `seconds` are those of one operation on one server in one round; `crowd` is the number of
    connections under which p99 is measured as well.
    """

    size: Size
    rounds: int
    seconds: float
    crowd: int
    documents: tuple[int, ...]
    growth: Growth
    subscribers: tuple[int, ...]
    load: Load
    snapshot: SnapshotSize
    quick: bool


WHOLE = Plan(
    size=Size(),
    rounds=5,
    seconds=1.5,
    crowd=64,
    documents=(10, 1_000, 5_000),
    growth=Growth(conversations=50_000, messages=100_000, rounds=7, seconds=1.0),
    subscribers=(500, 2_000),
    load=Load(rate=4_000, seconds=3.0, rounds=3),
    snapshot=SnapshotSize(projects=1_500),
    quick=False,
)
QUICK = Plan(
    size=Size(users=4, projects=20, large_messages=100, running=5),
    rounds=1,
    seconds=0.2,
    crowd=2,
    documents=(10, 50),
    growth=Growth(conversations=300, messages=300, rounds=1, seconds=0.1),
    subscribers=(20,),
    load=Load(rate=200, seconds=0.5),
    snapshot=SnapshotSize(projects=3),
    quick=True,
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a run measures: the servers on one filled database."""

    folder: Path
    url: str
    postgres: EmbeddedPostgres
    data: Data
    tokens: Authenticator
    ours: Process
    fields: Process
    floor: Process
    budgeted: Process


@dataclass(frozen=True, slots=True)
class Turn:
    """What one round has measured of one operation, on each server."""

    ours: Sample
    fields: Sample
    floor: Sample


def run(plan: Plan, folder: Path, tell: Tell) -> Results:
    """Measure everything; `folder` is for the database and the logs, and is left empty."""
    results = Results(commit(), datetime.now(UTC).isoformat(timespec="seconds"), plan.quick)
    with _scene(plan, folder, tell) as scene:
        uvloop.run(_measure(scene, plan, results, tell))
        tell("importing a snapshot")
        empty = scene.postgres.url(IMPORTED)
        results.imported = importing.measure(empty, folder, plan.snapshot)
    return results


@contextmanager
def _scene(plan: Plan, folder: Path, tell: Tell) -> Generator[Scene, None, None]:
    postgres = EmbeddedPostgres(folder / "postgres", durable=False)
    try:
        postgres.start()
        url = postgres.url()
        tell("filling the database")
        uvloop.run(migrate(url))
        postgres.create_database(IMPORTED, template=DATABASE)
        data = uvloop.run(generate(url, plan.size))
        tokens = Authenticator(settings(), load_secret(settings()), SystemClock())
        with (
            started(folder, url, "app", "serve") as ours,
            started(folder, url, "bench.fields") as fields,
            started(folder, url, "bench.floor") as floor,
            started(folder, url, "bench.budget") as budgeted,
        ):
            servers = ours(), fields(), floor(), budgeted()
            yield Scene(folder, url, postgres, data, tokens, *servers)
    finally:
        postgres.remove()


async def _measure(scene: Scene, plan: Plan, results: Results, tell: Tell) -> None:
    requests = {one: requests_of(one, scene.data, scene.tokens) for one in OPERATIONS}
    tell("comparing the answers")
    for operation, asked in requests.items():
        for server in (scene.ours, scene.fields):
            await check(operation, asked, server, scene.floor, scene.url)
    rounds: dict[Operation, list[Turn]] = {one: [] for one in OPERATIONS}
    for number in range(plan.rounds):
        tell(f"round {number + 1} of {plan.rounds}")
        for operation, asked in requests.items():
            rounds[operation].append(await _round(scene, plan, asked, number))
    results.documents_checked = await documents_checked(scene.ours)
    tell("with a budget and without")
    small = requests[OPERATIONS[0]].ours
    results.budgeted = await budget.measure(
        scene.budgeted, scene.ours, small, rounds=4 * plan.rounds, seconds=plan.seconds / 2
    )
    tell("counting statements")
    statements = await _statements(scene, requests)
    for operation, asked in requests.items():
        crowded = await _crowded(scene, plan, asked)
        results.operations.append(
            _compared(scene, operation, rounds[operation], statements[operation], crowded)
        )
    tell("pages of few and of many")
    results.grown = await _grown(scene, plan.growth)
    tell("different documents")
    results.kept = await memory.measure(scene.ours, scene.url, scene.tokens, plan.documents)
    for count in plan.subscribers:
        tell(f"{count:,} subscribers")
        for shared in (False, True):
            crowd = Crowd(scene.data.running[:count], shared)
            results.subscribers += await _subscribers(scene, plan, crowd)


async def _round(scene: Scene, plan: Plan, asked: Requests, number: int) -> Turn:
    """All servers, another one first in every round."""
    turns = {
        "ours": (scene.ours, asked.ours),
        "fields": (scene.fields, asked.ours),
        "floor": (scene.floor, asked.floor),
    }
    order = [*turns] * 2
    samples = {
        name: await drive(*turns[name], clients=CLIENTS, seconds=plan.seconds)
        for name in order[number % 3 : number % 3 + 3]
    }
    return Turn(**samples)


async def _crowded(scene: Scene, plan: Plan, asked: Requests) -> tuple[float, float]:
    """The p99 in ms under many connections, of Punnet and of the floor."""
    ours = await drive(scene.ours, asked.ours, clients=plan.crowd, seconds=plan.seconds)
    floor = await drive(scene.floor, asked.floor, clients=plan.crowd, seconds=plan.seconds)
    return 1e3 * quantile(ours.latencies, 0.99), 1e3 * quantile(floor.latencies, 0.99)


async def _statements(
    scene: Scene, requests: dict[Operation, Requests]
) -> dict[Operation, tuple[int, int, int]]:
    async with StatementLog(scene.url, scene.postgres.log) as log:
        background = await log.background()
        return {
            operation: (
                await log.each(scene.ours, asked.ours[:COUNTED], background),
                await log.each(scene.fields, asked.ours[:COUNTED], background),
                await log.each(scene.floor, asked.floor[:COUNTED], background),
            )
            for operation, asked in requests.items()
        }


async def _grown(scene: Scene, plan: Growth) -> list[Grown]:
    bench = growth.Bench(scene.ours, scene.url, scene.tokens, plan)
    await bench.fill()
    return await bench.measure(scene.postgres.log)


def _compared(
    scene: Scene,
    operation: Operation,
    rounds: Sequence[Turn],
    statements: tuple[int, int, int],
    crowded: tuple[float, float],
) -> Compared:
    ours, fields, floor = statements
    return Compared(
        operation.name,
        operation.title,
        Served.of(Sample.sum(one.ours for one in rounds), ours, scene.ours.memory()),
        Served.of(Sample.sum(one.fields for one in rounds), fields, scene.fields.memory()),
        Served.of(Sample.sum(one.floor for one in rounds), floor, scene.floor.memory()),
        ratio_of([(one.ours, one.floor) for one in rounds]),
        ratio_of([(one.fields, one.floor) for one in rounds]),
        crowded,
    )


async def _subscribers(scene: Scene, plan: Plan, crowd: Crowd) -> list[Delivered]:
    load = plan.load
    async with (
        subscribers.ours(scene.ours, scene.url, crowd, scene.tokens, load) as mine,
        subscribers.bare(scene.folder, scene.url, mine.delivery.frame, crowd, load) as others,
    ):
        await in_turns(mine, others, load)
    return [
        Delivered.of("punnet", mine.delivery, others.delivery),
        Delivered.of("bare", others.delivery, others.delivery),
    ]
