"""Titles: after its first answer a conversation is given one, by the model that answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog

from app.answering import Author
from app.asking import Asking
from models.chat.leases import Lease
from models.chat.titles import LONGEST, give_title, tidy, untitled
from models.errors import DomainError
from models.providing import Delta, Finish, ProviderError

PATIENCE = 20.0  # seconds
ENOUGH = 4 * LONGEST  # characters; a model that goes on is not listened to

log = structlog.get_logger()


async def title_conversation(author: Author, lease: Lease) -> None:
    """Find a title for the conversation of an answer, if it has none; the next answer tries again
    where this fails."""
    actor, models = author.actor, author.models
    found, model = await untitled(actor.database, lease.message_id), models.find(lease.model)
    if found is None or model is None:
        return
    asking, text = Asking(model.id), ""
    try:
        async with asyncio.timeout(PATIENCE):
            provider, name = models.provider_for(model.id)
            prompt = found.prompt(name, lease.generation_id)
            answer = author.keys.asked_with(provider, prompt, model, lease, asking)
            text = await _written(asking.followed(answer, "title"))
    except (ProviderError, DomainError, TimeoutError) as error:
        log.warning("title.failed", message=lease.message_id, why=str(error))
    if asking.call is not None:
        await give_title(actor, lease, found.conversation_id, tidy(text), asking.call)


async def _written(answer: AsyncGenerator[Delta | Finish, None]) -> str:
    text = ""
    async with aclosing(answer) as stream:
        async for item in stream:
            if isinstance(item, Delta) and item.kind == "text":
                text += item.text
            if len(text) > ENOUGH:
                break
    return text
