"""Titles: after its first answer a conversation is given one, by the model that answered."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import structlog

from models.chat.leases import Lease
from models.chat.titles import LONGEST, give_title, tidy, untitled
from models.errors import DomainError
from models.providing import Delta, ModelCatalogue, ModelProvider, Prompt, ProviderError
from models.verbs import Actor

PATIENCE = 20.0  # seconds
ENOUGH = 4 * LONGEST  # characters; a model that goes on is not listened to

log = structlog.get_logger()


async def title_conversation(actor: Actor, models: ModelCatalogue, lease: Lease) -> None:
    """Find a title for the conversation of an answer, if it has none; the next answer tries again
    where this fails."""
    found = await untitled(actor.database, lease.message_id)
    if found is None:
        return
    try:
        async with asyncio.timeout(PATIENCE):
            provider, name = models.provider_for(lease.model)
            text = await _written(provider, found.prompt(name, lease.generation_id))
    except (ProviderError, DomainError, TimeoutError) as error:
        log.warning("title.failed", message=lease.message_id, why=str(error))
        return
    if title := tidy(text):
        await give_title(actor, found.conversation_id, title)


async def _written(provider: ModelProvider, prompt: Prompt) -> str:
    text = ""
    async with aclosing(provider.stream(prompt)) as stream:
        async for item in stream:
            if isinstance(item, Delta) and item.kind == "text":
                text += item.text
            if len(text) > ENOUGH:
                break
    return text
