"""Shared conversations for tests."""

from __future__ import annotations

from typing import Any

from models.chat.messages import Message, MessageRole
from tests.harness.api import Api, Server
from tests.harness.planting import plant
from tests.harness.verbs import id_of

SHARED = """\
query($token: String!, $first: Int, $after: String) { sharedConversation(token: $token) {
  frozen expiresAt heading { title createdAt }
  messages(first: $first, after: $after) { nodes { id role content attachments { url } }
    pageInfo { hasNextPage endCursor } } } }"""
LINK = "{ token shareLink { id mode people messageId } }"
HEARD = """\
subscription($token: String!) { sharedConversationChanged(token: $token) {
  node { id content } deletedId reset } }"""


async def talk_of(owner: Api, title: str = "Jam", **more: Any) -> str:
    """A conversation without messages."""
    made = await owner.do("createConversation", "{ conversation { id } }", title=title, **more)
    return made["conversation"]["id"]


async def say(owner: Api, talk: str, content: str) -> str:
    """A message at the end of the selected branch, which nothing answers."""
    to = {"conversationId": talk}
    made = await owner.do("createMessage", "{ message { id } }", to=to, content=content)
    return made["message"]["id"]


async def other_version(server: Server, owner: Api, talk: str, id: str, content: str) -> str:
    """A version of a message that is not selected."""
    (old,) = await server.sql("SELECT parent_id FROM message WHERE id = $1", id)
    (newest,) = await server.sql(
        "SELECT max(order_id) AS n, max(branch_index) AS b FROM message WHERE conversation_id = $1",
        talk,
    )
    about = {"order_id": newest["n"] + 100, "branch_index": newest["b"] + 1}
    hidden = {"selected": False, "on_branch": False, "role": MessageRole.USER, "content": content}
    where = {"conversation_id": talk, "parent_id": old["parent_id"], "user_id": await id_of(owner)}
    return await plant(server, Message, **where, **about, **hidden)


async def share(owner: Api, talk: str, mode: str = "TOKEN", **more: Any) -> tuple[str, str]:
    """The token and the id of a new link."""
    made = await owner.do("createShareLink", LINK, conversationId=talk, mode=mode, **more)
    return made["token"], made["shareLink"]["id"]


async def opened(reader: Api, token: str, **window: Any) -> Any:
    """What a link shows somebody; None where it does not let them in."""
    return (await reader.run(SHARED, token=token, **window))["sharedConversation"]


async def texts(reader: Api, token: str) -> list[str] | None:
    """The texts that a link shows."""
    found = await opened(reader, token)
    return found and [one["content"] for one in found["messages"]["nodes"]]
