"""Checks on file sets: an object of relative paths and their texts."""

from __future__ import annotations

from typing import Any, cast

from models.errors import Invalid

MOST_FILES = 1_000
PATH_LIMIT = 400


def check_files(files: object, field: str = "files") -> None:
    """Raise Invalid unless `files` maps safe relative paths to values."""
    if not isinstance(files, dict):
        raise Invalid("Must be an object of paths and texts.", field=field)
    paths = cast("dict[str, Any]", files)
    if len(paths) > MOST_FILES:
        raise Invalid(f"At most {MOST_FILES:,} files.", field=field)
    for path in paths:
        if not is_safe_path(path):
            raise Invalid("Paths must be relative and stay inside the project.", field=field)


def is_safe_path(path: str) -> bool:
    """Whether a path is relative, stays inside, and holds no control characters."""
    if not path or len(path) > PATH_LIMIT or path.startswith("/") or "\\" in path or ":" in path:
        return False
    if any(character < " " or character == "\x7f" for character in path):
        return False
    return not {"", ".", ".."} & set(path.split("/"))
