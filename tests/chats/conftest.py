"""Importing chats in tests: as the command does, without the second it takes to start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.chats.findings import Findings
from app.chats.importing import CHATGPT, CLAUDE, import_chats
from tests.chats.exports import written
from tests.harness.api import Api, Server, StartServer
from tests.harness.verbs import id_of

PRODUCTS = {"chatgpt": CHATGPT, "claude": CLAUDE}

CONVERSATIONS = """{ conversations(first: 50) { nodes {
  id title titleSource status pinned unread createdAt updatedAt lastMessageAt } } }"""
TREE = """query ($id: ID!) { conversation(id: $id) { messages(first: 100) { nodes {
  id role content orderId selected onBranch model provider outcome finishReason createdAt
  userId parentId siblings { id content selected }
  contentParts { __typename
    ... on TextPart { text } ... on ReasoningPart { thought: text }
    ... on ToolCallPart { callId name arguments } ... on ToolResultPart { callId name result }
    ... on FilePart { url name mediaType } ... on SourcePart { source: url title } } } } } }"""

Bring = Callable[..., Awaitable[Findings]]


@dataclass
class Reader:
    """A user whose chats are imported, and who looks at them."""

    api: Api
    id: str

    async def conversations(self) -> list[dict[str, Any]]:
        """Those in use."""
        return (await self.api.run(CONVERSATIONS))["conversations"]["nodes"]

    async def shown(self, conversation: str | None = None) -> list[dict[str, Any]]:
        """The messages of the selected branch, of the only conversation if none is named."""
        if conversation is None:
            (only,) = await self.conversations()
            conversation = only["id"]
        found = await self.api.run(TREE, id=conversation)
        return found["conversation"]["messages"]["nodes"]

    async def said(self) -> list[tuple[str, str]]:
        """Who says what on the selected branch of the only conversation."""
        return [(one["role"], one["content"]) for one in await self.shown()]


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    """A server that works on nothing."""
    return await start_server(worker=False, max_cost=10**7, max_depth=20)


@pytest.fixture
async def ada(server: Server) -> Reader:
    """Whose chats they are."""
    api = server.user()
    return Reader(api, await id_of(api))


@pytest.fixture
def bring(database: str, tmp_path: Path, ada: Reader) -> Bring:
    """`findings = await bring("chatgpt", chat, …)`: import these entries, or a file."""

    async def run(product: str, *chats: Any, **options: Any) -> Findings:
        path = chats[0] if len(chats) == 1 and isinstance(chats[0], Path) else None
        path = path or written(tmp_path / "conversations.json", *chats)
        who = options.pop("who", ada.id)
        return await import_chats(database, PRODUCTS[product], path, who, **options)

    return run
