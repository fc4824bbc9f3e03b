"""Documents made to hurt a GraphQL server, for tests in process and over HTTP.

They use the fields of `example.graphql`, which has the shape of the server's own schema, so that
most of them get past the first checks of either.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.harness import nasty_fragments, nasty_texts, nasty_wide


@dataclass(frozen=True, slots=True)
class Nasty:
    """One document and its short name."""

    name: str
    source: str


def documents(tokens: int = 4_000, body: int = 1 << 20) -> Iterator[Nasty]:
    """Every document, as large as `tokens` and `body` (characters) allow, made when asked for."""
    for makers in (nasty_wide.MAKERS, nasty_fragments.MAKERS, nasty_texts.MAKERS):
        for name, make in makers.items():
            yield Nasty(name, make(tokens, body))


def deep_value(depth: int) -> Any:
    """A JSON list nested `depth` times, for variables."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value
