"""Forking: copies of all up to a message, of however many there are."""

from __future__ import annotations

from models.chat.messages import Message, MessageRole
from tests.harness.api import StartServer
from tests.harness.planting import plant
from tests.harness.verbs import id_of

LONG = 430
COPIED = """\
SELECT m.content, m.order_id, p.order_id AS parent, a.url FROM message m
LEFT JOIN message p ON p.id = m.parent_id LEFT JOIN attachment a ON a.message_id = m.id
WHERE m.conversation_id = $1 ORDER BY m.order_id"""


async def test_a_long_conversation_is_copied_in_its_order(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada = server.user()
    made = await ada.do(
        "createConversation", "{ conversation { id } }", title="Jam", systemPrompt="Be kind."
    )
    talk, user, parent = made["conversation"]["id"], await id_of(ada), None
    for order in range(1, LONG + 1):
        said = {"content": f"{order}", "order_id": order, "role": MessageRole.USER}
        where = {"conversation_id": talk, "user_id": user, "parent_id": parent}
        parent = await plant(server, Message, **where, **said)
    image = {"url": "https://files.example/a.png", "size": 9}
    await ada.do("addAttachment", "{ __typename }", messageId=parent, **image)
    fork = await ada.do(
        "forkConversation",
        "{ conversation { id title titleSource systemPrompt lastOrderId } }",
        messageId=parent,
    )
    copied = await server.sql(COPIED, fork["conversation"].pop("id"))
    assert fork["conversation"] == {
        "title": "Jam", "titleSource": "USER", "systemPrompt": "Be kind.", "lastOrderId": LONG,
    }  # fmt: skip
    assert copied == [
        {"content": f"{n}", "order_id": n, "parent": n - 1 or None,
         "url": image["url"] if n == LONG else None}
        for n in range(1, LONG + 1)
    ]  # fmt: skip
    assert len(await server.sql(COPIED, talk)) == LONG, "the other one stays as it was"
