"""`[[name]]` and `[[name:value]]` in a user's text, by which a test steers the mock models."""

from dataclasses import dataclass
from typing import Any, Literal

MAX_TOKENS = 20_000
MAX_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Directives:
    """What the user's text asks of a mock model; None where it says nothing.

    `call` are tools to call, each a name and perhaps its arguments as JSON; `rounds` is how often.
    `delay` and `first` are in seconds, between pieces and before the first one.
    """

    tokens: int | None = None
    delay: float | None = None
    first: float | None = None
    fail_after: int | None = None
    fail_once: bool = False
    refuse: bool = False
    echo: str | None = None
    reasoning: str | None = None
    call: tuple[str, ...] = ()
    rounds: int | None = None
    text: str = ""


Kind = Literal["number", "seconds", "text", "flag", "list"]
_KINDS: dict[str, Kind] = {
    "tokens": "number",
    "delay": "seconds",
    "first": "seconds",
    "fail-after": "number",
    "fail-once": "flag",
    "refuse": "flag",
    "echo": "text",
    "reasoning": "text",
    "call": "list",
    "rounds": "number",
}


def parse(text: str) -> Directives:
    """The directives in a text: every call, of others the last. `text` is what is left.

    One that is unknown or has no sense stays in the text. A directive ends at the first `]]`.
    """
    found: dict[str, Any] = {}
    rest: list[str] = []
    at = 0
    while (start := text.find("[[", at)) >= 0 and (end := text.find("]]", start)) >= 0:
        name, _, value = text[start + 2 : end].partition(":")
        known = _value(_KINDS.get(name), value)
        rest.append(text[at : start if known is not None else end + 2])
        if known is not None:
            field = name.replace("-", "_")
            found[field] = found.get(field, ()) + known if isinstance(known, tuple) else known
        at = end + 2
    return Directives(**found, text="".join([*rest, text[at:]]).strip())  # pyright: ignore[reportArgumentType] - _KINDS gives each name its type


def _value(kind: Kind | None, value: str) -> Any:
    match kind:
        case "number":
            return min(int(value), MAX_TOKENS) if value.isascii() and value.isdigit() else None
        case "seconds":
            return _seconds(value)
        case "text":
            return value
        case "list":
            return (value,)
        case "flag":
            return True if not value else None
        case None:
            return None


def _seconds(value: str) -> float | None:
    """`5ms`, `0.5s` or `2`, in seconds."""
    number, factor = (value[:-2], 0.001) if value.endswith("ms") else (value.removesuffix("s"), 1.0)
    if not number.isascii() or not number.replace(".", "", 1).isdigit():
        return None
    return min(float(number) * factor, MAX_SECONDS)
