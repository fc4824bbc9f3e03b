"""Whether both servers answer the same and write the same, asked before anything is timed."""

from __future__ import annotations

import re
from typing import Any, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
import orjson

from bench.load import ask_once
from bench.operations import Operation, Requests
from bench.processes import Process

COMPARED = 5  # requests of each operation
OWN_TO_EACH = re.compile(
    r"[a-z]{3}_[0-9a-z]{26}|[0-9a-f]{32}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(?:Z|\+00:00)"
)
"""Ids of rows and requests, and times."""

WRITTEN = """\
SELECT jsonb_build_object(
    'message', to_jsonb(m), 'conversation', to_jsonb(c),
    'log', (
        SELECT to_jsonb(e) - 'position' - 'xid' FROM event_log e
        WHERE e.owner_id = m.owner_id ORDER BY e.position DESC LIMIT 1
    )
)::text
FROM message m JOIN conversation c ON c.id = m.conversation_id WHERE m.id = $1"""


class Disagreement(AssertionError):
    """The floor does other work than Punnet."""


async def check(
    operation: Operation, requests: Requests, ours: Process, floor: Process, url: str
) -> None:
    """Compare the answers to some requests, and the rows that they write. Raises Disagreement."""
    for mine, others in list(zip(requests.ours, requests.floor, strict=True))[:COMPARED]:
        if operation.writes:
            # Both write into the same place, the floor one place later.
            found = await _written(ours, mine, url)
            expected = await _written(floor, others, url, later=1)
        else:
            found, expected = await ask_once(ours, mine), await ask_once(floor, others)
        if found != expected or not found:
            raise Disagreement(f"{operation.name}:\n{found}\n{expected}")


async def _written(server: Process, request: bytes, url: str, later: int = 0) -> Any:
    """The answer and the rows behind it, without what every request has of its own."""
    answer = await ask_once(server, request)
    message = answer["data"]["createMessage"]["message"]
    connection: Any = await cast("Any", asyncpg).connect(url)
    try:
        rows = orjson.loads(await connection.fetchval(WRITTEN, message["id"]))
    finally:
        await connection.close()
    rows["answer"] = message
    keys = rows["log"]["changes"][1]["new"]
    for holder, name in (
        (message, "orderId"),
        (rows["message"], "order_id"),
        (rows["conversation"], "last_order_id"),
        (keys, "order_id"),
    ):
        holder[name] -= later
    return OWN_TO_EACH.sub("…", orjson.dumps(rows, option=orjson.OPT_SORT_KEYS).decode())
