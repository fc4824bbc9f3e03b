"""Files of trusted documents, in the formats that front ends' tools write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import orjson

from app.config import Settings
from graphql_schema.core.engine import Engine
from graphql_schema.core.errors import Refused, in_a_line
from graphql_schema.core.persisted import TrustedDocument, TrustedDocuments, bare, check_trusted
from models.errors import Invalid

APOLLO = "apollo-persisted-query-manifest"
SHOWN = 20
"""Faults that are told of at once."""


def trusted_documents(settings: Settings, engine: Engine) -> TrustedDocuments:
    """The documents of the settings, each checked. Raises Invalid, and OSError for no file."""
    if settings.trusted_documents is None:
        if settings.only_trusted_documents:
            raise Invalid("PUNNET_ONLY_TRUSTED_DOCUMENTS needs PUNNET_TRUSTED_DOCUMENTS.")
        return TrustedDocuments({})
    return TrustedDocuments(checked_documents(settings.trusted_documents, engine))


def checked_documents(path: Path, engine: Engine) -> dict[str, TrustedDocument]:
    """The documents of a file, or of all `.json` files of a folder, by id without its prefix.

    Raises Invalid, which names the file, the id and the fault of what can't run.
    """
    found: dict[str, TrustedDocument] = {}
    faults: list[str] = []
    for file in _files(path):
        for id, text in _documents(file):
            try:
                found[bare(id)] = _checked(engine, text, found.get(bare(id)))
            except Invalid as error:
                faults.append(f"{file}: {id}: {error.message}")
            except Refused as refused:
                faults.append(f"{file}: {id}: {in_a_line(refused.errors[0])}")
    if faults:
        more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise Invalid("\n".join([*faults[:SHOWN], *more]))
    return found


def _files(path: Path) -> list[Path]:
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise Invalid(f"{path}: the folder has no .json file")
    return files


def _checked(engine: Engine, text: str, other: TrustedDocument | None) -> TrustedDocument:
    if other is not None and other.text != text:
        raise Invalid("the same id names another document")
    return other or check_trusted(engine, text)


def _documents(file: Path) -> Iterator[tuple[str, str]]:
    """The ids and texts of a file. Raises Invalid."""
    try:
        content = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Invalid(f"{file}: no JSON: {error}") from error
    if not isinstance(content, dict):
        raise Invalid(f"{file}: no object of ids and documents")
    given = cast("dict[str, Any]", content)
    pairs = _of_apollo(file, given) if given.get("format") == APOLLO else list(given.items())
    for id, text in pairs:
        if not isinstance(id, str) or not id or not isinstance(text, str):
            raise Invalid(f"{file}: {id!r}: an id and its document must be texts")
        yield id, text


def _of_apollo(file: Path, manifest: dict[str, Any]) -> list[tuple[Any, Any]]:
    """What Apollo's manifest holds, of whatever type. Raises Invalid."""
    operations = manifest.get("operations")
    if manifest.get("version") != 1 or not isinstance(operations, list):
        raise Invalid(f"{file}: no manifest of version 1")
    entries = cast("list[Any]", operations)
    if not all(isinstance(entry, dict) for entry in entries):
        raise Invalid(f"{file}: an operation must be an object")
    return [(entry.get("id"), entry.get("body")) for entry in entries]
