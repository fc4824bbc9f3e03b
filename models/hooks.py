"""Effects upward inside a transaction: chat says what happened, the packages above it act.

A hook is called within the verb's transaction, so its effects commit with the cause. What is to
happen after a commit follows the event log instead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Hook(Generic[P]):
    """A point that packages above may attach to; they are found by walking the packages."""

    def __init__(self) -> None:
        self._effects: list[Callable[P, Awaitable[None]]] = []

    def attach(self, effect: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
        """Attach an effect; usable as a decorator."""
        self._effects.append(effect)
        return effect

    async def __call__(self, *args: P.args, **options: P.kwargs) -> None:
        for effect in self._effects:
            await effect(*args, **options)
