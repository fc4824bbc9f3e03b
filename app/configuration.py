"""`docs/configuration.md`, written from the settings so that it can't fall behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from app.config import Settings
from app.config_entries import (
    DEFAULT_MODELS,
    ConnectionEntry,
    ModelEntry,
    PriceEntry,
    SignInProvider,
)

_HEAD = """\
<!-- Written by `make docs` from app/config.py; change it there. -->
# Configuration

Every setting is an environment variable, read once at the start. Lists are JSON. A dash means
that there is no default. [Deploying](deploying.md) says which ones production needs.
"""
_MODELS = """
## The entries of `PUNNET_MODELS`

Each is a JSON object with these members.
"""
_PRICES = """
A `price` is an object with these; [usage](usage.md) says what it is for.
"""
_PROVIDERS = """\
## The entries of `PUNNET_SIGN_IN_PROVIDERS`

Each is a JSON object with these members; [signing in](signing-in.md) has examples.
"""
_CONNECTIONS = """\
## The entries of `PUNNET_CONNECTIONS`

Each is a JSON object with these members; [connections](connections.md) has examples.
"""
_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "more than"}


def reference() -> str:
    """The whole page, in Markdown."""
    prefix = Settings.model_config.get("env_prefix", "")
    settings = _table("variable", _all_settings(), lambda n: prefix + n.upper())
    entries = _table("member", ModelEntry.model_json_schema(), str)
    providers = _table("member", SignInProvider.model_json_schema(), str)
    prices = _table("member", PriceEntry.model_json_schema(), str)
    models = [_MODELS, *entries, _PRICES, *prices, "", *_default_models(), ""]
    services = _table("member", ConnectionEntry.model_json_schema(), str)
    others = [_PROVIDERS, *providers, "", _CONNECTIONS, *services, ""]
    return "\n".join([_HEAD, *settings, *models, *others])


def _all_settings() -> dict[str, Any]:
    """The schema of the settings, those of a part last."""
    schema = Settings.model_json_schema()
    names = [*Settings.__annotations__, *schema["properties"]]
    own = [name for name in dict.fromkeys(names) if name in schema["properties"]]
    return {"properties": {name: schema["properties"][name] for name in own}}


def _table(first: str, schema: dict[str, Any], spelled: Callable[[str], str]) -> Iterator[str]:
    yield f"| {first} | type | default | what |"
    yield "|---|---|---|---|"
    for name, field in schema["properties"].items():
        cells = f"`{spelled(name)}`", _kind(field), _default(field), field["description"]
        yield "| " + " | ".join(cells) + " |"


def _kind(field: dict[str, Any]) -> str:
    """The type in words, with its bounds."""
    kinds: list[dict[str, Any]] = field.get("anyOf", [field])
    field = next(kind for kind in kinds if kind.get("type") != "null")
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field.get("format"):
        return {"password": "secret", "path": "path", "zoneinfo": "time zone"}[field["format"]]
    bounds = [f"{words} {field[bound]:g}" for bound, words in _BOUNDS.items() if bound in field]
    kind: str = field.get("type", "object")
    return ", ".join(
        [{"array": "list", "object": "JSON object", "string": "text"}.get(kind, kind), *bounds]
    )


def _default(field: dict[str, Any]) -> str:
    default: Any = field.get("default")
    if default is None:
        return "—"
    if default and "$ref" in field.get("items", {}):
        return "see below"
    text: str = default if isinstance(default, str) else orjson.dumps(default).decode()
    return f"`{text}`"


def _default_models() -> Iterator[str]:
    yield "The default is:"
    yield ""
    yield "```json"
    lines = [entry.model_dump_json(exclude_none=True) for entry in DEFAULT_MODELS]
    yield "[\n  " + ",\n  ".join(lines) + "\n]"
    yield "```"
