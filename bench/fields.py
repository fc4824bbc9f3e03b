"""Punnet without plans: graphql-core executes every operation, a field at a time."""

from __future__ import annotations

from app.config import Settings
from app.running import run
from app.server import serve


async def serve_fields(settings: Settings, url: str) -> None:
    """Serve until SIGTERM."""
    await serve(settings, url, plans=False)


if __name__ == "__main__":
    run(serve_fields)
