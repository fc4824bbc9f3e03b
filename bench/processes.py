"""The processes that are measured, and what the system says they use."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from app.config import Settings

ROOT = Path(__file__).parents[1]
START_WITHIN = 60.0  # seconds
STOP_WITHIN = 10.0  # seconds
TICKS = os.sysconf("SC_CLK_TCK")
SECRET = "a secret that only the benchmark knows"  # noqa: S105 - it guards generated rows

ENVIRONMENT = {
    "PUNNET_DEV": "true",
    "PUNNET_SECRET": SECRET,
    "PUNNET_PORT": "0",
    "PUNNET_WORKER": "false",
    "PUNNET_DAILY_LIMITS": "false",
    "PUNNET_RATE_LIMITS": '{"message": 0}',
    "PUNNET_COST_PER_MINUTE": "0",
    "PUNNET_LOG_FORMAT": "json",
    "PUNNET_USER_SOCKETS": "10000",
    "PUNNET_PING_INTERVAL": "600",
}
"""Both processes take it. No worker runs and nobody is pinged (2,000 silent sockets take 27 ms a
second), so that all the work is the requests'."""


@dataclass(frozen=True, slots=True)
class Process:
    """A server that answers at `host`:`port`."""

    pid: int
    host: str
    port: int

    def cpu(self) -> float:
        """Seconds of CPU it has used so far, in user and system mode."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS

    def ran(self) -> float:
        """The same to the nanosecond, of the threads that it has now."""
        return ran(self.pid)

    def memory(self) -> int:
        """Bytes it holds in memory."""
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


def ran(pid: int) -> float:
    """Seconds of CPU that the threads which a process has now have used, to the nanosecond."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((one / "schedstat").read_text().split()[0]) for one in threads) / 1e9


def settings() -> Settings:
    """The settings of both processes."""
    given: dict[str, Any] = {
        name.removeprefix("PUNNET_").lower(): value for name, value in ENVIRONMENT.items()
    }
    given["rate_limits"] = orjson.loads(given["rate_limits"])  # as pydantic does, of a variable
    return Settings(**given)


@contextmanager
def started(folder: Path, url: str, *module: str) -> Generator[Callable[[], Process], None, None]:
    """Start `python -m MODULE`, with its log in `folder`; it ends with the block.

    What is yielded waits until it serves, so that several can start at once. It tells its address
    by a JSON line with `event` "serving", `host` and `port`.
    """
    log = folder / f"{module[0]}.log"
    environment = os.environ | ENVIRONMENT | {"PUNNET_DATABASE_URL": url}
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own argument list, no shell
            [sys.executable, "-m", *module], cwd=ROOT, env=environment, stdout=output, stderr=output
        )

    def serving() -> Process:
        told = _told(process, log)
        return Process(process.pid, told["host"], told["port"])

    try:
        yield serving
    finally:
        process.terminate()
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _told(process: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_bytes().splitlines(keepends=True):
            if line.startswith(b"{") and line.endswith(b"\n"):
                found: dict[str, Any] = orjson.loads(line)
                if found["event"] == "serving":
                    return found
        time.sleep(0.02)
    raise RuntimeError(f"it did not start: {log.read_text()[-2_000:]}")
