"""Finds the running PostgreSQL of a cluster, or starts one and waits until it is ready."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app import postgres_state as state
from app.postgres_runner import PostgresError
from app.postgres_setup import Place, Setup

LOG_BYTES = 10 << 20
TAIL_BYTES = 4_000
# How a server ends that met another one's remains; those go away within PASSING_SECONDS.
PASSING_SECONDS = 10
PASSING = ("is still in use", "already exists")


@dataclass(frozen=True, slots=True)
class Launcher:
    """Brings up one server; `deadline` is a time of `time.monotonic`. Needs the start lock."""

    setup: Setup
    log: Path
    durable: bool
    deadline: float

    def find(self) -> state.ServerState | None:
        """Return the running server once it is ready, None if none runs."""
        cluster = self.setup.cluster.resolve()
        unwritten = time.monotonic() + 1
        while found := state.read_state(cluster):
            now = time.monotonic()
            if state.is_server(found.pid, cluster):
                if found.ready():
                    return found
                if now > self.deadline:
                    raise self._failure(f"process {found.pid} is not ready ({found.status})")
            elif found.pid and not state.exists(found.pid):
                return None  # PostgreSQL itself clears a file whose process is gone.
            elif found.pid or now > unwritten:
                # Left by a crash; the id is another program's now, or was never written.
                (cluster / "postmaster.pid").unlink(missing_ok=True)
                return None
            time.sleep(0.02)
        return None

    def launch(self) -> state.ServerState:
        """Start a server; one that ends because of another one's remains is started again."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            state.follow_owner(output.fileno(), self.log.parent)
            offset = output.tell()
            try:
                place = self.setup.prepare(output, durable=self.durable)
                end = min(self.deadline, time.monotonic() + PASSING_SECONDS)
                while True:
                    if found := self._try_launch(place, output) or self.find():
                        return found
                    self._check_passing(offset, end)
                    time.sleep(0.1)
            except PostgresError as error:
                raise self._failure(str(error), offset) from error

    def _try_launch(self, place: Place, output: IO[bytes]) -> state.ServerState | None:
        """Start the server once; None if it ends before it is ready."""
        cluster = self.setup.cluster.resolve()
        folder = state.socket_folder(place.home, self.log.parent)
        state.make_socket_folder(folder, place.runner)
        state.clear_socket_lock(folder, cluster)
        process = place.runner.popen(
            "postgres",
            *("-D", str(cluster), "-k", str(folder), "-p", str(state.PORT)),
            *settings(durable=self.durable),
            output=output,
            stdin=subprocess.DEVNULL,
        )
        state.adopt(process, cluster)
        try:
            return self._await_ready(process, cluster)
        except BaseException:
            state.shut_down(process.pid, cluster, 1)
            raise

    def _await_ready(
        self, process: subprocess.Popen[bytes], cluster: Path
    ) -> state.ServerState | None:
        while process.poll() is None:
            found = state.read_state(cluster)
            if found and found.pid == process.pid and found.ready():
                return found
            if time.monotonic() > self.deadline:
                raise PostgresError("the server is not ready in time")
            time.sleep(0.01)
        return None

    def _check_passing(self, offset: int, end: float) -> None:
        tail = self._tail(offset)
        passing = any(words in tail for words in PASSING)
        if not passing or time.monotonic() > end:
            raise PostgresError("the server ended")

    def _tail(self, offset: int) -> str:
        with self.log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(offset, end - TAIL_BYTES))
            return log.read().decode(errors="replace").strip()

    def _failure(self, reason: str, offset: int = 0) -> PostgresError:
        tail = self._tail(offset)
        return PostgresError(f"{reason}; the end of {self.log}:\n{tail}" if tail else reason)


def settings(*, durable: bool) -> list[str]:
    """The server's settings as arguments; they hold for one run and are not kept."""
    values = {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "jit": "off",
        "cluster_name": "punnet",
    }
    if not durable:
        # Commits still reach the kernel, so that tests may kill the server and lose nothing.
        values |= {"fsync": "off", "full_page_writes": "off"}
        values |= {"wal_level": "minimal", "max_wal_senders": "0"}
    return [part for name, value in values.items() for part in ("-c", f"{name}={value}")]
