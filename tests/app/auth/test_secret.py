"""Where the secret comes from, and that everybody gets the same one."""

import asyncio
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from app.auth import BadConfiguration, load_secret, previous_keys
from app.config import Settings

EXTERNAL = "postgresql://db.example/punnet"
LOAD = """
import sys
from pathlib import Path
from app.auth import load_secret
from app.config import Settings
settings = Settings(data_dir=Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(load_secret(settings).decode())
"""


def settings(data_dir: Path, **values: Any) -> Settings:
    return Settings(data_dir=data_dir, **values)


def test_takes_the_secret_from_the_settings(tmp_path: Path) -> None:
    found = load_secret(settings(tmp_path, secret="é" * 32, database_url=EXTERNAL))
    assert found == ("é" * 32).encode()
    assert list(tmp_path.iterdir()) == []


def test_refuses_a_short_secret(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="at least 32 characters") as caught:
        load_secret(settings(tmp_path, secret="x" * 31, dev=True))
    assert "x" * 31 not in str(caught.value)


def test_servers_on_an_external_database_need_one(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="PUNNET_SECRET is not set"):
        load_secret(settings(tmp_path, database_url=EXTERNAL))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("values", [{}, {"dev": True, "database_url": EXTERNAL}])
def test_makes_one_and_keeps_it(tmp_path: Path, values: dict[str, Any]) -> None:
    data_dir = tmp_path / "new" / "data"
    first = load_secret(settings(data_dir, **values))
    assert len(first) >= 32
    assert load_secret(settings(data_dir, **values)) == first
    assert load_secret(settings(tmp_path / "other", **values)) != first
    assert stat.S_IMODE((data_dir / "secret").stat().st_mode) == 0o600
    assert [path.name for path in data_dir.iterdir()] == ["secret"]


def test_closes_a_file_that_others_can_read(tmp_path: Path) -> None:
    first = load_secret(settings(tmp_path))
    (tmp_path / "secret").chmod(0o644)
    assert load_secret(settings(tmp_path)) == first
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"short\n", b" " * 40])
def test_a_damaged_file_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(BadConfiguration, match="damaged"):
        load_secret(settings(tmp_path))
    assert (tmp_path / "secret").read_bytes() == content


def test_an_unreadable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    with pytest.raises(BadConfiguration, match="secret cannot be read"):
        load_secret(settings(tmp_path))


async def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    pipe = asyncio.subprocess.PIPE
    racers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", LOAD, str(data_dir), stdin=pipe, stdout=pipe
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert await racer.stdout.readline() == b"ready\n"
    results = await asyncio.gather(*(racer.communicate(b"go\n") for racer in racers))
    assert {out.strip() for out, _ in results} == {load_secret(settings(data_dir))}
    assert [path.name for path in data_dir.iterdir()] == ["secret"]


def test_a_previous_secret_is_as_long_as_the_present_one(tmp_path: Path) -> None:
    given = settings(tmp_path, secret="x" * 32, previous_secrets=["y" * 32, "z" * 31])
    with pytest.raises(BadConfiguration, match="PUNNET_PREVIOUS_SECRETS") as refused:
        previous_keys(given, "anything")
    assert "z" * 31 not in str(refused.value)
    assert "z" * 31 not in repr(given)
