"""A snapshot of the chat app in our own words: every table and field, nothing amiss."""

from __future__ import annotations

from typing import Any

from tests.convex.snapshots import MINUTE, START, SnapshotFile
from tests.harness.uploading import image

NINA, PAUL, GUEST = "user_nina", "user_paul", "anon_5f1c"
SITE = "https://quick-otter-12.convex.cloud/api/storage"
CSV = b"plum,3\nquince,5\n"


def chats() -> SnapshotFile:
    """Two users and a guest, a folder, chats with all kinds of messages, and files."""
    made = SnapshotFile()
    nina, paul, guest = _users(made)
    _settings(made, nina)
    folder = made.add("projects", START + 5.5, userId=nina, name="Jams")
    chat = made.add(
        "chats", START + MINUTE, userId=nina, title="Quince", model="claude-4-opus",
        systemPrompt="Be brief.", projectId=folder, public=True, pinned=True,
        pinnedAt=START + 2 * MINUTE, updatedAt=START + 9 * MINUTE,
    )  # fmt: skip
    _talk(made, nina, chat)
    made.add("chats", START + 3 * MINUTE, userId=paul, public=False, pinned=False)
    made.add("chats", START + 4 * MINUTE, userId=guest, title="Hi", public=False, pinned=False)
    made.add("embeddings", START + 7, userId=nina, embedding=[0.25, 0.5])
    return made


def _users(made: SnapshotFile) -> tuple[str, str, str]:
    nina = made.add(
        "users", START + 0.5, clerkId=NINA, email="Nina@Example.com", displayName="Nina",
        profileImage="https://img.example.com/nina.png", anonymous=False, premium=True,
        messageCount=41, dailyMessageCount=7, dailyReset=START + 1, dailyProMessageCount=3,
        dailyProReset=START + 2, lastActiveAt=START + 3,
        favoriteModels=["claude-4-opus", "gpt-5-mini"], systemPrompt="I grow quinces.",
    )  # fmt: skip
    paul = made.add("users", START + 1.5, clerkId=PAUL, email="paul@example.com")
    guest = made.add(
        "users", START + 2.5, clerkId=GUEST, email=f"{GUEST}@anonymous.example", anonymous=True
    )
    return nina, paul, guest


def _settings(made: SnapshotFile, user: str) -> None:
    made.add(
        "userPreferences", START + 3.5, userId=user, layout="sidebar", promptSuggestions=False,
        showToolInvocations=False, showConversationPreviews=False, multiModelEnabled=True,
        hiddenModels=["grok-4"],
    )  # fmt: skip
    made.add(
        "userKeys", START + 4.5, userId=user, provider="openai", encryptedKey="c2VjcmV0", iv="aXY="
    )
    made.add("feedback", START + 6.5, userId=user, message="More jam, please.")
    made.add(
        "anonymousUsage", START + 8.5, anonymousId="visitor-9", dailyMessageCount=4,
        dailyReset=START + 8,
    )  # fmt: skip


def _talk(made: SnapshotFile, user: str, chat: str) -> None:
    """Six messages, told apart by orderId alone, since all were made at once."""
    picture = made.store(START + 20, image(), "image/png", ".png")
    table = made.store(START + 21, CSV, "text/csv; charset=utf-8")
    shown = f"{SITE}/0a1b"
    for storage, url, name, kind, size in (
        (picture, shown, "tree.png", "image/png", len(image())),
        (table, f"{SITE}/9f8e", "yield.csv", "text/csv", len(CSV)),
    ):
        made.add(
            "chatAttachments", START + 22, chatId=chat, userId=user, storageId=storage, fileUrl=url,
            fileName=name, fileType=kind, fileSize=size,
        )  # fmt: skip
    listed = [
        {"name": "tree.png", "contentType": "image/png", "url": shown},
        {"name": "recipe", "contentType": "text/html", "url": "https://jam.example.com/quince"},
    ]
    parts = [{"type": "reasoning", "text": "Hard fruit."}, {"type": "text", "text": "Simmer it."}]
    said: list[dict[str, Any]] = [
        {"role": "system", "content": "Answer in English."},
        {"role": "user", "content": "How?", "userId": user, "attachments": listed},
        {"role": "assistant", "parts": parts, "model": "claude-4-opus", "messageGroupId": "g1"},
        {"role": "assistant", "content": "Boil.", "model": "gpt-5-mini", "messageGroupId": "g1"},
        {"role": "user", "content": "For how long?"},
        {"role": "data", "content": '{"minutes": 40}'},
    ]
    for number, fields in reversed(list(enumerate(said, 1))):
        made.add("messages", START + MINUTE + 30, chatId=chat, orderId=number, **fields)
