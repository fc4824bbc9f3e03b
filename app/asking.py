"""Asking a model: what its call is counted by, as far as the provider has told it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from models.billing.usage_events import ModelCall
from models.providing import Delta, Finish, ProviderError


class EndedHere(ProviderError):
    """Not the provider failed: this server ends the answer for good."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


@dataclass(slots=True)
class Asking:
    """One call of a model after the other; `call` is the last one, None until it has begun."""

    model: str
    call: ModelCall | None = None

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
                        self.call = replace(begun, usage=item.usage, metadata=told)
                    else:
                        self.call = self.call or begun
                    yield item
        except ProviderError as error:
            if error.usage:
                self.call = replace(begun, usage=error.usage)
            raise
