"""Who runs the embedded PostgreSQL: a plain user, or what root may hand it to.

Run by root these tests cover each way; run by another user, that user's.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.postgres import EmbeddedPostgres, RootWay, find_program
from tests.harness.processes import Client, ask

ROOT = os.geteuid() == 0
NAMESPACES = (
    ROOT
    and not subprocess.run(
        ["/usr/bin/env", "unshare", "--user", "--map-user=1", "true"],
        check=False,
        capture_output=True,
    ).returncode
)
WAYS: list[RootWay] = ["probe", *(["namespace"] if NAMESPACES else []), *(["drop"] if ROOT else [])]
NOBODY = 65534


@pytest.fixture
def system_folder() -> Iterator[Path]:
    """A folder that any user may enter, as /var/lib is."""
    folder = Path(tempfile.mkdtemp(prefix="punnet-system-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def closed_program(tmp_path: Path) -> Path:
    """The wheel's program in a place that only its owner may enter, as root's home is."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = find_program().parent
    for name in (package.name, package.name + ".libs"):
        (closed / name).symlink_to(package.with_name(name))
    return closed / package.name / "pginstall"


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def user_of(pid: int | None) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


@pytest.mark.parametrize("way", WAYS)
async def test_runs_for_the_present_user(
    data_dir: Path, system_folder: Path, closed_program: Path, way: RootWay
) -> None:
    server = EmbeddedPostgres(
        data_dir, durable=False, program=closed_program, root_way=way, system_folder=system_folder
    )
    with server:
        assert await ask(server.url(), "SELECT 1") == 1
        plain = way == "drop" or not ROOT
        assert (user_of(server.pid) != 0) == plain
        assert (data_dir / "cluster").is_symlink() == (way == "drop")
    server.remove()
    assert is_empty(system_folder)


@pytest.mark.parametrize("way", WAYS)
async def test_makes_a_cluster_for_the_present_user(
    tmp_path: Path, system_folder: Path, way: RootWay
) -> None:
    server = EmbeddedPostgres(
        tmp_path / "new", durable=False, root_way=way, system_folder=system_folder
    )
    for _ in range(2):
        with server:
            assert await ask(server.url(), "CREATE TABLE IF NOT EXISTS t ()", "SELECT 1") == 1
    server.remove()
    assert is_empty(system_folder)


@pytest.mark.parametrize("before", WAYS[1:] or WAYS)
@pytest.mark.parametrize("after", WAYS[1:] or WAYS)
async def test_each_way_finds_the_data_of_another(
    data_dir: Path, system_folder: Path, before: RootWay, after: RootWay
) -> None:
    made = EmbeddedPostgres(data_dir, durable=False, root_way=before, system_folder=system_folder)
    with made:
        await ask(
            made.url(), "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7) RETURNING n"
        )
    found = EmbeddedPostgres(data_dir, durable=False, root_way=after, system_folder=system_folder)
    with found:
        assert await ask(found.url(), "SELECT n FROM kept") == 7
    assert not (data_dir / "cluster.old").exists()
    found.remove()


async def test_a_move_cut_short_by_a_crash_loses_nothing(data_dir: Path) -> None:
    (data_dir / "cluster").rename(data_dir / "cluster.old")
    (data_dir / "cluster.old" / "kept").touch()
    with EmbeddedPostgres(data_dir, durable=False) as server:
        assert await ask(server.url(), "SELECT 1") == 1
    assert (data_dir / "cluster" / "kept").exists()


def copied_program(folder: Path) -> Path:
    """The wheel's program where any user may enter, also when ours lies in root's home."""
    source = find_program()
    program = folder / source.parent.name / source.name
    shutil.copytree(source, program, ignore=shutil.ignore_patterns("include"))
    libraries = source.parent.name + ".libs"
    shutil.copytree(source.parents[1] / libraries, folder / libraries)
    return program


async def test_a_plain_user_and_root_share_a_server(system_folder: Path, client: Client) -> None:
    uid = NOBODY if ROOT else os.geteuid()
    program = copied_program(system_folder)
    data_dir = system_folder / "data"
    data_dir.mkdir(mode=0o700)
    os.chown(data_dir, uid, -1)
    process = client(data_dir, uid=uid if ROOT else None, program=str(program))
    told = process.told()
    assert user_of(told["pid"]) == uid
    with EmbeddedPostgres(data_dir, durable=False, program=program) as server:
        assert server.pid == told["pid"]
        assert await ask(server.url(), "SELECT 1") == 1
        assert process.end() == 0
    # What root starts there is still its owner's, who can use it again later.
    with EmbeddedPostgres(data_dir, durable=False, program=program) as server:
        assert user_of(server.pid) == uid
    process = client(data_dir, uid=uid if ROOT else None, program=str(program))
    assert user_of(process.told()["pid"]) == uid
    assert process.end() == 0


def test_the_data_of_another_user_is_refused(system_folder: Path, client: Client) -> None:
    # Root may run anybody's server, so only a plain user meets this.
    program = copied_program(system_folder)
    data_dir = system_folder / "data"
    data_dir.mkdir()
    if ROOT:
        os.chown(data_dir, NOBODY, -1)
        (data_dir / "cluster").mkdir()
    else:
        (data_dir / "cluster").symlink_to("/")
    process = client(data_dir, uid=NOBODY if ROOT else None, program=str(program))
    assert "belongs to user" in process.told()["error"]
