"""What tests that write straight through verbs need: an actor, and an account of all rows."""

from __future__ import annotations

from typing import Any

from models.packages import record_models
from models.verbs import Actor
from models.viewer import SIGNED_OUT, viewer_of
from tests.harness.api import Api, Server


async def id_of(user: Api) -> str:
    """A user's id; the user appears here if this is their first request."""
    return (await user.run("{ me { id } }"))["me"]["id"]


def actor_of(server: Server, user_id: str | None) -> Actor:
    """Someone who may call verbs on a server's own pool; None is the system."""
    ports = server.services.ports
    viewer = viewer_of(user_id) if user_id else SIGNED_OUT
    return Actor(viewer, ports.database, ports.clock, ports.bus, ports.models)


Rows = dict[str, dict[str, Any]]


NOTED = {"last_active_at", "last_used_at"}
"""Columns in which use is noted by the minute, whatever is done."""


async def all_rows(server: Server) -> Rows:
    """Every row of every table of records, but for what is noted, by its id."""
    found: Rows = {}
    for model in record_models():
        for row in await server.sql(f"SELECT * FROM {model.table()}"):
            found[row["id"]] = {name: row[name] for name in row if name not in NOTED}
    return found


def differences(before: Rows, after: Rows) -> dict[str, tuple[str, set[str]]]:
    """Id → (op, changed columns) of every row that differs; all columns of a new one."""
    found: dict[str, tuple[str, set[str]]] = {}
    for row_id in before.keys() | after.keys():
        old, new = before.get(row_id), after.get(row_id)
        if old is None or new is None:
            found[row_id] = ("add", set(new)) if new else ("remove", set())
        elif old != new:
            found[row_id] = ("change", {name for name in new if old[name] != new[name]})
    return found


async def log_since(server: Server, position: int) -> list[dict[str, Any]]:
    """The event log's rows after a position, in order."""
    return await server.sql(
        "SELECT position, owner_id, actor_id, verb, at, changes FROM event_log "
        "WHERE position > $1 ORDER BY position",
        position,
    )


async def log_end(server: Server) -> int:
    """The position of the newest row of the event log."""
    (row,) = await server.sql("SELECT coalesce(max(position), 0) AS position FROM event_log")
    return row["position"]
