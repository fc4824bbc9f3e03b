"""A running PostgreSQL as other processes see it: process file, socket, locks, signals."""

import contextlib
import fcntl
import hashlib
import os
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from app.postgres_runner import PostgresError, Runner

PORT = 5432
# macOS allows 103 bytes for the path of a socket, Linux 107.
SOCKET_FOLDER_BYTES = 103 - len(f"/.s.PGSQL.{PORT}")
SSL_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"


@dataclass(frozen=True, slots=True)
class ServerState:
    """What a server says of itself in `postmaster.pid`."""

    pid: int
    socket_folder: Path
    status: str

    def ready(self) -> bool:
        """Does it take connections? Asks it over its socket."""
        return self.status == "ready" and answers(self.socket_folder)


def read_state(cluster: Path) -> ServerState | None:
    """Read `postmaster.pid`; None if there is none, status "" while the server still writes it."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    lines += [""] * (8 - len(lines))
    pid = int(lines[0]) if lines[0].isdigit() else 0
    return ServerState(pid, Path(lines[4]), lines[7].strip())


def answers(folder: Path) -> bool:
    """Does a PostgreSQL answer on the socket in this folder?"""
    with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
        probe.settimeout(2)
        probe.connect(str(folder / f".s.PGSQL.{PORT}"))
        probe.sendall(SSL_REQUEST)
        return probe.recv(1) == b"N"
    return False


def mark_of(data_dir: Path) -> str:
    """A short name for a data folder, the same in each process."""
    return "punnet-" + hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]


def socket_folder(home: Path, data_dir: Path) -> Path:
    """Where the socket goes: in `home`, or in the system's temp folder if that path is too long."""
    folder = home / "socket"
    for temp in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - checked when made
        if len(os.fsencode(folder)) <= SOCKET_FOLDER_BYTES:
            break
        folder = temp / f"{mark_of(data_dir)}-{os.geteuid()}"
    return folder


def make_socket_folder(folder: Path, runner: Runner) -> None:
    """Make the folder; refuse one that is not private, since whoever enters it is superuser."""
    uid = runner.owner[0] if runner.owner else os.geteuid()
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        runner.give(folder)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
        raise PostgresError(f"{folder} is not a private folder of user {uid}: remove it")


@contextlib.contextmanager
def held(path: Path, seconds: float) -> Generator[None]:
    """Hold a file lock; raise TimeoutError if another process keeps it longer than `seconds`."""
    end = time.monotonic() + seconds
    with opened(path) as fd:
        while not try_lock(fd):
            if time.monotonic() > end:
                raise TimeoutError(f"another process keeps {path}")
            time.sleep(0.02)
        yield


@contextlib.contextmanager
def opened(path: Path) -> Generator[int]:
    """Open a lock file, and give up its lock at the end."""
    fd = open_lock(path)
    try:
        yield fd
    finally:
        os.close(fd)


def open_lock(path: Path) -> int:
    """Open a lock file, made on the way; return its descriptor."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    follow_owner(fd, path.parent)
    return fd


def follow_owner(fd: int, folder: Path) -> None:
    """Give a file that root made to the owner of its folder, who must be able to open it later."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(fd, owner.st_uid, owner.st_gid)


def try_lock(fd: int) -> bool:
    """Take the lock for this descriptor alone, without waiting; False if others hold it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


_children: list[tuple[subprocess.Popen[bytes], Path]] = []


def adopt(process: subprocess.Popen[bytes], cluster: Path) -> None:
    """Keep a server that may outlive the object that started it, so that it leaves no zombie."""
    _children.append((process, cluster))


def is_server(pid: int, cluster: Path) -> bool:
    """Is this process a living PostgreSQL on `cluster`? Process ids are used again."""
    _children[:] = [child for child in _children if child[0].poll() is None]
    for process, of in _children:
        if process.pid == pid:
            return of == cluster
    needle = b"-D\0" + os.fsencode(cluster)
    with contextlib.suppress(OSError):
        if Path("/proc/self/cmdline").exists():
            return needle in Path(f"/proc/{pid}/cmdline").read_bytes()
        command = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
        shown = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell
        return needle.replace(b"\0", b" ") in shown.stdout
    return False


def clear_socket_lock(folder: Path, cluster: Path) -> None:
    """Remove a socket's lock file that a crash left, and whose process id lives as something else.

    PostgreSQL would refuse to start, as it cannot know that the folder serves one cluster only.
    """
    lock = folder / f".s.PGSQL.{PORT}.lock"
    with contextlib.suppress(FileNotFoundError, ValueError):
        if not is_server(int(lock.read_text().split("\n")[0]), cluster):
            lock.unlink()


def exists(pid: int) -> bool:
    """Is there any process of this id?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def shut_down(pid: int, cluster: Path, patience: float) -> None:
    """End the server, fast (clients are cut off), then harder; `patience` is in seconds each."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if not is_server(pid, cluster):
                return
            time.sleep(0.01)
    raise PostgresError(f"PostgreSQL (process {pid}) does not end")
