"""Calls that wait for a person, and the decisions on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.harness.api import Api
from tests.harness.eventually import eventually

WAITING = """query($id: ID!) { message(id: $id) { status outcome content
  contentParts { __typename }
  toolCalls { id name state arguments expiresAt decidedById decidedAt endedAt } } }"""


def deleting(notes: Path, times: int = 1) -> str:
    """What has the mock model call the tool that needs approval."""
    return f"[[call:delete {json.dumps({'to': str(notes)})}]]" * times


async def waiting(user: Api, id: str) -> dict[str, Any]:
    """A message once it waits for a person."""

    async def look() -> Any:
        found = (await user.run(WAITING, id=id))["message"]
        return found if found["outcome"] == "AWAITING_APPROVAL" else None

    return await eventually(look, 10)


async def approve(user: Api, id: str) -> dict[str, Any]:
    """Approve a call."""
    made = await user.do("approveToolCall", "{ toolCall { state decidedById } }", id=id)
    return made["toolCall"]


async def deny(user: Api, id: str) -> dict[str, Any]:
    """Deny a call."""
    made = await user.do("denyToolCall", "{ toolCall { state decidedById } }", id=id)
    return made["toolCall"]
