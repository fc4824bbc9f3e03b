"""What the embedded PostgreSQL says when it cannot start, and what it leaves behind."""

from pathlib import Path

import pytest

from app.postgres import EmbeddedPostgres, PostgresError, find_program
from app.postgres_state import held
from tests.harness.processes import ask


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The wheel's programs as links, for a test to replace one."""
    folder = tmp_path / "program"
    (folder / "bin").mkdir(parents=True)
    for name in ("initdb", "postgres", "psql"):
        (folder / "bin" / name).symlink_to(find_program() / "bin" / name)
    return folder


def replace(program: Path, name: str, script: str) -> None:
    path = program / "bin" / name
    path.unlink()
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)


def test_a_missing_wheel_asks_for_the_url() -> None:
    with pytest.raises(PostgresError, match="set PUNNET_DATABASE_URL"):
        find_program("no_such_package")


def test_a_program_of_another_platform_asks_for_the_url(tmp_path: Path, program: Path) -> None:
    replace(program, "postgres", "echo wrong architecture >&2; exit 126")
    system = tmp_path / "system"
    with pytest.raises(PostgresError, match=r"set PUNNET_DATABASE_URL.*wrong architecture"):
        EmbeddedPostgres(tmp_path / "new", program=program, system_folder=system).start()
    assert not system.exists()  # It is not tried as another user.


def test_another_major_version_is_named(data_dir: Path) -> None:
    (data_dir / "cluster" / "PG_VERSION").write_text("15\n")
    with pytest.raises(PostgresError, match=r"PostgreSQL 15 wrote .*cluster.* is installed: dump"):
        EmbeddedPostgres(data_dir).start()
    assert (data_dir / "cluster" / "base").is_dir()


@pytest.mark.parametrize("end", ["exit 1", "kill -9 $$"])
async def test_an_initdb_that_fails_midway_leaves_no_cluster(
    tmp_path: Path, program: Path, end: str
) -> None:
    server = EmbeddedPostgres(tmp_path / "new", durable=False, program=program)
    replace(program, "initdb", f'echo 18 > "$2/PG_VERSION"; echo no space left >&2; {end}')
    with pytest.raises(PostgresError, match=r"initdb failed with code -?\d+; .*\nno space left"):
        server.start()
    assert not server.data_dir.joinpath("cluster").exists()
    assert not list(server.data_dir.glob("cluster.new-*"))
    with EmbeddedPostgres(server.data_dir, durable=False) as working:
        assert await ask(working.url(), "SELECT 1") == 1
    working.remove()


def test_a_failing_server_shows_its_log(data_dir: Path) -> None:
    with (data_dir / "cluster" / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    with pytest.raises(
        PostgresError, match=r"(?s)the server ended; .*postgres.log.*no_such_setting"
    ):
        EmbeddedPostgres(data_dir).start()


def test_an_old_failure_is_not_shown_again(data_dir: Path, program: Path) -> None:
    (data_dir / "postgres.log").write_text("an old failure\n")
    replace(program, "postgres", "test $1 = --version && echo x 18.6 || echo a new failure")
    with pytest.raises(PostgresError, match="a new failure") as raised:
        EmbeddedPostgres(data_dir, program=program).start()
    assert "an old failure" not in str(raised.value)


def test_a_server_that_is_never_ready_is_ended(data_dir: Path, program: Path) -> None:
    pid_file = data_dir / "pid"
    version = "test $1 = --version && echo x 18.6 && exit"
    replace(program, "postgres", f"{version}; echo $$ > {pid_file}; echo waiting; exec sleep 60")
    with pytest.raises(PostgresError, match=r"(?s)not ready in time; .*waiting"):
        EmbeddedPostgres(data_dir, program=program).start(timeout=0.5)
    assert not Path(f"/proc/{pid_file.read_text().strip()}").exists()


def test_a_start_does_not_wait_for_ever_for_another_one(data_dir: Path) -> None:
    with (
        held(data_dir / "start.lock", 1),
        pytest.raises(PostgresError, match=r"another process keeps .*start\.lock"),
    ):
        EmbeddedPostgres(data_dir).start(timeout=0.1)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PostgresError, match=r"cannot start: .*file"):
        EmbeddedPostgres(tmp_path / "file" / "data").start()
