"""A real PostgreSQL from a wheel, in a folder of its own, on a private UNIX socket."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from app import postgres_state as state
from app.postgres_launch import Launcher
from app.postgres_runner import PostgresError, find_program
from app.postgres_setup import DATABASE, USER, RootWay, Setup

__all__ = ["EmbeddedPostgres", "PostgresError", "RootWay", "find_program"]

SYSTEM_FOLDER = Path("/var/lib")


class EmbeddedPostgres:
    """A PostgreSQL server whose data, locks and log (`postgres.log`) are in `data_dir`.

    Several processes may `start` it on one folder: the first starts the server, the others find
    it, and the last one to `stop` (or to start and stop after a crash) ends it. All calls block:
    make them before the event loop runs, or in a thread.

    `durable=False` gives up safety against a crash of the machine, for tests. The server that is
    already running keeps the settings it was started with.

    `root_way` says how root hands the server to another user: in a user namespace with the data
    in place, or by dropping privileges with the data in `system_folder`; by default the first
    that works. A cluster that another user owns is always run by its owner.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        durable: bool = True,
        program: Path | None = None,
        root_way: RootWay = "probe",
        system_folder: Path = SYSTEM_FOLDER,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.log = self.data_dir / "postgres.log"
        self._durable = durable
        self._program = program
        self._root_way: RootWay = root_way
        self._system_home = system_folder / state.mark_of(self.data_dir)
        self._link = self.data_dir / "cluster"
        self._start_lock = self.data_dir / "start.lock"
        self._use_lock = self.data_dir / "use.lock"
        self._use: int | None = None
        self._state: state.ServerState | None = None

    def start(self, timeout: float = 60.0) -> None:
        """Return once the server takes connections, started here or found running.

        Raises PostgresError with the end of the log after `timeout` seconds, or when the server
        ends. May be called again, for example after the server was killed.
        """
        deadline = time.monotonic() + timeout
        try:
            with state.held(self._start_lock, timeout):
                launcher = Launcher(self._setup(), self.log, self._durable, deadline)
                self._state = launcher.find() or launcher.launch()
                self._join()
        except (OSError, TimeoutError, subprocess.SubprocessError) as error:
            raise PostgresError(f"the embedded PostgreSQL cannot start: {error}") from error

    def stop(self, timeout: float = 5.0) -> None:
        """Leave the server; end it if nobody else uses it.

        Open connections are cut off. After `timeout` seconds the server is ended without a
        checkpoint, and recovers at its next start. Does nothing if not started.
        """
        if self._use is None:
            return
        use, self._use = self._use, None
        try:
            # Who holds this lock for long is starting the server, so it is in use.
            with contextlib.suppress(TimeoutError), state.held(self._start_lock, timeout):
                if state.try_lock(use):
                    self._shut_down(timeout)
        finally:
            fcntl.flock(use, fcntl.LOCK_UN)
            os.close(use)

    def kill(self) -> None:
        """End the server at once, whoever uses it, as a crash would; for tests."""
        if pid := self.pid:
            os.kill(pid, signal.SIGKILL)
            while state.is_server(pid, self._cluster()):
                time.sleep(0.01)

    def remove(self, timeout: float = 5.0) -> None:
        """End the server, left over or not, and delete all data.

        Raises PostgresError if another process still uses the server after `timeout` seconds.
        """
        self.stop()
        deadline = time.monotonic() + timeout
        while not self._remove_unused(timeout):
            if time.monotonic() > deadline:
                raise PostgresError(f"the PostgreSQL in {self.data_dir} is in use")
            time.sleep(0.05)

    @property
    def pid(self) -> int | None:
        """Process id of the running server, whoever started it."""
        found = state.read_state(self._cluster())
        return found.pid if found and state.is_server(found.pid, self._cluster()) else None

    def url(self, database: str = DATABASE) -> str:
        """The address of a database, for asyncpg; valid after the first `start`."""
        if self._state is None:
            raise PostgresError("the embedded PostgreSQL was not started")
        folder = quote(str(self._state.socket_folder))
        # The port is spelled out, else asyncpg would take PGPORT from the environment.
        return f"postgresql://{USER}@/{quote(database)}?host={folder}&port={state.PORT}"

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, as a copy of `template` (nobody may be connected to that one)."""
        copied = f" TEMPLATE {_identifier(template)}" if template else ""
        self._execute(f"CREATE DATABASE {_identifier(name)}{copied}")

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, and cut off who is connected to it."""
        self._execute(f"DROP DATABASE IF EXISTS {_identifier(name)} WITH (FORCE)")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _cluster(self) -> Path:
        return self._link.resolve()

    def _setup(self) -> Setup:
        return Setup(self._program, self._link, self._system_home, self._root_way)

    def _join(self) -> None:
        if self._use is None:
            use = state.open_lock(self._use_lock)
            fcntl.flock(use, fcntl.LOCK_SH)
            self._use = use

    def _remove_unused(self, timeout: float) -> bool:
        with state.held(self._start_lock, timeout), state.opened(self._use_lock) as use:
            if not state.try_lock(use):
                return False
            self._shut_down(timeout)
            if self._link.is_symlink():
                shutil.rmtree(self._cluster().parent, ignore_errors=True)
            # A killed server leaves its socket, perhaps in the system's temp folder.
            for home in (self.data_dir, self._system_home):
                folder = state.socket_folder(home, self.data_dir)
                shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(self._system_home, ignore_errors=True)
            shutil.rmtree(self.data_dir, ignore_errors=True)
            return True

    def _shut_down(self, patience: float) -> None:
        found = state.read_state(self._cluster())
        if found and state.is_server(found.pid, self._cluster()):
            state.shut_down(found.pid, self._cluster(), patience)
            with contextlib.suppress(OSError):
                found.socket_folder.rmdir()

    def _execute(self, statement: str) -> None:
        if self._state is None:
            raise PostgresError("the embedded PostgreSQL was not started")
        psql = str((self._program or find_program()) / "bin" / "psql")
        target = ["-h", str(self._state.socket_folder), "-p", str(state.PORT), "-U", USER]
        done = subprocess.run(  # noqa: S603 - our own argument list, no shell
            [psql, "-X", "-q", "-w", *target, "-d", "postgres", "-c", statement],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PostgresError(done.stderr.strip())


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
