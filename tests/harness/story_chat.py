"""The story's user talks, shares, rates and says what they think; each field checked on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from models.chat.messages import Message
from models.chat.tool_calls import ToolCall, ToolCallState
from models.fields import camel
from models.files.stored_files import FilePurpose, FileState, StoredFile, new_storage_key
from tests.harness.eventually import eventually
from tests.harness.orgs import found
from tests.harness.planting import alter, plant
from tests.harness.story import Story, told
from tests.harness.story_planted import day, tell
from tests.harness.verbs import id_of

ENDED = """SELECT FROM message WHERE id = ANY ($1) AND status = 'COMPLETE' HAVING count(*) = 2"""
ANSWER = "Both are fine."


async def tell_talk(story: Story) -> str:
    """A conversation in a folder, changed in all that can be; returns its only message."""
    user = await id_of(story.caller)
    folder = (await story.do("createFolder", "{ project { id } }", name="Folder"))[0]
    made, created = await story.do("createConversation", "{ conversation { id } }", title="Early")
    talk = made["conversation"]["id"]
    message, said = await _tell_message(story, talk, user)
    given = {
        "title": "Quince",
        "model": "mock:slow",
        "systemPrompt": "Be brief.",
        "task": "cooking",
        "projectId": folder["project"]["id"],
    }
    state = {"status": "ARCHIVED", "pinned": True}
    _, updated = await story.do(
        "updateConversation", "{ conversation { id } }", id=talk, **given, **state
    )
    await story.do("markConversationRead", "{ conversation { id } }", id=talk)
    await story.book.check("Conversation", talk, id=talk, userId=user, lastOrderId=1, **given)
    times = {"createdAt": created, "updatedAt": updated, "pinnedAt": updated, "lastMessageAt": said}
    await story.book.check("Conversation", talk, titleSource="USER", status="ARCHIVED", **times)
    for name, value in (("pinned", True), ("main", False), ("lastReadOrderId", 1)):
        await story.book.check("Conversation", talk, **{name: value})
    await _tell_owners(story)
    await _tell_link(story, talk, message, user)
    return message


async def _tell_message(story: Story, talk: str, user: str) -> tuple[str, str]:
    """The first message of a conversation, and when it was sent."""
    to, more = {"conversationId": talk}, {"content": "How?", "clientMessageId": "c-1"}
    made, said = await story.do("createMessage", "{ message { id } }", to=to, **more)
    message = made["message"]["id"]
    where = {"conversationId": talk, "orderId": 1}
    await story.book.check("Message", message, id=message, userId=user, **where, **more)
    return message, said


async def _tell_owners(story: Story) -> None:
    """An organisation's conversation says so."""
    org = await found(story.caller)
    made, _ = await story.do("createConversation", "{ conversation { id } }", title="T", orgId=org)
    await story.book.check("Conversation", made["conversation"]["id"], orgId=org)


async def _tell_link(story: Story, talk: str, message: str, user: str) -> None:
    """A public link, which makes the conversation public while it is there."""
    until = told(story.clock.now() + timedelta(days=3))
    given = {"conversationId": talk, "messageId": message, "mode": "PUBLIC"}
    made, created = await story.do(
        "createShareLink", "{ shareLink { id } }", **given, expiresAt=until
    )
    link = made["shareLink"]["id"]
    times = {"createdAt": created, "updatedAt": created, "expiresAt": until}
    await story.book.check("ShareLink", link, id=link, userId=user, **given, **times)
    await story.book.check("Conversation", talk, public=True)
    await story.do("revokeShareLink", "{ revokedLinkId }", id=link)
    await story.book.check("Conversation", talk, public=False)
    named = {"conversationId": talk, "mode": "NAMED", "people": ["eve@example.org"]}
    made, _ = await story.do("createShareLink", "{ shareLink { id } }", **named)
    await story.book.check("ShareLink", made["shareLink"]["id"], people=["eve@example.org"])


async def tell_answers(story: Story) -> None:
    """Answers of two models side by side, one of them with all that an answer may have."""
    models = ["mock:raypx-1", "mock:slow"]
    made, _ = await story.do(
        "startConversation",
        "{ replies { id parentId messageGroupId } }",
        content="Which? [[refuse]]",
        models=models,
    )
    first, second = made["replies"]
    await eventually(lambda: story.server.sql(ENDED, [first["id"], second["id"]]))
    shared = {"parentId": first["parentId"], "messageGroupId": first["messageGroupId"]}
    await story.book.check("Message", second["id"], **shared, branchIndex=1, model="mock:slow")
    parts = [{"type": "text", "text": ANSWER}]
    columns: dict[str, Any] = {
        "parts": parts,
        "usage": {"tokens": 3},
        "citations": ["a book"],
        "finish_reason": "stop",
        "provider": "somebody",
    }
    await alter(story.server, Message, second["id"], **columns)
    columns["finishReason"] = columns.pop("finish_reason")
    await story.book.check("Message", second["id"], **columns)


async def tell_opinions(story: Story, message: str) -> None:
    """A rating of a message, and a word on the product, which operators read."""
    user = await id_of(story.caller)
    _, created = await story.do(
        "rateMessage", "{ messageFeedback { id } }", messageId=message, rating=1
    )
    given = {"messageId": message, "rating": -1, "comment": "Not ripe."}
    made, updated = await story.do("rateMessage", "{ messageFeedback { id } }", **given)
    id, times = made["messageFeedback"]["id"], {"createdAt": created, "updatedAt": updated}
    await story.book.check("MessageFeedback", id, id=id, userId=user, **given, **times)
    _, sent = await story.do("sendFeedback", "{ sent }", message="More jam.")
    (row,) = await story.server.sql("SELECT id FROM feedback")
    about = {"id": row["id"], "userId": user, "message": "More jam."}
    await story.book.check("Feedback", row["id"], **about, createdAt=sent, updatedAt=sent)


async def tell_tool_call(story: Story, message: str) -> None:
    """A call that somebody decided on."""
    start = {"message_id": message, "number": 4, "step": 2, "call_id": "call_7", "name": "weigh"}
    user = await id_of(story.caller)
    await tell(
        story,
        ToolCall,
        start | {"owner_id": user, "arguments": {"fruit": "quince"}, "state": ToolCallState.READY},
        state=ToolCallState.DENIED,
        expires_at=day(13),
        decided_by_id=user,
        decided_at=day(14),
        ended_at=day(15),
    )


async def tell_file(story: Story) -> None:
    """What is known of a file."""
    user, created = await id_of(story.caller), story.clock.advance(minutes=1)
    own = {"user_id": user, "storage_key": new_storage_key(), "state": FileState.READY}
    about = {
        "file_name": "tree.png",
        "content_type": "image/png",
        "size": 9,
        "sha256": "0" * 64,
        "width": 8,
        "height": 6,
    }
    id = await plant(story.server, StoredFile, **own, **about, purpose=FilePurpose.ATTACHMENT)
    shown = {camel(name): value for name, value in about.items()}
    times = {"createdAt": told(created), "updatedAt": told(created)}
    more = {"purpose": "ATTACHMENT", "state": "READY"}
    await story.book.check("StoredFile", id, id=id, **shown, **more, **times)
