"""What was measured, as numbers: the JSON that is kept, and what the tables show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from bench.budget import Budgeted
from bench.growth import Grown
from bench.importing import Imported
from bench.load import Sample
from bench.memory import Kept
from bench.subscribers import Delivery


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass(frozen=True, slots=True)
class Served:
    """How one server did one operation: milliseconds, requests, statements, bytes."""

    cpu_ms: float
    requests: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    statements: int
    memory: int

    @classmethod
    def of(cls, sample: Sample, statements: int, memory: int) -> Served:
        """The numbers of a sample."""
        count = len(sample.latencies)
        return cls(
            cpu_ms=1e3 * sample.cpu_each,
            requests=count,
            requests_per_second=count / sample.elapsed,
            p50_ms=1e3 * quantile(sample.latencies, 0.5),
            p99_ms=1e3 * quantile(sample.latencies, 0.99),
            statements=statements,
            memory=memory,
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """One operation on the three servers.

    `ratio` is the median over the rounds of the CPU times' to the floor's, `fields_ratio` that of
    the server without plans. `crowded` is the p99 in ms under many connections, of Punnet and of
    the floor.
    """

    name: str
    title: str
    ours: Served
    fields: Served
    floor: Served
    ratio: float
    fields_ratio: float
    crowded: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What subscribers got: microseconds of CPU per event, milliseconds of delay, bytes.

    `shared` is whether all follow the same message, `passing_ms` what 99 of 100 batches of text
    take at most from the bus to the sockets, `ratio` the median over the rounds of the CPU times'.
    """

    subscribers: int
    shared: bool
    server: str
    events: int
    events_per_second: int
    cpu_us: float
    p50_ms: float
    p99_ms: float
    passing_ms: float
    memory: int
    ratio: float

    @classmethod
    def of(cls, server: str, delivery: Delivery, bare: Delivery) -> Delivered:
        """The numbers of a delivery, and of the bare server's beside it."""
        return cls(
            subscribers=delivery.subscribers,
            shared=delivery.shared,
            server=server,
            events=len(delivery.delays),
            events_per_second=delivery.rate,
            cpu_us=1e6 * median(delivery.costs),
            p50_ms=1e3 * quantile(delivery.delays, 0.5),
            p99_ms=1e3 * quantile(delivery.delays, 0.99),
            passing_ms=1e3 * delivery.passing,
            memory=delivery.memory,
            ratio=median(
                mine / others for mine, others in zip(delivery.costs, bare.costs, strict=True)
            ),
        )


@dataclass(slots=True)
class Results:
    """Everything one run has measured."""

    commit: str
    date: str
    quick: bool
    documents_checked: int = 0
    """Documents that Punnet has parsed and validated for all the requests to it."""
    operations: list[Compared] = field(default_factory=list[Compared])
    budgeted: Budgeted | None = None
    kept: list[Kept] = field(default_factory=list[Kept])
    grown: list[Grown] = field(default_factory=list[Grown])
    subscribers: list[Delivered] = field(default_factory=list[Delivered])
    imported: Imported | None = None

    @property
    def requests(self) -> int:
        """Requests to Punnet that were timed."""
        return sum(one.ours.requests for one in self.operations)

    def as_json(self) -> dict[str, Any]:
        """The value to keep."""
        return asdict(self)


def ratio_of(rounds: Sequence[tuple[Sample, Sample]]) -> float:
    """The median of how many times the CPU of the second the first needed, round by round."""
    return median(ours.cpu_each / max(floor.cpu_each, 1e-9) for ours, floor in rounds)
