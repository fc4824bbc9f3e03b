"""What different documents leave behind: in Punnet's process, and in PostgreSQL's.

A document is kept with its plan, and each connection keeps prepared statements on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from app.auth import Authenticator
from bench.generate import subject
from bench.load import drive_once, prepared
from bench.processes import Process

CLIENTS = 8  # connections, so that PostgreSQL has several too
COLUMNS = {
    "project": ("name", "framework", "kind", "createdAt", "updatedAt", "description", "showcased"),
    "message": ("role", "type", "status", "content", "orderId", "createdAt", "updatedAt"),
}
BACKENDS = """SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '% t WHERE %'
    AND backend_type = 'client backend' AND state_change > $1"""
"""The connections that have read rows since, which are those of the server that was asked."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes after so many different documents: of the process, and of the largest of its
    connections' server processes, without what that shares with others."""

    documents: int
    process: int
    connections: int
    connection: int


def documents() -> Iterator[str]:
    """Different queries without end; each asks for other columns, so for other statements."""
    number = 0
    while True:
        number += 1
        outer = _some(COLUMNS["project"], number)
        inner = _some(COLUMNS["message"], number // 128)
        yield f"""query Q{number} {{ projects(first: 3) {{ nodes {{ id {outer} messages(last: 2) {{
          nodes {{ id {inner} attachments {{ id url }} fragment {{ id title }} }} }} }} }} }}"""


def _some(names: Sequence[str], bits: int) -> str:
    return " ".join(name for place, name in enumerate(names) if bits >> place & 1)


async def measure(
    server: Process, url: str, tokens: Authenticator, counts: Sequence[int]
) -> list[Kept]:
    """What is kept after each count of different documents, all in all; the first one is warm."""
    token = tokens.local.issue_dev_token(subject(0))
    asked, found, start = documents(), list[Kept](), datetime.now(UTC)
    for count in counts:
        more = count - (found[-1].documents if found else 0)
        requests = [prepared("/graphql", token, {"query": one}) for one in islice(asked, more)]
        await drive_once(server, requests, clients=CLIENTS)
        found.append(await _kept(server, url, count, start))
    return found


async def _kept(server: Process, url: str, count: int, start: datetime) -> Kept:
    connection: Any = await cast("Any", asyncpg).connect(url)
    try:
        pids = [row["pid"] for row in await connection.fetch(BACKENDS, start)]
    finally:
        await connection.close()
    return Kept(count, server.memory(), len(pids), max(map(private, pids)))


def private(pid: int) -> int:
    """Bytes that a process shares with no other."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Private_"))
