"""Values that are JSON or GraphQL but that neither the domain nor PostgreSQL can hold."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias, cast

from graphql import DocumentNode, FloatValueNode, IntValueNode, Node, StringValueNode

from models.errors import Invalid

MAX_NESTING = 100
"""Lists and objects inside each other in one value."""

MAX_STEPS = 6
"""Steps of a path that errors name; what is deeper lies in a JSON value."""

MAX_VALUES = 20_000
"""Values in all objects and lists together; each costs some microseconds on its way."""

INT64 = 2**63

SURROGATE = re.compile("[\ud800-\udfff]")

SUSPICIOUS = re.compile(r"\x00|\\u|\d{19}|[eE][+-]?\d{3}")
"""Only a source with one of these can hold a literal worth looking for."""


def check_value(value: object) -> None:
    """Refuse NUL, lone surrogates, numbers beyond 64 bits, deep nesting and too many values.

    Raises Invalid. Takes time in proportion to the value and never recurses. Keys are checked too.
    """
    if not isinstance(value, dict | list):
        _check_single(value)
        return
    stack = [(cast("dict[str, object] | list[object]", value), 1)]
    seen = 0
    while stack:
        container, depth = stack.pop()
        seen += len(container)
        if seen > MAX_VALUES:
            raise Invalid(f"There may be {MAX_VALUES:,} values.")
        for item in parts(container):
            if not isinstance(item, dict | list):
                _check_single(item)
            elif depth == MAX_NESTING:
                raise Invalid(f"Values may be nested {MAX_NESTING} deep.")
            else:
                stack.append((cast("dict[str, object] | list[object]", item), depth + 1))


def _check_single(value: object) -> None:
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, int | float):
        check_number(value)


def check_variables(variables: dict[str, object]) -> None:
    """The same for a request's variables; the Invalid it raises names the field."""
    try:
        check_value(variables)
    except Invalid as error:
        raise Invalid(error.message, field=field_path(_first_bad(variables)) or None) from error


def field_path(path: Sequence[object]) -> str:
    """A path below the variables as errors name it: mutations' `$input` itself is left out."""
    below = path[1:] if len(path) > 1 and path[0] == "input" else path
    return ".".join(map(str, below[:MAX_STEPS]))


_Path: TypeAlias = tuple["_Path | None", object]


def _first_bad(variables: dict[str, object]) -> list[object]:
    """The path of a value that check_value refuses; as slow as that, so only for refusals."""
    stack: list[tuple[object, _Path | None, int]] = [(variables, None, 0)]
    seen = 0
    while stack:
        item, path, depth = stack.pop()
        if isinstance(item, dict | list) and depth < MAX_NESTING:
            seen += len(cast("dict[object, object] | list[object]", item))
            if seen > MAX_VALUES:
                return _steps(path)
            container = cast("dict[object, object] | list[object]", item)
            pairs = container.items() if isinstance(container, dict) else enumerate(container)
            for key, inner in cast("Iterable[tuple[object, object]]", pairs):
                if isinstance(key, str) and not _is_fine(key):
                    return _steps(path)
                stack.append((inner, (path, key), depth + 1))
        elif not _is_fine(cast("object", item)):
            return _steps(path)
    return []


def _is_fine(value: object) -> bool:
    if isinstance(value, dict | list):
        return False  # it is nested too deep
    try:
        check_value(value)
    except Invalid:
        return False
    return True


def _steps(path: _Path | None) -> list[object]:
    found: list[object] = []
    while path is not None:
        path, key = path
        found.append(key)
    return found[::-1]


def parts(container: dict[str, object] | list[object]) -> Iterator[object]:
    """The items of a list; the keys and values of an object."""
    if isinstance(container, dict):
        yield from container
        yield from container.values()
    else:
        yield from container


def check_text(text: str) -> None:
    """Raise Invalid for text that PostgreSQL cannot store."""
    if "\0" in text:
        raise Invalid("Text must not contain NUL.")
    if not text.isascii() and SURROGATE.search(text):
        raise Invalid("Text must not contain lone surrogates.")


def check_number(number: float) -> None:
    """Raise Invalid beyond 64 bits. JSON readers turn larger integers into floats."""
    lowest = -INT64 if isinstance(number, int) else math.nextafter(-INT64, 0)
    if not lowest <= number < INT64:
        raise Invalid("Numbers must fit 64 bits.")


def check_literals(source: str, document: DocumentNode) -> None:
    """The same for the literals of a document; raises Invalid."""
    if not SUSPICIOUS.search(source):
        return
    stack: list[Node] = [document]
    while stack:
        node = stack.pop()
        check_literal(node)
        stack.extend(children(node))


def check_literal(node: Node) -> None:
    """Raise Invalid for a literal that no type can take."""
    if isinstance(node, StringValueNode):
        check_text(node.value)
    elif isinstance(node, IntValueNode):
        # 5,000 digits are too many even for int() to read.
        if len(node.value) > 20 or not -INT64 <= int(node.value) < INT64:
            raise Invalid("Numbers must fit 64 bits.")
    elif isinstance(node, FloatValueNode) and not math.isfinite(float(node.value)):
        raise Invalid("Numbers must fit 64 bits.")


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below, in no particular order."""
    for key in node.keys:
        value = cast("object", getattr(node, key, None))
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in cast("tuple[object]", value) if isinstance(item, Node))
