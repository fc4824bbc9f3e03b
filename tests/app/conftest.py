"""Embedded servers for the tests of them."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.postgres import EmbeddedPostgres
from tests.harness.processes import PostgresClient


@pytest.fixture(scope="session")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose server ran once; copied, since initdb takes half a second."""
    data_dir = tmp_path_factory.mktemp("pg") / "data"
    with EmbeddedPostgres(data_dir, durable=False):
        pass
    return data_dir


@pytest.fixture
def data_dir(initialised: Path, tmp_path: Path) -> Iterator[Path]:
    """A data folder with a cluster and no server; a server that a test leaves is ended."""
    data_dir = tmp_path / "data"
    shutil.copytree(initialised, data_dir, symlinks=True)
    yield data_dir
    EmbeddedPostgres(data_dir).remove()


@pytest.fixture
def server(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    """A running server with an empty database."""
    with EmbeddedPostgres(data_dir, durable=False) as server:
        yield server


@pytest.fixture
def client() -> Iterator[Callable[..., PostgresClient]]:
    """Starts processes that use a data folder; those still there after the test are killed."""
    clients: list[PostgresClient] = []

    def start(*arguments: Any, **given: Any) -> PostgresClient:
        clients.append(PostgresClient(*arguments, **given))
        return clients[-1]

    yield start
    for one in clients:
        one.kill()
