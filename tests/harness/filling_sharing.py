"""The links of a filled database's conversations, and what is thought of their messages."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from models.chat.message_feedback import MessageFeedback
from models.chat.share_links import ShareLink

if TYPE_CHECKING:
    from tests.harness.filling import Filling


def token_of(conversation: str) -> str:
    """The token of a conversation's live link."""
    return f"live {conversation}"


def add_sharing(filling: Filling, user: str, conversation: str, newest: str | None) -> None:
    """Add a live link of a conversation and, where there is one, a rating of its newest message."""
    hashed = hashlib.sha256(token_of(conversation).encode()).hexdigest()
    about = {"conversation_id": conversation, "user_id": user, "mode": "token", "people": []}
    filling.add(ShareLink, user, **about, token_hash=hashed)
    if newest is not None:
        filling.add(MessageFeedback, user, message_id=newest, user_id=user, rating=1)
