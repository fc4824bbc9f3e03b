"""Other processes that use the embedded PostgreSQL, for tests."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

ROOT = Path(__file__).parents[2]


async def ask(url: str, *statements: str) -> Any:
    """Run statements; return the last one's first value."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


class PostgresClient:
    """A process that starts the server of a data folder and holds it until `end`."""

    def __init__(self, data_dir: Path, **arguments: Any) -> None:
        given = json.dumps({"data_dir": str(data_dir), **arguments})
        self.process = subprocess.Popen(  # noqa: S603 - our own argument list, no shell
            [sys.executable, "-m", "tests.app.postgres_client", given],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def told(self) -> dict[str, Any]:
        """What it says once the server runs: `url` and `pid`, or `error`."""
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def kill(self) -> None:
        """End the process alone, so that it can clean up nothing."""
        self.process.kill()
        self._close()

    def end(self) -> int:
        """Let it stop in order; return its exit code."""
        self._close()
        return self.process.returncode

    def _close(self) -> None:
        with self.process:
            pass


Client = Callable[..., PostgresClient]
