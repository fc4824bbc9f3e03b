"""Whose key an answer is asked with: the server's, or the user's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from app.asking import Asking
from models.accounts.user_keys import KeyMode, UserKey, key_of, note_use
from models.chat.leases import Lease
from models.ports import Vault
from models.providing import (
    AnswerError,
    Delta,
    Finish,
    ModelInfo,
    ModelProvider,
    Prompt,
    ProviderError,
)
from models.verbs import Actor

MISSING = "This model needs a key of your own."
UNREADABLE = "Your key for the provider can't be read any more; set it again."

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """Finds users' own keys, which stay encrypted until a provider is called."""

    actor: Actor
    vault: Vault

    async def asked_with(
        self,
        provider: ModelProvider,
        prompt: Prompt,
        model: ModelInfo,
        lease: Lease,
        asking: Asking,
    ) -> AsyncGenerator[Delta | Finish, None]:
        """A provider's answer, asked with one key after the other: the next is used where one is
        refused or used up before it brought a word. `asking` is told whose. Raises ProviderError.
        """
        keys = await self._keys(model, lease)
        if not keys:
            raise ProviderError(MISSING, retryable=False, code=AnswerError.KEY_MISSING)
        for number, key in enumerate(keys, 1):
            begun, asking.own_key = False, key is not None
            try:
                opened = None if key is None else await self._taken(key)
                async with aclosing(provider.stream(prompt, opened)) as stream:
                    async for item in stream:
                        begun = True
                        yield item
            except ProviderError as error:
                if begun or not error.denied or number == len(keys):
                    raise
            else:
                return

    async def _keys(self, model: ModelInfo, lease: Lease) -> Sequence[UserKey | None]:
        """The keys to use, in this order; None is the server's, which somebody has to pay for."""
        servers = [None] if model.available and not lease.own_key else []
        if not model.takes_key:
            return servers
        own = await key_of(self.actor.database, lease.user_id, model.provider)
        if own is None:
            return servers
        return [own] if own.mode is KeyMode.PRIORITY else [*servers, own]

    async def _taken(self, key: UserKey) -> str:
        text = key.open_key(self.vault)
        if text is None:
            log.warning("user_key.unreadable", key=key.id)
            raise ProviderError(UNREADABLE, retryable=False, code=AnswerError.KEY_MISSING)
        await note_use(self.actor.database, key, self.actor.clock.now())
        return text
