"""Numbers for Prometheus, one registry per server."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from app.observing import Finished, Observer
from graphql_schema.core.persisted import Outcome

NAMES = 100
LONGEST_NAME = 100
OTHER = "other"
PASSING = (1e-4, 2e-4, 3e-4, 5e-4, 7.5e-4, 1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1)


class Metrics(Observer):
    """Counts operations.

    Clients choose the names of operations, so only a name that was slow becomes a label, and
    only the first hundred of them; the rest and those without a name are `other`.
    """

    def __init__(self, *, slow: float) -> None:
        """`slow` is in seconds: what takes as long or longer counts as slow."""
        self._threshold = slow
        self._names: set[str] = set()
        self.registry = CollectorRegistry()
        self._duration = self._durations(
            "punnet_operation_seconds", "Duration of operations.", "kind"
        )
        self._duration_named = self._durations(
            "punnet_named_operation_seconds",
            "Duration of queries and mutations by name, where one of that name was slow before.",
            "name",
        )
        self._slow = self._counter(
            "punnet_slow_operations",
            "Queries and mutations that took PUNNET_SLOW_OPERATION seconds or longer.",
            "kind",
        )
        self._errors = self._counter(
            "punnet_operation_errors", "Errors in responses, by code.", "kind", "code"
        )
        self._left = self._counter(
            "punnet_unplanned_operations",
            "Operations that no plan took, left to graphql-core, by reason.",
            "reason",
        )
        self._documents = self._counter(
            "punnet_persisted_documents",
            "Requests that named their document: hit, miss, registered, trusted or refused.",
            "outcome",
        )
        self.answers = Gauge(
            "punnet_answers_running", "Answers being written here.", registry=self.registry
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _durations(self, name: str, description: str, label: str) -> Callable[[str], Histogram]:
        """A histogram by a label of few values, for to look them up costs more than to observe."""
        return cache(Histogram(name, description, [label], registry=self.registry).labels)

    def count_documents(self, checked: Callable[[], float]) -> None:
        """Tell how many documents were parsed and validated, those remembered left out."""
        self._told_by(
            checked,
            "punnet_documents_checked",
            "Documents that were parsed and validated, each text once while it is remembered.",
        )

    def count_events(self, encoded: Callable[[], float]) -> None:
        """Tell how many events were encoded, each once for all who asked the same of it."""
        self._told_by(
            encoded,
            "punnet_events_encoded",
            "Events encoded, each once for all subscribers that ask the same of it.",
        )

    def _told_by(self, value: Callable[[], float], name: str, description: str) -> None:
        """Show what a function gives at the moment."""
        Gauge(name, description, registry=self.registry).set_function(value)

    def time_text(self) -> Callable[[float], None]:
        """What notes the seconds that a batch of text took from the bus to the sockets."""
        passing = Histogram(
            "punnet_text_passing_seconds",
            "From receiving a batch of text to its having been written to all who follow it.",
            buckets=PASSING,
            registry=self.registry,
        )
        return passing.observe

    def left_unplanned(self, reason: str) -> None:
        """Note an operation that no plan took."""
        self._left.labels(reason).inc()

    def document_named(self, outcome: Outcome) -> None:
        """Note what became of a request that named its document."""
        self._documents.labels(outcome).inc()

    def operation_finished(self, done: Finished) -> None:
        """Note one operation."""
        self._duration(done.kind).observe(done.seconds)
        for code in done.codes:
            self._errors.labels(done.kind, code).inc()
        if done.answered:
            self._note_name(done, slow=done.seconds >= self._threshold)

    def _note_name(self, done: Finished, *, slow: bool) -> None:
        name = done.name or OTHER
        if slow:
            self._slow.labels(done.kind).inc()
            if len(self._names) < NAMES and len(name) <= LONGEST_NAME:
                self._names.add(name)
        label = name if name in self._names else OTHER
        self._duration_named(label).observe(done.seconds)

    async def serve(self, request: web.Request) -> web.Response:
        """The numbers in Prometheus' text format."""
        body = generate_latest(self.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
