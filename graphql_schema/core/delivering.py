"""How an event goes straight from its source to whoever sends it, past all that can wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Encode: TypeAlias = Callable[[Any], bytes | None]
"""Makes the `data` of an event at once, or None where it can't."""

Deliver: TypeAlias = Callable[[bytes], bool]
"""Takes the `data` of an event at once; False when it can't, and the event is to wait."""


class Direct:
    """Takes an event at once; gives False when it has to wait. See models.ports.Sink.

    There is one for each subscriber. An object with slots lies in one place of the memory, a
    closure in four, and fetching them is what it costs to tell thousands of the same event.
    """

    __slots__ = ("_deliver", "_encode")

    def __init__(self, encode: Encode, deliver: Deliver) -> None:
        self._encode = encode
        self._deliver = deliver

    def __call__(self, event: Any) -> bool:
        data = self._encode(event)
        return data is not None and self._deliver(data)
