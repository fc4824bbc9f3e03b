"""Documents that nest, or whose single tokens are very long."""

from tests.harness.nasty_wide import Make, fill, tokens_of


def _deep(open_: str, close: str, around: str) -> Make:
    """`around` with `@` in the middle of as many `open_` and `close` as fit."""
    before, after = around.split("@")

    def make(tokens: int, body: int) -> str:
        count = (tokens - tokens_of(around)) // (tokens_of(open_) + tokens_of(close))
        return before + open_ * count + "1" * ("[" in open_) + close * count + after

    return make


def _long(piece: str, around: str) -> Make:
    """`around` with `@` replaced by `piece` until the body is full."""

    def make(_tokens: int, body: int) -> str:
        return around.replace("@", piece * ((body - len(around)) // len(piece)))

    return make


def _names(piece: str, around: str, each: int | None = None) -> Make:
    """As many of `piece` as tokens allow, its `%` so long that they fill the body."""

    def make(tokens: int, body: int) -> str:
        count = (tokens - tokens_of(around)) // tokens_of(piece)
        length = each or (body - len(around)) // count - len(piece) - 5
        filled = fill(piece.replace("%", "1" * length), count * tokens_of(piece), body)
        return around.replace("@", filled)

    return make


def _long_operation_name(tokens: int, body: int) -> str:
    fields = fill("a#: project(id: $v#) { id }", tokens - 20)
    return "query Q" + "Q" * (body - len(fields) - 20) + " { " + fields + " }"


def _nested_objects(tokens: int, body: int) -> str:
    """Each object lacks a required field, and an error may print all that is inside."""
    count = min(60, tokens // 8)
    text = "x" * (body - 12 * count - 100)
    inner = "{to: " * count + f'{{description: "{text}"}}' + "}" * count
    return f"mutation {{ createProject(input: {inner}) {{ project {{ id }} }} }}"


def _comments(piece: str) -> Make:
    return _long(piece, "{ me { id } }\n@")


MAKERS: dict[str, Make] = {
    "deep fields": _deep("{ me ", "}", "{ me @{ id } }"),
    "deep fields, cut off": _deep("{ a ", "", "{ me @"),
    "deep inline fragments": _deep("... { ", "} ", "{ me { @ id } }"),
    "deep connections": _deep(
        "{ messages(first: 100) { nodes { project ", "} } }", "{ project(id: 1) @{ id } }"
    ),
    "deep introspection": _deep("{ fields { type ", "} } ", "{ __schema { types @{ name } } }"),
    "deep chain of types": _deep("{ ofType ", "}", "{ __schema { types @{ name } } }"),
    "deep list literal": _deep("[", "]", "{ nodes(ids: @) { id } }"),
    "deep list literal, cut off": _deep("[", "", "{ nodes(ids: @"),
    "deep object literal": _deep("{a: [", "]}", "{ nodes(ids: @) { id } }"),
    "deep JSON literal": _deep("[", "]", "{ echo(value: @) }"),
    "deep default value": _deep("[", "]", "query ($a: [ID!] = @) { nodes(ids: $a) { id } }"),
    "deep type": _deep("[", "]", "query ($a: @) { nodes(ids: $a) { id } }"),
    "closed too often": _long("}", "{ me { id } }@"),
    "objects in objects": _nested_objects,
    "comments": _comments("#\n"),
    "comments with brackets": _comments("#{[(\n"),
    "one long comment": _long("{[(", "{ me { id } } #@"),
    "commas": _long(",", "{ me { id } }@"),
    "line ends": _long("\n", "{ me { id } @ }"),
    "line ends and unknown fields": lambda tokens, body: (
        "{ me { id }" + "\n" * (body - tokens * 5) + fill("a", tokens - 20) + " }"
    ),
    "long name": _long("x", "{ @ }"),
    "long names": _names("x%x#", "{ @ }"),
    "long near misses": _names("projects%x#", "{ @ }"),
    "long names of fragments": _names("...F%x#", "{ @ }"),
    "long names of types": _names("... on T%x# { id }", "{ @ }"),
    "long names of variables": _names("a#: project(id: $v%x#) { id }", "{ @ }"),
    "long operation name": _long_operation_name,
    "long string": _long("x", '{ project(id: "@") { id } }'),
    "long string of escapes": _long("\\n", '{ project(id: "@") { id } }'),
    "long string of code points": _long("\\u{1F600}", '{ project(id: "@") { id } }'),
    "long string of the wrong type": _long("x", '{ projects(first: "@") { nodes { id } } }'),
    "long strings of the wrong type": _names('a#: projects(first: "%") { edges }', "{ @ }"),
    "long block string": _long("x", '{ project(id: """@""") { id } }'),
    "long block string of lines": _long(" \n", '{ project(id: """@""") { id } }'),
    "long block string of quotes": _long('\\"""', '{ project(id: """@""") { id } }'),
    "unterminated string": _long("x", '{ project(id: "@'),
    "unterminated block string": _long('\\"""', '{ project(id: """@'),
    "unterminated block strings": _long('""" ""', '{ project(id: "@'),
    "backslashes": _long("\\", "{ me { id } } @"),
    "quotes": _long('"', "{ project(id: @"),
    "dots": _long(".", "{ me { id } } @"),
    "brackets in a string": _long("{[(", '{ project(id: "@") { id } }'),
    "long integer": _long("9", "{ projects(first: @) { nodes { id } } }"),
    "long integers": _names("a#: projects(first: %) { edges }", "{ @ }", 4_200),
    "long float": _long("9", "{ echo(value: 1.@) }"),
    "long exponent": _long("9", "{ echo(value: 1e@) }"),
    "long identifier of digits": _long("9", "{ project(id: @) { id } }"),
}
