"""The encodings of a snapshot, and what becomes of values that need mending."""

from __future__ import annotations

import base64
from typing import Any

from tests.convex.conftest import Bring
from tests.convex.snapshots import FIRST, START, integer, special, story
from tests.harness.api import Server


async def test_encoded_values_inside_json(server: Server, bring: Bring) -> None:
    made = story()
    raw = {"$bytes": base64.b64encode(b"raw").decode()}
    made.tables["imports"][0]["metadata"] = {
        "big": integer(-(2**62)), "list": [integer(7), special(0.1)], "raw": raw,
        "none": special(float("nan")), "text": "\0 nul \U0001f353",
    }  # fmt: skip
    await bring(made)
    rows = await server.sql("SELECT metadata FROM project_import WHERE metadata ? 'big'")
    assert rows[0]["metadata"] == {
        "big": -(2**62), "list": [7, 0.1], "raw": raw, "none": special(float("nan")),
        "text": "\ufffd nul \U0001f353",
    }  # fmt: skip


async def test_fractions_of_credits_stay_exact(server: Server, bring: Bring) -> None:
    made = story()
    made.find("usage", userId=FIRST)["points"] = 0.1 + 0.2
    await bring(made)
    rows = await server.sql("SELECT points::text AS points FROM usage WHERE points < 1")
    assert rows == [{"points": "0.3000"}]


async def test_times_are_cut_to_whole_milliseconds(server: Server, bring: Bring) -> None:
    made = story()
    message = made.tables["messages"][0]
    del message["createdAt"], message["updatedAt"]
    message["_creationTime"] = START + 0.999
    await bring(made)
    rows = await server.sql(
        "SELECT (extract(epoch FROM created_at) * 1000)::bigint AS made, updated_at = created_at "
        "AS same FROM message WHERE content = $1",
        message["content"],
    )
    assert rows == [{"made": START, "same": True}]


async def test_other_spellings_are_understood(server: Server, bring: Bring) -> None:
    made = story()
    made.tables["messages"][0]["role"] = "user"
    made.tables["subscriptions"][0]["status"] = "cancelled"
    made.tables["agentRuns"][0]["framework"] = "nextjs"
    await bring(made)
    assert await _one(server, "SELECT count(*) AS n FROM message WHERE role = 'USER'") == 12
    assert await _one(server, "SELECT count(*) AS n FROM subscription WHERE status = 'canceled'")
    assert await _one(server, "SELECT count(*) AS n FROM agent_run WHERE framework = 'NEXTJS'") == 1


async def test_paths_that_could_not_be_written_are_left_out(server: Server, bring: Bring) -> None:
    made = story()
    made.tables["fragments"][0]["files"] = {"/etc/passwd": "x", "a/../b": "x", "fine/a.ts": "ok"}
    await bring(made)
    rows = await server.sql("SELECT files FROM fragment WHERE files ? 'fine/a.ts'")
    assert rows == [{"files": {"fine/a.ts": "ok"}}]


async def test_ids_say_when_and_are_the_same_everywhere(server: Server, bring: Bring) -> None:
    await bring(story())
    rows = await server.sql("SELECT id, created_at FROM project ORDER BY created_at")
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert rows[0]["id"] == "prj_01jxt2avz0etkamq1b4bdbhh67"
    pairs = await server.sql(
        "SELECT substr(f.id, 4) = substr(m.id, 4) AS same FROM fragment f "
        "JOIN message m ON m.id = f.message_id"
    )
    assert {row["same"] for row in pairs} == {True}


async def _one(server: Server, query: str) -> Any:
    return (await server.sql(query))[0]["n"]
