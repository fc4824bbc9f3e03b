"""Nothing is written without a note: what differs in the database is in the event log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.viewer import SYSTEM
from tests.harness.api import Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.mutations import EVERY, Scene, mutations, whole
from tests.harness.verbs import NOTED, Rows, all_rows, differences, id_of, log_end, log_since

HEARTBEAT = {"lease_until"}
"""Columns of a generation that its worker writes without a note."""
DONE = """\
SELECT 1 AS yes WHERE NOT EXISTS (SELECT 1 FROM deletion_job WHERE state <> 'complete')
AND NOT EXISTS (SELECT 1 FROM agent_run WHERE status = 'RUNNING'
    OR (claims = 0 AND status = 'PENDING'))"""

WITH_OTHERS = {
    "cancelSubscription", "changeEmail", "changePassword", "claimGuest", "createGuest",
    "createUpload", "deleteMe", "resolvePendingSubscription", "resumeSubscription",
    "syncSubscription",
    "exportMyData", "forkSharedConversation", "importFigmaFile", "importFigmaUpload",
    "importGithubRepository", "inviteOrgMember", "requestPasswordReset",
    "resendInvitation",
    "resetPassword", "revokeOauthConnection", "setAvatar", "signIn", "signUp", "testUserKey",
    "verifyEmail",
}  # fmt: skip
"""These count tries before they do anything, or write rows of the system's or a guest's."""

Noted = dict[str, tuple[str, set[str]]]


def owner_in(rows: Rows, id: str) -> str | None:
    """Whose a row is; who is moved from hears of it too."""
    own = id if id.startswith(("usr_", "org_")) else SYSTEM
    return rows[id].get("owner_id", own) if id in rows else None


def noted(log: list[dict[str, Any]], before: Rows, after: Rows) -> Noted:
    """Id → (op, columns) of all changes, those of one row merged; checks whose they are."""
    found: Noted = {}
    for row in log:
        for change in row["changes"]:
            id, op = change["id"], change["op"]
            known = found.get(id, (op, set()))
            first = "add" if known[0] == "add" and op == "change" else op
            found[id] = (first, known[1] | (set(change["columns"]) - NOTED))
            assert row["owner_id"] in {owner_in(rows, id) for rows in (before, after)}
    return found


MOVING = {"moveProject", "moveConversation"}
"""They are told to two owners, and silent on what is below: see tests/chat/test_moving.py."""


def test_every_mutation_is_tried() -> None:
    assert EVERY.keys() == mutations().keys()


@pytest.mark.parametrize("name", sorted(EVERY.keys() - MOVING))
async def test_a_mutation_notes_exactly_what_it_writes(
    start_server: StartServer, name: str
) -> None:
    server = await start_server(worker=False, clock=FakeClock(tick=timedelta(milliseconds=1)))
    scene = Scene(server, server.user())
    await id_of(scene.caller)
    given = await EVERY[name](scene)
    before, end = await all_rows(server), await log_end(server)
    await scene.caller.do(name, whole(name), **given)
    after = await all_rows(server)
    written = differences(before, after)
    assert written, "it does something"
    log = await log_since(server, end)
    assert noted(log, before, after) == written
    assert len(log) == 1 or name in WITH_OTHERS, "one verb, one owner, one row"


@pytest.mark.parametrize("model", ["mock:raypx-1", "mock:fail"])
async def test_the_worker_notes_what_it_writes(server: Server, model: str) -> None:
    ada = server.user()
    await id_of(ada)
    before, end = await all_rows(server), await log_end(server)
    sent = await ada.do(
        "createProjectWithMessage",
        "{ reply { id } }",
        content="```ts src/a.ts\nexport {}\n``` [[tokens:5]]",
        model=model,
    )
    complete = "SELECT id FROM message WHERE id = $1 AND status = 'COMPLETE'"
    await eventually(lambda: server.sql(complete, sent["reply"]["id"]))
    after = await all_rows(server)
    log = noted(await log_since(server, end), before, after)
    for id, (op, columns) in differences(before, after).items():
        assert log[id][0] == op
        assert columns - (HEARTBEAT if id.startswith("gen_") else set()) <= log[id][1]


async def test_the_reapers_note_what_they_write(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(clock=clock, lease=0.3)
    scene = Scene(server, server.user())
    left, waiting, deleted = await scene.claimed(), await scene.run(), await scene.project()
    await scene.caller.do("deleteProject", "{ deletedProjectId }", id=deleted)
    before, end = await all_rows(server), await log_end(server)
    clock.advance(days=31)
    await eventually(lambda: server.sql(DONE))
    after = await all_rows(server)
    written = differences(before, after)
    assert {left, waiting, deleted} <= written.keys()
    assert noted(await log_since(server, end), before, after) == written
