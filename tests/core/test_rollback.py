"""Rollback tells nobody: a verb that fails leaves no row, no note, no key and no sound."""

from __future__ import annotations

import pytest

from models.chat.projects import Project
from models.chat.sending import Draft, Target, send_message
from models.errors import Invalid
from models.transaction import Transaction
from models.verbs import verb
from tests.harness.api import Refused, Server
from tests.harness.verbs import actor_of, all_rows, id_of, log_end, log_since

HEAR = """subscription($id: ID!) {
  messageChanged(of: {projectId: $id}) { node { content } deletedId cursor reset } }"""


@verb
async def send_and_fail(tx: Transaction, project_id: str) -> Project:
    """Does a great deal, and then changes its mind."""
    await send_message(tx, Target(project_id=project_id), Draft("unsaid"))
    project = await tx.reach(Project, project_id)
    await project.change(name="Unsaid")
    await tx.add(
        Project(
            owner_id=project.owner_id,
            user_id=project.user_id,
            name="Unsaid",
            kind=project.kind,
            framework=project.framework,
        )
    )
    raise Invalid("No.")


async def test_rollback_tells_nobody(server: Server) -> None:
    ada = server.user()
    made = await ada.do("createProject", "{ project { id } }", name="One", framework="VUE")
    project = made["project"]["id"]
    actor = actor_of(server, await id_of(ada))
    before, end = await all_rows(server), await log_end(server)
    async with ada.listen(HEAR, id=project) as events:
        first = await events.next()
        assert first["node"] is None
        assert not first["reset"]
        with pytest.raises(Invalid):
            await send_and_fail(actor, project)
        with pytest.raises(Refused) as refused:  # the attachments come last in the verb
            await ada.do(
                "sendMessage",
                "{ reply { id } }",
                to={"projectId": project},
                content="unsaid",
                attachments=[{"url": "ftp://files.example/a", "size": 1}],
                idempotencyKey="k",
            )
        assert refused.value.code == "INVALID"
        assert await all_rows(server) == before
        assert await log_since(server, end) == []
        assert await server.sql("SELECT * FROM idempotency_key") == []
        assert await server.sql("SELECT * FROM message_chunk") == []
        to = {"projectId": project}
        await ada.do("createMessage", "{ message { id } }", to=to, content="said")
        heard = await events.next()
        assert heard["node"] == {"content": "said"}, "the first thing that is heard"
