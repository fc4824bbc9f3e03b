"""The cluster of the embedded PostgreSQL on disk: where it is, who owns it, how it is made."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from app.postgres_runner import (
    NO_PROGRAM,
    PostgresError,
    Runner,
    dropped,
    find_program,
    in_namespace,
    make_public,
    unprivileged_user,
)

USER = "punnet"
DATABASE = "punnet"

RootWay = Literal["probe", "namespace", "drop"]


@dataclass(frozen=True, slots=True)
class Place:
    """Who runs the server, and the folder that holds its cluster and its socket."""

    runner: Runner
    home: Path


@dataclass(frozen=True, slots=True)
class Setup:
    """What is known before the cluster is: `cluster` is a folder, or a link to one."""

    program: Path | None
    cluster: Path
    system_home: Path
    root_way: RootWay

    def prepare(self, output: IO[bytes], *, durable: bool) -> Place:
        """Make the cluster if there is none, else check it; raise PostgresError."""
        recover(self.cluster)
        program = self.program or find_program()
        code, version = Runner(program).version(self.cluster.parent)
        if code:
            raise PostgresError(f"{NO_PROGRAM} ({version})")
        place = self._place(program)
        if self.cluster.exists():
            check_version(self.cluster, version)
            return place
        cluster = place.home / self.cluster.name
        shutil.rmtree(cluster, ignore_errors=True)
        create(cluster, place.runner, output, durable=durable)
        if cluster != self.cluster:
            self.cluster.unlink(missing_ok=True)
            self.cluster.symlink_to(cluster)
        return place

    def _place(self, program: Path) -> Place:
        data_dir = self.cluster.parent
        exists = self.cluster.exists()
        found = self.cluster.stat() if exists else None
        if os.geteuid():
            if found and found.st_uid != os.geteuid():
                raise PostgresError(f"{self.cluster} belongs to user {found.st_uid}")
            return Place(Runner(program), data_dir)
        if found and found.st_uid:
            home = self.cluster.resolve().parent
            owner = (found.st_uid, found.st_gid)
            return Place(dropped(program, owner, self.system_home, home), home)
        if self.root_way != "drop":
            runner = in_namespace(program)
            code, text = runner.version(data_dir)
            if code == 0:
                return Place(runner, data_dir)
            if self.root_way == "namespace":
                raise PostgresError(f"a user namespace cannot be used: {text}")
        return self._outside(program, exists)

    def _outside(self, program: Path, exists: bool) -> Place:
        """Root without namespaces: cluster and socket live where another user may enter."""
        home = self.system_home
        make_public(home)
        owner = unprivileged_user()
        runner = dropped(program, owner, home, home)
        if exists:
            move(self.cluster, home / self.cluster.name, runner)
        return Place(runner, home)


def check_version(cluster: Path, version: str) -> None:
    """Raise PostgresError if another major version wrote the cluster.

    `version` is what `postgres --version` prints: `postgres (PostgreSQL) 18.6`.
    """
    ours = version.rsplit(maxsplit=1)[-1].split(".", 1)[0]
    theirs = (cluster / "PG_VERSION").read_text().strip()
    if ours != theirs:
        raise PostgresError(
            f"PostgreSQL {theirs} wrote {cluster}, and PostgreSQL {ours} is installed: dump it "
            f"with version {theirs} and load it again, or remove the folder to start empty"
        )


def create(cluster: Path, runner: Runner, output: IO[bytes], *, durable: bool) -> None:
    """Make an empty cluster with its database; a failure or a crash midway leaves no cluster."""
    for left in cluster.parent.glob("cluster.new-*"):
        shutil.rmtree(left, ignore_errors=True)
    new = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=cluster.parent))
    runner.give(new)
    try:
        _fill(new, runner, output, durable=durable)
        new.rename(cluster)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _fill(new: Path, runner: Runner, output: IO[bytes], *, durable: bool) -> None:
    arguments = ["-D", str(new), "-U", USER, "--encoding=UTF8", "--no-instructions"]
    # Text sorts by code point, as "C" does, but upper and lower case know every alphabet.
    arguments += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    arguments += ["--auth-local=trust", "--auth-host=reject"]
    arguments += [] if durable else ["--no-sync"]
    if code := runner.run("initdb", *arguments, output=output):
        raise PostgresError(f"initdb failed with code {code}")
    fsync = f"fsync={'on' if durable else 'off'}"
    single = ("--single", "-D", str(new), "-c", fsync, "-c", "exit_on_error=on", "postgres")
    statement = f'CREATE DATABASE "{DATABASE}"\n'.encode()
    if code := runner.run("postgres", *single, output=output, text=statement):
        raise PostgresError(f"creating the database failed with code {code}")


def move(cluster: Path, target: Path, runner: Runner) -> None:
    """Move a cluster to `target` for another owner, and leave a link; `recover` mends a crash."""
    shutil.rmtree(target, ignore_errors=True)
    new = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=target.parent))
    shutil.copytree(cluster, new, symlinks=True, dirs_exist_ok=True)
    for path in [new, *new.rglob("*")]:
        runner.give(path)
    new.rename(target)
    old = cluster.with_name("cluster.old")
    cluster.rename(old)
    cluster.symlink_to(target)
    shutil.rmtree(old)


def recover(cluster: Path) -> None:
    """Undo a `move` that a crash cut short, or finish it."""
    old = cluster.with_name("cluster.old")
    if cluster.exists():
        shutil.rmtree(old, ignore_errors=True)
    elif old.exists():
        cluster.unlink(missing_ok=True)
        old.rename(cluster)
