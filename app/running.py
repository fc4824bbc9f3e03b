"""How a command runs: with the settings, a database and an event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any

import uvloop

from app.config import Settings
from app.logging import configure_logs
from app.postgres import EmbeddedPostgres
from models.errors import DomainError


@contextmanager
def database(settings: Settings) -> Generator[str, None, None]:
    """The URL of the database, the embedded one where none is set."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with EmbeddedPostgres(settings.data_dir / "postgres") as server:
        yield server.url()


def run(work: Callable[[Settings, str], Awaitable[Any]]) -> Any:
    """Run a coroutine with the settings and the database."""
    settings = Settings()
    configure_logs(settings)
    with database(settings) as url:
        return uvloop.run(_awaited(work(settings, url)))


@contextmanager
def refusals_shown() -> Generator[None, None, None]:
    """Exit with 1 and the words of a refusal, or what is wrong with a file, not a traceback."""
    try:
        yield
    except (DomainError, OSError) as error:
        raise SystemExit(str(error)) from error


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work
