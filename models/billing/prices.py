"""What a call of a model costs: exact, since prices have four decimal places for a million tokens
and a cost has ten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from models.providing import Price

MILLION = 6  # decimal places
MOST_TOKENS = 10**9


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one call; `cached` are among those of the `input`.

    `told` is whether the provider told both input and output: what it did not tell is 0 here.
    """

    input: int
    cached: int
    output: int
    told: bool

    @property
    def total(self) -> int:
        """Input and output together."""
        return self.input + self.output


def tokens_of(usage: Mapping[str, Any]) -> Tokens:
    """The tokens in what a provider told; whatever is no number of tokens counts as not told."""
    read, written = _number(usage, "inputTokens"), _number(usage, "outputTokens")
    cached = min(_number(usage, "cachedInputTokens") or 0, read or 0)
    told = read is not None and written is not None
    return Tokens(read or 0, cached, written or 0, told)


def cost_of(tokens: Tokens, price: Price) -> Decimal:
    """US dollars with ten decimal places, not rounded."""
    fresh = (tokens.input - tokens.cached) * price.input
    millionths = fresh + tokens.cached * price.cached_input + tokens.output * price.output
    return millionths.scaleb(-MILLION)


def pinned(price: Price) -> dict[str, str]:
    """A price as an event keeps it: what it was then, whatever the configuration says later."""
    return {
        "input": f"{price.input:f}",
        "cachedInput": f"{price.cached_input:f}",
        "output": f"{price.output:f}",
    }


def _number(usage: Mapping[str, Any], name: str) -> int | None:
    value = usage.get(name)
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None
