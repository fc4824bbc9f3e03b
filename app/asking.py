"""Asking a model: what its call is counted by, as far as the provider has told it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from models.billing.usage_events import ModelCall
from models.providing import OWN_KEY, Delta, Finish, ProviderError


class EndedHere(ProviderError):
    """Not the provider failed: this server ends the answer for good."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


@dataclass(slots=True)
class Asking:
    """One call of a model after the other; `call` is the last one, None until it has begun.

    `own_key` says whether it is asked with a key of the user's own.
    """

    model: str
    call: ModelCall | None = None
    own_key: bool = False

    def marked(self, usage: Mapping[str, Any]) -> dict[str, Any]:
        """What a provider told of the tokens, and whose key it was."""
        return {**usage} | ({OWN_KEY: True} if self.own_key else {})

    async def followed(
        self, stream: AsyncGenerator[Delta | Finish, None], number: int | str
    ) -> AsyncGenerator[Delta | Finish, None]:
        """A provider's answer to call `number`, as it comes. Raises ProviderError."""
        begun, self.call = ModelCall(self.model, number), None
        try:
            async with aclosing(stream):
                async for item in stream:
                    if isinstance(item, Finish):
                        told = {"finishReason": item.reason} | item.metadata
                        usage = self.marked(item.usage)
                        self.call = replace(begun, usage=usage, metadata=told)
                        yield replace(item, usage=usage)
                        continue
                    self.call = self.call or replace(begun, usage=self.marked({}))
                    yield item
        except ProviderError as error:
            if error.usage:
                self.call = replace(begun, usage=self.marked(error.usage))
            raise
