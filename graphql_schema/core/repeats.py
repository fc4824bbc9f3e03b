"""Variables used many times over: a small request must not grow into a huge one.

Each use of a variable stands for the whole value again once it is hashed, checked or stored, so
1 MB used a thousand times would be a gigabyte.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from graphql import DocumentNode, Node, VariableDefinitionNode, VariableNode

from graphql_schema.core.values import children
from models.errors import TooCostly

MOST = 4 << 20
"""Bytes that all uses of repeated variables may come to, as JSON."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A variable that is used more than once; `default` is the size of its default's text."""

    uses: int
    default: int


def repeats_of(document: DocumentNode) -> dict[str, Repeat]:
    """The variables that the document uses more than once; linear in its length."""
    uses: dict[str, int] = {}
    defaults: dict[str, int] = {}
    stack: list[Node] = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, VariableDefinitionNode):
            name, value = node.variable.name.value, node.default_value
            size = value.loc.end - value.loc.start if value is not None and value.loc else 0
            defaults[name] = max(size, defaults.get(name, 0))
        elif isinstance(node, VariableNode):
            uses[node.name.value] = uses.get(node.name.value, 0) + 1
        else:
            stack.extend(children(node))
    return {name: Repeat(n, defaults.get(name, 0)) for name, n in uses.items() if n > 1}


def check_repeats(repeats: Mapping[str, Repeat], variables: Mapping[str, object]) -> None:
    """Raise TooCostly when the repeated variables come to more than MOST bytes."""
    total = 0
    for name, repeat in repeats.items():
        given = name in variables
        size = len(orjson.dumps(variables[name])) if given else repeat.default
        total += repeat.uses * size
    if total > MOST:
        raise TooCostly(f"The variables come to {total} bytes with each use; the limit is {MOST}.")
