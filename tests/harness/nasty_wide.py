"""Documents that repeat one thing as often as they may."""

import re
from collections.abc import Callable

Make = Callable[[int, int], str]

_TOKEN = re.compile(r'"""(?:\\"""|.)*?"""|"(?:\\.|[^"\\])*"|[\w.]+|[^\s,\w]', re.DOTALL)


def tokens_of(text: str) -> int:
    """How many lexical tokens a short text without comments has."""
    return len(_TOKEN.findall(text))


def fill(piece: str, tokens: int, body: int = 1 << 20) -> str:
    """`piece` with `#` replaced by 0, 1, … until `tokens` or `body` characters are used."""
    count = max(1, min(tokens // tokens_of(piece), body // (len(piece) + 4)))
    return " ".join(piece.replace("#", str(number)) for number in range(count))


def wide(piece: str, around: str = "{ @ }") -> Make:
    """`around` with its `@` replaced by as many of `piece` as fit."""
    return lambda tokens, body: around.replace(
        "@", fill(piece, tokens - tokens_of(around), body - len(around))
    )


_PROJECT = "{ project(id: 1) { id } }"
_CREATE = "mutation { createProject(input: @) { project { id } } }"

MAKERS: dict[str, Make] = {
    "same leaf": wide("__typename"),
    "same leaf of an object": wide("id", "{ me { @ } }"),
    "unknown leaf": wide("nope"),
    "unknown leaves": wide("nope#"),
    "near misses": wide("projec#"),
    "same object": wide("me { id }"),
    "same object with an argument": wide('project(id: "1") { id }'),
    "same object, other arguments": wide('project(id: "#") { id }'),
    "same object, other directives": wide("me @skip(if: false) { id }"),
    "same objects inside": wide("me { me { me { id } } }"),
    "same list inside": wide('project(id: "1") { messages(first: 1) { nodes { id } } }'),
    "aliases": wide("a#: me { id }"),
    "aliases of a leaf": wide("a#: __typename"),
    "one alias of unknown fields": wide("a: nope#"),
    "one alias of two fields": wide("a: me { id } a: models { id }"),
    "directives": wide("@skip(if: true)", "{ me @ { id } }"),
    "directives, unknown": wide("@nope#", "{ me @ { id } }"),
    "directives, bare": wide("@skip", "{ me @ { id } }"),
    "directives of the operation": wide("@nope", "query @ { me { id } }"),
    "arguments": wide("a#: 1", _PROJECT.replace("id: 1", "@")),
    "same argument": wide("id: 1", _PROJECT.replace("id: 1", "@")),
    "list literal": wide("1", "{ nodes(ids: [@]) { id } }"),
    "list literal of the wrong type": wide("1.5", "{ nodes(ids: [@]) { id } }"),
    "list of strings": wide('"#"', "{ nodes(ids: [@]) { id } }"),
    "list of objects": wide("{id: 1}", "{ nodes(ids: [@]) { id } }"),
    "object literal": wide("a#: 1", _CREATE.replace("@", "{@}")),
    "object literal, same key": wide('name: "x"', _CREATE.replace("@", "{@}")),
    "JSON literal": wide("a#: 1", "{ echo(value: {@}) }"),
    "inline fragments": wide("... { id }", "{ me { @ } }"),
    "inline fragments of a type": wide("... on User { id }", "{ node(id: 1) { @ } }"),
    "inline fragments of two types": wide(
        "... on User { x: name } ... on Project { x: name }", "{ node(id: 1) { @ } }"
    ),
    "inline fragments of objects": wide("... on User { me { id } }", "{ node(id: 1) { @ } }"),
    "mutations": wide('createProject(input: {name: "#"}) { project { id } }', "mutation { @ }"),
    "aliased mutations": wide("a#: createProject(input: {}) { project { id } }", "mutation { @ }"),
    "subscribed twice": wide('messageStreamed(messageId: "#") { text }', "subscription { @ }"),
    "connections": wide("p#: projects(first: 100) { nodes { id } }"),
    "introspection": wide("__schema { types { name } }"),
    "aliased introspection": wide("a#: __schema { types { fields { args { name } } } }"),
    "introspection of fields of fields": wide(
        "fields { type { a#: fields { name } } }", "{ __schema { types { @ } } }"
    ),
    "operations": wide("query Q# { me { id } }", "@"),
    "operations of one name": wide("query Q { me { id } }", "@"),
    "anonymous operations": wide("{ me { id } }", "@"),
    "subscriptions": wide("subscription S# { messageStreamed(messageId: 1) { text } }", "@"),
    "variables": wide("$v#: ID", "query (@) { me { id } }"),
    "variables of an unknown type": wide("$v#: Nope", "query (@) { me { id } }"),
    "one variable": wide("$v: ID", "query (@) { me { id } }"),
    "variables with values": wide("$v#: [ID!] = [1, 2, 3]", "query (@) { me { id } }"),
    "uses of one variable": wide("a#: project(id: $v) { id }", "query ($v: Int) { @ }"),
    "undefined variables": wide("a#: project(id: $v#) { id }"),
    "types instead of operations": wide("type T# { a: Int }", "@"),
    "extensions of types": wide("extend type T# { a: Int }", "@"),
}
