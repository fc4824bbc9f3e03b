"""Whoever follows rows while an import comes is told to read them again."""

from __future__ import annotations

from tests.convex.conftest import Bring
from tests.convex.snapshots import FIRST, START, story
from tests.harness.api import Server

CHANGED = """subscription ($of: MessageTarget!, $after: String) {
  messageChanged(of: $of, after: $after) { node { content } deletedId cursor reset } }"""


async def test_a_subscriber_is_told_to_start_anew(server: Server, bring: Bring) -> None:
    made = story()
    await bring(made)
    ruth = server.user(FIRST)
    found = await ruth.run("{ projects(first: 1) { nodes { id name } } }")
    (project,) = found["projects"]["nodes"]
    document = made.find("projects", name=project["name"])
    async with ruth.listen(CHANGED, of={"projectId": project["id"]}) as events:
        first = await events.next()
        made.add(
            "messages", START + 10**9, content="More", role="USER", type="RESULT",
            status="COMPLETE", projectId=document["_id"],
        )  # fmt: skip
        await bring(made)
        told = await events.next()
        assert (told["node"], told["reset"]) == (None, True)
        sent = await ruth.do(
            "sendMessage", "{ message { content } }", to={"projectId": project["id"]},
            content="After", runSource="WEBCONTAINER",
        )  # fmt: skip
        while (event := await events.next())["reset"]:  # the first import, if read late
            told = event
        assert event["node"] == sent["message"]
    resumed = {"of": {"projectId": project["id"]}, "after": first["cursor"]}
    async with ruth.listen(CHANGED, **resumed) as events:
        assert (await events.next())["reset"] is True
    resumed["after"] = told["cursor"]
    async with ruth.listen(CHANGED, **resumed) as events:
        assert (await events.next())["node"] == sent["message"]
