"""Bringing a database up to date, and writing down what changed in the models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor

import models.migrations
from app.database import connect, credentials
from models import catalogue
from models.packages import table_models
from models.ports import Connection

_MIGRATING = 7_061_992  # the advisory lock that one migration at a time holds
FOLDER = Path(models.migrations.__path__[0])

_TEMPLATE = """\
from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "{previous}")]

    operations = [
        ops.RunSQL(
            [
{statements}
            ]
        ),
    ]
"""


async def migrate(url: str) -> None:
    """Bring a database up to date; one process at a time, the others wait."""
    guard = await connect(url)
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", _MIGRATING)
        async with _context(url) as context:
            await MigrationExecutor(context.db(), _apps()).migrate()
    finally:
        await guard.close()


async def write_migrations(url: str) -> list[Path]:
    """Write migrations for what changed in the models, with `url` as a scratch database.

    Tables and columns are Tortoise's to find; indexes and checks are compared with the catalogue.
    """
    await migrate(url)
    async with _context(url) as context:
        if context.apps is None:
            raise RuntimeError("Tortoise found no models")
        detector = MigrationAutodetector(context.apps, _apps())
        written = [Path(path) for path in await detector.write()]
    await migrate(url)
    connection = await connect(url)
    try:
        statements = await catalogue.differences(cast("Connection", connection))
    finally:
        await connection.close()
    if statements:
        written.append(await asyncio.to_thread(_write, statements))
        await migrate(url)
    return written


def newest() -> str:
    """The name of the last migration there is."""
    return max(path.stem for path in FOLDER.glob("[0-9]*.py"))


async def applied(connection: Any) -> str | None:
    """The name of the last migration that a database has, None when it has no tables."""
    if await connection.fetchval("SELECT to_regclass('tortoise_migrations')") is None:
        return None
    return await connection.fetchval("SELECT max(name) FROM tortoise_migrations")


def _write(statements: list[str]) -> Path:
    previous = newest()
    path = FOLDER / f"{int(previous[:4]) + 1:04d}_indexes_and_checks.py"
    lines = "\n".join(f"                {line!r}," for line in statements)
    path.write_text(_TEMPLATE.format(previous=previous, statements=lines))
    return path


@asynccontextmanager
async def _context(url: str) -> AsyncGenerator[TortoiseContext, None]:
    async with TortoiseContext() as context:
        connection = {"engine": "tortoise.backends.asyncpg", "credentials": credentials(url)}
        await context.init({"connections": {"default": connection}, "apps": _apps()})
        yield context


def _apps() -> dict[str, dict[str, Any]]:
    modules = sorted({model.__module__ for model in table_models()})
    app = {"models": modules, "migrations": "models.migrations"}
    return {"models": {**app, "default_connection": "default"}}
