"""Random documents speak of `@3 prj` and `@cursor 1 projects`: here these get ids and cursors."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from tests.harness.filling import Filling
from tests.plans.grammar import Asked

CURSORS = {"cursor", "startCursor", "endCursor"}


def fitted(document: str, filling: Filling) -> str:
    """A document with ids of rows that are there."""
    return Fitting(filling).text(document)


@dataclass
class Fitting:
    """What is there to be asked for: the rows of a filling, and the cursors told so far."""

    filling: Filling
    _cursors: dict[str, deque[str]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=10))
    )

    def asked(self, asked: Asked) -> Asked:
        """A request for what is there."""
        variables = orjson.loads(self.text(orjson.dumps(asked.variables).decode()))
        return Asked(self.text(asked.document), asked.name, variables)

    def text(self, text: str) -> str:
        """A text with what is there; a cursor is null until one was told."""
        text = re.sub(r'"@cursor (\d) (\w+)"', self._cursor, text)
        return re.sub(r"@(\d) (\w+)", self._row, text)

    def learn(self, data: bytes) -> None:
        """Note the cursors of an answer, by the names of their lists at the root."""
        for key, value in (orjson.loads(data or b"null") or {}).items():
            self._cursors[key.split("_")[0]].extend(_cursors_in(value))

    @cached_property
    def _ids(self) -> dict[str, list[str]]:
        return {
            model.prefix: [id for ids in owners.values() for id in ids]
            for model, owners in self.filling.ids.items()
        }

    def _row(self, found: re.Match[str]) -> str:
        known = self._ids.get(found[2], [])
        return known[int(found[1]) % len(known)] if known else "nothing"

    def _cursor(self, found: re.Match[str]) -> str:
        known = self._cursors[found[2]]
        return f'"{known[int(found[1]) % len(known)]}"' if known else "null"


def _cursors_in(connection: Any) -> list[str]:
    """The cursors of a connection's own page, whatever their aliases."""
    if not isinstance(connection, dict):
        return []
    parts: list[Any] = []
    for key, value in connection.items():
        if key.split("_")[0] in {"edges", "pageInfo"}:
            parts += value if isinstance(value, list) else [value]
    return [
        value
        for part in parts
        for key, value in part.items()
        if key.split("_")[0] in CURSORS and isinstance(value, str)
    ]
