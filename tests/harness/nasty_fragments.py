"""Documents whose fragments stand for far more than their text."""

from collections.abc import Callable

from tests.harness.nasty_wide import Make, fill, tokens_of, wide


def _levels(inner: str, on: str, start: str, most: int = 1 << 30) -> Make:
    """A chain of fragments; `inner` names the next one with `#`."""
    one = f"fragment F# on {on} {{ {inner} }} "

    def make(tokens: int, _body: int) -> str:
        count = min(most, (tokens - tokens_of(start) - 8) // tokens_of(one))
        text = "".join(
            one.replace("#", str(number), 1).replace("#", str(number + 1))
            for number in range(count)
        )
        return f"{start} {text} fragment F{count} on {on} {{ id }}"

    return make


def _cycle(most: int) -> Make:
    def make(tokens: int, _body: int) -> str:
        count = min(most, (tokens - 20) // 8)
        text = (f"fragment F{n} on User {{ ...F{(n + 1) % count} }}" for n in range(count))
        return "{ me { ...F0 } } " + " ".join(text)

    return make


def _mesh(count_of: Callable[[int], int], *, forward: bool) -> Make:
    """Fragments that each spread all others, or all that follow."""

    def make(tokens: int, _body: int) -> str:
        count = count_of(tokens)
        text = ""
        for number in range(count):
            first = number + 1 if forward else 0
            spreads = " ".join(f"...F{other}" for other in range(first, count)) or "id"
            text += f"fragment F{number} on User {{ {spreads} }} "
        return f"{{ me {{ ...F0 }} }} {text}"

    return make


def _shared(operation: str, held: str) -> Make:
    """Half of the tokens for operations that spread one fragment, half for what it holds."""

    def make(tokens: int, body: int) -> str:
        uses = fill(operation, tokens // 2, body // 2)
        return f"{uses} fragment F on Query {{ {fill(held, tokens // 2 - 20, body // 2)} }}"

    return make


def _spread_all(held: str, start: str) -> Make:
    """As many fragments as fit, all spread at one place (`@`)."""
    one = f"fragment F# on User {{ {held} }}"

    def make(tokens: int, body: int) -> str:
        share = (tokens - tokens_of(start) - 20) * 2 // (tokens_of(one) + 2)
        spreads = fill("...F#", share)
        return start.replace("@", spreads) + fill(one, share // 2 * tokens_of(one), body // 2)

    return make


def _two_sides(held: str) -> Make:
    """Two fields of one response name, each with half of the fragments: pairs must be compared."""
    one = f"fragment F# on User {{ {held} }}"

    def make(tokens: int, body: int) -> str:
        count = (tokens - 20) // (tokens_of(one) + 2)
        names = [f"...F{number}" for number in range(count)]
        left, right = " ".join(names[: count // 2]), " ".join(names[count // 2 :])
        text = fill(one, count * tokens_of(one), body // 2)
        return f"{{ me {{ {left} }} me {{ {right} }} }} {text}"

    return make


_ME = "{ me { ...F0 } }"
_ONE = "{ project(id: 1) { ...F0 } }"
_TWICE = "a: conversation { project { ...F# } } b: conversation { project { ...F# } }"
_SAME = "conversation { project { ...F# id } } conversation { project { ...F# name } }"

MAKERS: dict[str, Make] = {
    "fragment chain": _levels("...F#", "User", _ME),
    "fragment chain in fields": _levels("me { ...F# }", "User", _ME),
    "fragments doubling": _levels("...F# ...F#", "Project", _ONE),
    "fragments doubling, 30 levels": _levels("...F# ...F#", "Project", _ONE, 30),
    "fragments doubling in fields": _levels(_TWICE, "Project", _ONE),
    "fragments doubling in fields, 4 levels": _levels(_TWICE, "Project", _ONE, 4),
    "fragments doubling in one field": _levels(_SAME, "Project", _ONE),
    "fragments doubling in one field, 5 levels": _levels(_SAME, "Project", _ONE, 5),
    "fragments doubling in inline fragments": _levels(
        "... { ...F# } ... { ...F# }", "Project", _ONE, 150
    ),
    "fragment cycle of 1": _cycle(1),
    "fragment cycle of 2": _cycle(2),
    "fragment cycle of all": _cycle(1 << 30),
    "fragments that spread all": _mesh(lambda tokens: int((tokens / 2) ** 0.5) - 4, forward=False),
    "fragments that spread the later": _mesh(lambda tokens: int(tokens**0.5) - 4, forward=True),
    "fragment shared by operations": _shared("query Q# { ...F }", "a#: __typename"),
    "variables of a shared fragment": _shared(
        "query Q#($v: ID!) { ...F }", "p#: project(id: $v) { id }"
    ),
    "undefined variables of a shared fragment": _shared(
        "query Q# { ...F }", "p#: project(id: $v#) { id }"
    ),
    "conflicts with a shared fragment": _shared(
        "query Q# { ...F a: me { id } }", "a: __typename b: me { id }"
    ),
    "repeats with a shared fragment": _shared("query Q# { ...F me { id } }", "me { id }"),
    "unknown fragments": wide("...F#"),
    "same spread": wide("...F", "{ @ } fragment F on Query { me { id } }"),
    "unused fragments": wide("fragment F# on User { id me { id } }", "{ me { id } } @"),
    "repeats in unused fragments": wide("me { id }", "{ me { id } } fragment F on User { @ }"),
    "fragments of one name": wide("fragment F on User { id }", "{ me { ...F } } @"),
    "many fragments": _spread_all("id x: name", "{ me { @ } }"),
    "many fragments of objects": _spread_all("me { id name }", "{ me { @ } }"),
    "many fragments in two fields": _two_sides("id name"),
    "many fragments of objects in two fields": _two_sides("me { id }"),
    "many fragments in conflict": _two_sides("x: me { id } y#: id"),
}
