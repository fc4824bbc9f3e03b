"""`punnet import chatgpt`: conversations with their branches, as ChatGPT showed them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.chats.conftest import Bring, Reader
from tests.chats.exports import chatgpt_chat, chatgpt_node, jam, said, zipped


async def parts_of(bring: Bring, ada: Reader, role: str, **message: Any) -> dict[str, Any]:
    """The message that a node becomes which follows a question."""
    nodes = [said("q", None, "user", "A question."), said("a", "q", role, "", **message)]
    assert (await bring("chatgpt", chatgpt_chat(nodes))).flaws == {}
    _, answer = await ada.shown()
    return answer


async def test_a_conversation_comes_with_its_branches(bring: Bring, ada: Reader) -> None:
    findings = await bring("chatgpt", jam())
    assert findings.flaws == {}
    assert findings.counts["messages added"] == 5
    question, answer, *_ = await ada.shown()
    assert await ada.said() == [
        ("USER", "How do I cook quince jam?"),
        ("ASSISTANT", "Slowly."),
        ("USER", "How slowly?"),
        ("ASSISTANT", "Two hours."),
    ]
    assert (question["userId"], question["parentId"]) == (ada.id, None)
    assert (answer["model"], answer["provider"]) == ("gpt-4o", "openai")
    assert (answer["outcome"], answer["userId"]) == ("SUCCEEDED", None)
    assert answer["createdAt"] == "2023-11-14T22:13:21.250Z"
    versions = [(one["content"], one["selected"]) for one in answer["siblings"]]
    assert versions == [("Slowly.", True), ("With sugar.", False)]


async def test_the_conversation_is_as_it_was(bring: Bring, ada: Reader) -> None:
    await bring(
        "chatgpt", jam(is_starred=True), jam(id="2", title=None), jam(id="3", is_archived=True)
    )
    (untitled,) = await ada.conversations()
    assert (untitled["title"], untitled["titleSource"]) == ("New chat", None)
    found = await ada.api.run(
        "{ pinnedConversations { nodes { title titleSource createdAt updatedAt unread } }"
        " archivedConversations { nodes { title } } }"
    )
    assert found["pinnedConversations"]["nodes"] == [
        {
            "title": "Quince jam",
            "titleSource": "MODEL",
            "createdAt": "2023-11-14T22:13:20.250Z",
            "updatedAt": "2023-11-14T22:14:20.250Z",
            "unread": False,
        }
    ]
    assert len(found["archivedConversations"]["nodes"]) == 1


async def test_one_can_go_on(bring: Bring, ada: Reader) -> None:
    await bring("chatgpt", jam())
    (only,) = await ada.conversations()
    to = {"conversationId": only["id"]}
    await ada.api.do("sendMessage", "{ message { id } }", to=to, content="Thank you.")
    assert (await ada.said())[-2][1] == "Thank you."


async def test_an_answer_is_written_anew_by_a_model_of_this_server(
    bring: Bring, ada: Reader
) -> None:
    await bring("chatgpt", jam())
    _, answer, *_ = await ada.shown()
    made = await ada.api.do("regenerateMessage", "{ reply { model } }", id=answer["id"])
    assert (answer["model"], made["reply"]["model"]) == ("gpt-4o", "mock:raypx-1")


async def test_hidden_nodes_lead_on(bring: Bring, ada: Reader) -> None:
    nodes = [
        said("q", None, "user", "One."),
        said("context", "q", "user", "", content={"content_type": "user_editable_context"}),
        chatgpt_node("empty", "context", None),
        said("blank", "empty", "assistant", " "),
        said("a", "blank", "assistant", "Two."),
    ]
    assert (await bring("chatgpt", chatgpt_chat(nodes))).flaws == {}
    assert await ada.said() == [("USER", "One."), ("ASSISTANT", "Two.")]


async def test_calls_of_tools_and_what_they_gave(bring: Bring, ada: Reader) -> None:
    code = {"content_type": "code", "language": "python", "text": "print(6 * 7)"}
    nodes = [
        said("q", None, "user", "What is 6 times 7?"),
        said("call", "q", "assistant", "", content=code, recipient="python"),
        said(
            "result", "call", "tool", "", name="python",
            content={"content_type": "execution_output", "text": "42"},
        ),
        said("a", "result", "assistant", "It is 42."),
    ]  # fmt: skip
    assert (await bring("chatgpt", chatgpt_chat(nodes))).flaws == {}
    _, call, result, answer = await ada.shown()
    assert call["contentParts"] == [
        {
            "__typename": "ToolCallPart",
            "callId": "call",
            "name": "python",
            "arguments": "print(6 * 7)",
        }
    ]
    assert (result["role"], result["content"]) == ("TOOL", "42")
    assert result["contentParts"] == [
        {"__typename": "ToolResultPart", "callId": "call", "name": "python", "result": "42"}
    ]
    assert answer["contentParts"] == [{"__typename": "TextPart", "text": "It is 42."}]


async def test_what_a_model_thought(bring: Bring, ada: Reader) -> None:
    thoughts = [{"summary": "Planning", "content": "I count."}, {"summary": "", "content": "Done."}]
    content = {"content_type": "thoughts", "thoughts": thoughts}
    answer = await parts_of(bring, ada, "assistant", content=content)
    told = [(one["__typename"], one["thought"]) for one in answer["contentParts"]]
    assert told == [("ReasoningPart", "Planning\n\nI count."), ("ReasoningPart", "Done.")]
    assert answer["content"] == ""


async def test_pictures_and_files(bring: Bring, ada: Reader) -> None:
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://file-1"}
    strange = picture | {"asset_pointer": "javascript:alert(1)"}
    spoken = {"content_type": "audio_transcription", "text": "Out loud."}
    content = {"content_type": "multimodal_text", "parts": [picture, strange, "Look.", spoken]}
    files = [
        {"id": "file-1", "name": "a.png"},
        {"id": "file-2", "name": "b.pdf", "mime_type": "application/pdf"},
    ]
    answer = await parts_of(bring, ada, "user", content=content, metadata={"attachments": files})
    assert answer["content"] == "Look.\n\nOut loud."
    assert [one for one in answer["contentParts"] if one["__typename"] == "FilePart"] == [
        {
            "__typename": "FilePart",
            "url": None,
            "name": None,
            "mediaType": "image",
        },
        {
            "__typename": "FilePart",
            "url": None,
            "name": "b.pdf",
            "mediaType": "application/pdf",
        },
    ]


async def test_sources_are_safe_addresses_each_once(bring: Bring, ada: Reader) -> None:
    page = {"url": "https://example.com/jam", "title": "Jam"}
    cited = [{"metadata": page}, {"metadata": {"url": "javascript:alert(1)"}}, {"metadata": None}]
    grouped = [{"type": "webpage", "items": [page, {"url": "https://example.com/pears"}]}]
    content = {"content_type": "text", "parts": ["See there."]}
    metadata = {"citations": cited, "content_references": grouped}
    answer = await parts_of(bring, ada, "assistant", content=content, metadata=metadata)
    _, *sources = answer["contentParts"]
    assert [(one["source"], one["title"]) for one in sources] == [
        ("https://example.com/jam", "Jam"),
        ("https://example.com/pears", None),
    ]


async def test_an_answer_that_was_being_written_failed(bring: Bring, ada: Reader) -> None:
    content = {"content_type": "text", "parts": ["It is"]}
    answer = await parts_of(bring, ada, "assistant", content=content, status="in_progress")
    assert (answer["content"], answer["outcome"]) == ("It is", "FAILED")


async def test_the_zip_may_have_several_files(bring: Bring, ada: Reader, tmp_path: Path) -> None:
    files = {
        "conversations-000.json": [jam(id="1")],
        "conversations-001.json": [jam(id="2", title="Pears")],
        "user.json": {"email": "x"},
        "../conversations.json": [jam(id="3", title="Plums")],
    }
    await bring("chatgpt", zipped(tmp_path / "export.zip", files))
    titles = [one["title"] for one in await ada.conversations()]
    assert sorted(titles) == ["Pears", "Plums", "Quince jam"]
