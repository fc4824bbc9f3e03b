"""A second run adds what is new in the file, and leaves alone what was done here since."""

from __future__ import annotations

from typing import Any

from tests.chats.conftest import Bring, Reader
from tests.chats.exports import jam, said
from tests.convex.reading import everything
from tests.harness.api import Server
from tests.harness.verbs import id_of

CHANGED = """subscription ($of: MessageTarget!) {
  messageChanged(of: $of) { node { id } reset } }"""


def grown(*nodes: dict[str, Any]) -> dict[str, Any]:
    """The same conversation, with more in it."""
    chat = jam()
    chat["mapping"] |= {node["id"]: node for node in nodes}
    chat["current_node"] = nodes[-1]["id"]
    return chat


async def test_a_second_run_changes_nothing(bring: Bring, server: Server) -> None:
    await bring("chatgpt", jam(), jam(id="2"))
    before = await everything(server)
    findings = await bring("chatgpt", jam(), jam(id="2"))
    assert findings.counts["messages here already"] == 10
    assert findings.counts["messages added"] == 0
    assert await everything(server) == before


async def test_a_dry_run_writes_nothing(bring: Bring, server: Server) -> None:
    before = await everything(server)
    findings = await bring("chatgpt", jam(), dry_run=True)
    assert findings.counts["messages added"] == 5
    assert await everything(server) == before


async def test_the_same_conversation_twice_in_a_file(bring: Bring, ada: Reader) -> None:
    findings = await bring("chatgpt", jam(), grown(said("q3", "a3", "user", "And then?")))
    assert findings.counts["conversations added"] == 1
    assert (await ada.said())[-1] == ("USER", "And then?")


async def test_what_is_new_follows_where_nothing_was_said_here(bring: Bring, ada: Reader) -> None:
    await bring("chatgpt", jam())
    before = await ada.shown()
    new = [said("q3", "a3", "user", "And then?"), said("a4", "q3", "assistant", "Stir.")]
    findings = await bring("chatgpt", grown(*new))
    assert (findings.counts["messages added"], findings.counts["conversations continued"]) == (2, 1)
    after = await ada.shown()
    assert after[:4] == before
    assert [one["content"] for one in after[4:]] == ["And then?", "Stir."]
    assert [one["orderId"] for one in after[4:]] == [6, 7]
    (only,) = await ada.conversations()
    assert only["unread"] is True


async def test_what_was_said_here_stays_shown(bring: Bring, ada: Reader) -> None:
    await bring("chatgpt", jam())
    (only,) = await ada.conversations()
    to = {"conversationId": only["id"]}
    await ada.api.do("sendMessage", "{ message { id } }", to=to, content="Here.")
    await ada.api.do("updateConversation", "{ conversation { id } }", id=only["id"], title="Mine")
    before = await ada.shown()
    new = [said("q3", "a3", "user", "There."), said("a5", "q", "assistant", "A third.")]
    await bring("chatgpt", grown(*new))
    after = await ada.shown()
    assert [one["id"] for one in after] == [one["id"] for one in before]
    assert [one["content"] for one in after[1]["siblings"]][-1] == "A third."
    assert [one["content"] for one in after[4]["siblings"]] == ["Here.", "There."]
    assert (await ada.conversations())[0]["title"] == "Mine"


async def test_what_was_deleted_here_stays_deleted(
    bring: Bring, ada: Reader, server: Server
) -> None:
    await bring("chatgpt", jam(), jam(id="2"))
    kept, gone = [one["id"] for one in await ada.conversations()]
    await ada.api.do("deleteConversation", "{ deletedConversationId }", id=gone)
    last = (await ada.shown(kept))[-1]
    await ada.api.do("deleteMessage", "{ deletedMessageId }", id=last["id"])
    await server.sql("DELETE FROM message WHERE id = $1", last["id"])  # as after 30 days
    more = said("q3", "a3", "user", "And then?")
    chats = [grown(more) | {"conversation_id": id} for id in ("chat-1", "2")]
    findings = await bring("chatgpt", *chats)
    assert findings.counts["conversations deleted here: left so"] == 1
    assert findings.counts["messages deleted here: left so"] == 2
    assert findings.counts["messages added"] == 0
    assert [one["id"] for one in await ada.conversations()] == [kept]
    assert len(await ada.shown(kept)) == 3


async def test_each_user_has_their_own(bring: Bring, ada: Reader, server: Server) -> None:
    eve = server.user("eve")
    await bring("chatgpt", jam())
    await bring("chatgpt", jam(), who=await id_of(eve))
    theirs = Reader(eve, await id_of(eve))
    assert await theirs.said() == await ada.said()
    ids = {one["id"] for one in await theirs.shown()} & {one["id"] for one in await ada.shown()}
    assert ids == set()


async def test_a_conversation_that_was_moved_is_left_alone(bring: Bring, ada: Reader) -> None:
    await bring("chatgpt", jam())
    (only,) = await ada.conversations()
    org = (await ada.api.do("createOrg", "{ org { id } }", name="Orchard"))["org"]["id"]
    await ada.api.do("moveConversation", "{ conversation { id } }", id=only["id"], orgId=org)
    findings = await bring("chatgpt", grown(said("q3", "a3", "user", "And then?")))
    assert findings.counts["messages added"] == 0
    assert findings.counts["conversations moved to another owner: left as they are"] == 1


async def test_followers_start_anew_once(bring: Bring, ada: Reader, server: Server) -> None:
    await bring("chatgpt", jam())
    (only,) = await ada.conversations()
    more = grown(said("q3", "a3", "user", "And then?"))
    async with ada.api.listen(CHANGED, of={"conversationId": only["id"]}) as events:
        await events.next()
        await bring("chatgpt", more, jam(id="2"))
        told = await events.next()
        assert (told["node"], told["reset"]) == (None, True)
    await bring("chatgpt", more)
    rows = await server.sql("SELECT owner_id FROM event_log WHERE verb = 'import'")
    assert [row["owner_id"] for row in rows] == [ada.id] * 2
