"""Embedded servers for the tests of them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.postgres import EmbeddedPostgres


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
