"""Numbers for Prometheus, one registry per server."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST


class Metrics:
    """Counts operations; see app.operations.Observer."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "punnet_operation_seconds",
            "Duration of operations.",
            ["kind"],
            registry=self.registry,
        )
        self._errors = Counter(
            "punnet_operation_errors",
            "Errors in responses, by code.",
            ["kind", "code"],
            registry=self.registry,
        )
        self.answers = Gauge(
            "punnet_answers_running", "Answers being written here.", registry=self.registry
        )

    def count_documents(self, checked: Callable[[], float]) -> None:
        """Tell how many documents were parsed and validated, those remembered left out."""
        Gauge(
            "punnet_documents_checked",
            "Documents that were parsed and validated, each text once while it is remembered.",
            registry=self.registry,
        ).set_function(checked)

    def operation_finished(
        self, kind: str, name: str | None, seconds: float, codes: list[str]
    ) -> None:
        """Note one operation."""
        self._seconds.labels(kind).observe(seconds)
        for code in codes:
            self._errors.labels(kind, code).inc()

    async def serve(self, request: web.Request) -> web.Response:
        """The numbers in Prometheus' text format."""
        body = generate_latest(self.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
