"""Messages: operations.md section 1, "Messages, fragments, attachments", with the holes closed."""

from __future__ import annotations

import pytest

from tests.harness.api import Api, Server, StartServer
from tests.harness.eventually import eventually
from tests.harness.refusals import refusal, unchanged
from tests.harness.verbs import id_of

READ = "query($id: ID!) { message(id: $id) { content status outcome role updatedAt } }"


@pytest.fixture
async def quiet(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def make(caller: Api) -> dict[str, str]:
    """Where messages of a new project go."""
    made = await caller.do("createProject", "{ project { id } }", name="One", framework="VUE")
    return {"projectId": made["project"]["id"]}


async def say(caller: Api, to: dict[str, str], content: str = "Hello", **more: object) -> str:
    """A new message's id."""
    made = await caller.do("createMessage", "{ message { id } }", to=to, content=content, **more)
    return made["message"]["id"]


async def test_clients_write_user_messages_only(quiet: Server) -> None:
    """Hole 12: clients may write ASSISTANT messages and edit any message text."""
    ada = quiet.user()
    to = await make(ada)
    made = await ada.do(
        "createMessage",
        "{ message { role type status outcome userId content orderId parentId projectId "
        "clientMessageId model conversation { lastMessageAt } } }",
        to=to,
        content="Hello",
        clientMessageId="mine",
    )
    message = made["message"]
    assert message.pop("conversation")["lastMessageAt"] is not None
    assert message == {
        "role": "USER", "type": "RESULT", "status": "COMPLETE", "outcome": None,
        "userId": await id_of(ada), "content": "Hello", "orderId": 1, "parentId": None,
        "projectId": to["projectId"], "clientMessageId": "mine", "model": None,
    }  # fmt: skip
    assert await quiet.sql("SELECT id FROM generation UNION SELECT id FROM agent_run") == []
    async with unchanged(quiet):
        for field, value in (("role", "ASSISTANT"), ("status", "PENDING"), ("type", "ERROR")):
            given = {"to": to, "content": "x", field: value}
            assert (await refusal(ada, "createMessage", **given))[0] == "INVALID"


async def test_a_conversation_takes_messages_by_its_own_id(quiet: Server) -> None:
    ada = quiet.user()
    to = await make(ada)
    found = await ada.run(
        "query($id: ID!) { project(id: $id) { conversation { id } } }", id=to["projectId"]
    )
    own = {"conversationId": found["project"]["conversation"]["id"]}
    first, second = await say(ada, to), await say(ada, own)
    read = "query($id: ID!) { project(id: $id) { messages { nodes { id } } } }"
    listed = (await ada.run(read, id=to["projectId"]))["project"]["messages"]["nodes"]
    assert listed == [{"id": first}, {"id": second}]


async def test_a_target_is_exactly_one_container(quiet: Server) -> None:
    ada, eve = quiet.user(), quiet.user("eve")
    to = await make(ada)
    await id_of(eve)
    async with unchanged(quiet):
        for bad in ({}, {**to, "conversationId": "x"}, {"projectId": None}, {"userId": "x"}):
            assert (await refusal(ada, "createMessage", to=bad, content="x"))[0] == "INVALID"
        for missing in ("prj_01h455vb4pex5vsknk084sn02q", "msg_01h455vb4pex5vsknk084sn02q", "x"):
            code = await refusal(ada, "createMessage", to={"projectId": missing}, content="x")
            assert code == ("NOT_FOUND", "to.projectId")
        code = await refusal(eve, "createMessage", to=to, content="x")
        assert code == ("NOT_FOUND", "to.projectId")


async def test_text_that_is_no_text_is_refused(start_server: StartServer) -> None:
    """HTTP PATCH strips NUL bytes (ours refuses them), refuses empty content."""
    server = await start_server(worker=False, max_body=8 << 20)
    ada = server.user()
    to = await make(ada)
    async with unchanged(server):
        for mutation in ("createMessage", "sendMessage"):
            for text in ("", " \n\t", "x" * 1_000_001, "a\0b", "a\ud800b"):
                code, _ = await refusal(ada, mutation, to=to, content=text)
                assert code == "INVALID"


async def test_an_own_id_is_used_once_in_a_conversation(quiet: Server) -> None:
    ada = quiet.user()
    to, other = await make(ada), await make(ada)
    await say(ada, to, clientMessageId="mine")
    async with unchanged(quiet):
        code, _ = await refusal(ada, "createMessage", to=to, content="x", clientMessageId="mine")
        assert code == "CONFLICT"
    await say(ada, other, clientMessageId="mine")


async def test_nothing_is_added_behind_an_unfinished_answer(quiet: Server) -> None:
    ada = quiet.user()
    to = await make(ada)
    await ada.do("sendMessage", "{ __typename }", to=to, content="x")
    async with unchanged(quiet):
        assert (await refusal(ada, "createMessage", to=to, content="x"))[0] == "CONFLICT"
        assert (await refusal(ada, "sendMessage", to=to, content="x"))[0] == "CONFLICT"


async def test_an_unanswered_message_can_be_corrected(quiet: Server) -> None:
    """updateMessage: a USER message that nothing has answered yet, else CONFLICT."""
    ada = quiet.user()
    to = await make(ada)
    message = await say(ada, to)
    made = await ada.do("updateMessage", "{ message { content } }", id=message, content="Better")
    assert made["message"]["content"] == "Better"
    async with unchanged(quiet):
        for bad in ("", " ", "a\0b"):
            assert (await refusal(ada, "updateMessage", id=message, content=bad))[0] == "INVALID"
        code, _ = await refusal(ada, "updateMessage", id=to["projectId"], content="x")
        assert code == "NOT_FOUND"


async def test_an_answered_message_stays_as_it_is(quiet: Server) -> None:
    ada, eve = quiet.user(), quiet.user("eve")
    to = await make(ada)
    await id_of(eve)
    sent = await ada.do("sendMessage", "{ message { id } reply { id } }", to=to, content="x")
    async with unchanged(quiet):
        for one in (sent["message"]["id"], sent["reply"]["id"]):
            code, _ = await refusal(ada, "updateMessage", id=one, content="Other")
            assert code == "CONFLICT"
            assert (await refusal(eve, "updateMessage", id=one, content="x"))[0] == "NOT_FOUND"
    await ada.do("stopMessage", "{ __typename }", id=sent["reply"]["id"])
    async with unchanged(quiet):
        for one in (sent["message"]["id"], sent["reply"]["id"]):
            assert (await refusal(ada, "updateMessage", id=one, content="Other"))[0] == "CONFLICT"


async def test_an_unknown_model_and_too_many_files_are_refused(quiet: Server) -> None:
    ada = quiet.user()
    to = await make(ada)
    image = {"url": "https://files.example/a.png", "size": 1}
    async with unchanged(quiet):
        for model in ("nobody:none", "mock:RAYPX-1", "", "openai:gpt-5.1-codex"):
            found = await refusal(ada, "sendMessage", to=to, content="x", model=model)
            assert found == ("INVALID", "model")
        found = await refusal(ada, "sendMessage", to=to, content="x", attachments=[image] * 21)
        assert found == ("INVALID", "attachments")


async def test_a_preference_is_used_until_the_message_names_a_model(quiet: Server) -> None:
    ada = quiet.user()
    to = await make(ada)
    await ada.do("updateProject", "{ __typename }", id=to["projectId"], modelPreference="mock:slow")
    first = await ada.do("sendMessage", "{ reply { id model } }", to=to, content="x")
    assert first["reply"]["model"] == "mock:slow"
    second = await ada.do(
        "sendMessage", "{ reply { model } }", to=to, content="x", supersede=True,
        model="mock:fail",
    )  # fmt: skip
    assert second["reply"]["model"] == "mock:fail"


async def test_a_stopped_answer_keeps_its_text(server: Server) -> None:
    ada = server.user()
    to = await make(ada)
    sent = await ada.do(
        "sendMessage", "{ reply { id } }", to=to, content="Go on", model="mock:endless"
    )
    reply = sent["reply"]["id"]
    stored = "SELECT string_agg(text, '' ORDER BY start) AS text FROM message_chunk GROUP BY epoch"
    await eventually(lambda: server.sql(stored))
    made = await ada.do("stopMessage", "{ message { status outcome type content } }", id=reply)
    assert made["message"].pop("content")
    assert made["message"] == {"status": "COMPLETE", "outcome": "CANCELED", "type": "RESULT"}
    async with unchanged(server):
        assert (await refusal(ada, "stopMessage", id=reply))[0] == "CONFLICT"
