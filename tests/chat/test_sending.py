"""From a sent message to its streamed answer."""

from __future__ import annotations

import pytest

from tests.harness.api import Refused, Server

STREAM = """subscription($id: ID!, $after: String) {
  messageStreamed(messageId: $id, after: $after) { part kind text cursor reset } }"""


async def test_a_sent_message_is_answered_as_a_stream(server: Server) -> None:
    ada = server.user()
    made = await ada.do(
        "createProjectWithMessage",
        "{ project { id name } message { id role status } reply { id status role } "
        "agentRun { status runSource } }",
        content="Build me a page [[tokens:60]] [[delay:2ms]]",
    )
    assert made["reply"] == {"id": made["reply"]["id"], "status": "PENDING", "role": "ASSISTANT"}
    assert made["agentRun"]["runSource"] == "INNGEST"
    text = ""
    async with ada.listen(STREAM, id=made["reply"]["id"]) as events:
        async for event in events:
            assert not event["reset"]
            text += event["text"]
    whole = await ada.run(
        "query($id: ID!) { message(id: $id) { status outcome content usage finishReason } }",
        id=made["reply"]["id"],
    )
    assert whole["message"]["content"] == text != ""
    assert whole["message"]["status"] == "COMPLETE"
    assert whole["message"]["outcome"] == "SUCCEEDED"


async def test_a_second_send_waits_unless_it_supersedes(server: Server) -> None:
    ada = server.user()
    made = await ada.do(
        "createProjectWithMessage",
        "{ project { id } reply { id } }",
        content="x",
        model="mock:endless",
    )
    to = {"projectId": made["project"]["id"]}
    with pytest.raises(Refused) as refused:
        await ada.do("sendMessage", "{ reply { id } }", to=to, content="again")
    assert refused.value.code == "CONFLICT"
    await ada.do("sendMessage", "{ reply { id } }", to=to, content="again", supersede=True)
    first = await ada.run(
        "query($id: ID!) { message(id: $id) { status outcome } }", id=made["reply"]["id"]
    )
    assert first["message"] == {"status": "COMPLETE", "outcome": "CANCELED"}
