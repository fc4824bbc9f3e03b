"""What a budget for the cost of operations adds to a small query.

As a module of its own it serves with such a budget; the server that has none is the other side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.config import Settings
from app.running import run
from app.server import serve
from bench.load import drive
from bench.processes import Process

PLENTY = 1 << 40  # nobody asks for as much


@dataclass(frozen=True, slots=True)
class Budgeted:
    """Microseconds of CPU of one request, the least of the rounds, and their ratio."""

    with_us: float
    without_us: float

    @property
    def ratio(self) -> float:
        """How many times the CPU is needed with a budget."""
        return self.with_us / self.without_us


async def serve_budgeted(settings: Settings, url: str) -> None:
    """Serve until SIGTERM."""
    await serve(settings.model_copy(update={"cost_per_minute": PLENTY}), url)


async def measure(
    budgeted: Process, plain: Process, requests: Sequence[bytes], *, rounds: int, seconds: float
) -> Budgeted:
    """Ask both for so many seconds in every round, another one first each time."""
    servers, least = (budgeted, plain), [float("inf")] * 2
    for number in range(rounds):
        for side in (0, 1) if number % 2 else (1, 0):
            before = servers[side].ran()
            sample = await drive(servers[side], requests, clients=1, seconds=seconds)
            each = (servers[side].ran() - before) / len(sample.latencies)
            least[side] = min(least[side], 1e6 * each)
    return Budgeted(*least)


if __name__ == "__main__":
    run(serve_budgeted)
