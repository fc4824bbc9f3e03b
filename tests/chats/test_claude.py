"""`punnet import claude`: conversations as lists, and as trees where the export tells parents."""

from __future__ import annotations

from tests.chats.conftest import Bring, Reader
from tests.chats.exports import claude_chat, claude_message

ROOT = "00000000-0000-4000-8000-000000000000"


async def test_a_list_is_a_branch(bring: Bring, ada: Reader) -> None:
    chat = claude_chat(
        [
            claude_message("1", "human", "Which pears?"),
            claude_message("2", "assistant", "Ripe ones."),
            claude_message("3", "human", "Thanks."),
        ],
        is_starred=False,
    )
    assert (await bring("claude", chat)).flaws == {}
    (only,) = await ada.conversations()
    assert (only["title"], only["createdAt"]) == ("Pears", "2024-03-01T09:59:00.000Z")
    messages = await ada.shown()
    assert [(one["role"], one["content"]) for one in messages] == [
        ("USER", "Which pears?"),
        ("ASSISTANT", "Ripe ones."),
        ("USER", "Thanks."),
    ]
    assert [one["provider"] for one in messages] == [None, "anthropic", None]
    assert messages[0]["createdAt"] == "2024-03-01T10:00:00.123Z"


async def test_parents_make_a_tree(bring: Bring, ada: Reader) -> None:
    chat = claude_chat(
        [
            claude_message("1", "human", "Which pears?", parent_message_uuid=ROOT),
            claude_message("2", "assistant", "Ripe ones.", parent_message_uuid="1"),
            claude_message("3", "assistant", "Green ones.", parent_message_uuid="1"),
            claude_message("4", "human", "Why?", parent_message_uuid="2"),
            claude_message("5", "human", "Which plums?", parent_message_uuid=ROOT),
        ],
        current_leaf_message_uuid="4",
    )
    assert (await bring("claude", chat)).flaws == {}
    first, second, third = await ada.shown()
    assert (second["content"], third["content"]) == ("Ripe ones.", "Why?")
    assert [one["content"] for one in second["siblings"]] == ["Ripe ones.", "Green ones."]
    assert [one["content"] for one in first["siblings"]] == ["Which pears?", "Which plums?"]


async def test_blocks_become_parts(bring: Bring, ada: Reader) -> None:
    cited = [{"url": "https://example.com/pears", "title": "Pears"}]
    blocks = [
        {"type": "thinking", "thinking": "I search."},
        {"type": "tool_use", "id": "t1", "name": "web_search", "input": {"query": "pears"}},
        {
            "type": "tool_result", "tool_use_id": "t1", "name": "web_search",
            "content": [{"type": "text", "text": "Many."}, {"type": "text", "text": "More."}],
        },
        {"type": "token_budget"},
        {"type": "text", "text": "There are many.", "citations": cited},
    ]  # fmt: skip
    chat = claude_chat([claude_message("1", "assistant", "old text", content=blocks)])
    assert (await bring("claude", chat)).flaws == {}
    (answer,) = await ada.shown()
    assert answer["content"] == "There are many."
    assert answer["contentParts"] == [
        {"__typename": "ReasoningPart", "thought": "I search."},
        {
            "__typename": "ToolCallPart",
            "callId": "t1",
            "name": "web_search",
            "arguments": {"query": "pears"},
        },
        {
            "__typename": "ToolResultPart",
            "callId": "t1",
            "name": "web_search",
            "result": "Many.\nMore.",
        },
        {"__typename": "TextPart", "text": "There are many."},
        {"__typename": "SourcePart", "source": "https://example.com/pears", "title": "Pears"},
    ]


async def test_attached_texts_are_kept(bring: Bring, ada: Reader) -> None:
    attached = {"file_name": "list.txt", "file_size": 9, "extracted_content": "Two pears"}
    message = claude_message(
        "1", "human", "Read this.", attachments=[attached], files=[{"file_name": "photo.jpg"}]
    )
    await bring("claude", claude_chat([message]))
    (question,) = await ada.shown()
    assert question["content"] == "Read this.\n\nlist.txt\n\nTwo pears\n\nphoto.jpg"


async def test_an_export_without_blocks_has_its_text(bring: Bring, ada: Reader) -> None:
    await bring("claude", claude_chat([claude_message("1", "human", "Plain.", content=[])]))
    assert await ada.said() == [("USER", "Plain.")]
