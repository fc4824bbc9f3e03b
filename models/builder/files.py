"""Checks on file sets: an object of relative paths and their texts."""

from __future__ import annotations

from typing import Any, cast
from unicodedata import normalize

from models.errors import Invalid

MOST_FILES = 1_000
PATH_LIMIT = 400
NAME_BYTES = 255  # of a file or a folder, which no usual file system has longer


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


LEFT_OUT_FOLDERS = frozenset(
    {
        ".angular", ".cache", ".git", ".idea", ".next", ".nuxt", ".svelte-kit", ".turbo",
        ".vercel", ".vscode", "__MACOSX", "node_modules",
    }
)  # fmt: skip
LEFT_OUT_ON_TOP = frozenset({"build", "coverage", "dist"})
LEFT_OUT_FILES = frozenset(
    {
        ".DS_Store", "Thumbs.db", "bun.lockb", "desktop.ini", "npm-shrinkwrap.json",
        "package-lock.json", "pnpm-lock.yaml",
    }
)  # fmt: skip
SHOWN_SETTINGS = frozenset({".env.example", ".env.sample", ".env.template"})


def is_source(path: str) -> bool:
    """Whether a file is somebody's work, and no secret: what imports take and downloads give.

    Dependencies, what tools make, lock files, what editors and systems leave, and `.env` files
    stay where they are.
    """
    *folders, name = path.split("/")
    if not LEFT_OUT_FOLDERS.isdisjoint(folders) or (folders and folders[0] in LEFT_OUT_ON_TOP):
        return False
    if name in LEFT_OUT_FILES or name.endswith(".lock"):
        return False
    return not name.startswith(".env") or name in SHOWN_SETTINGS


_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"}
)
_NOT_ON_WINDOWS = frozenset('<>"|?*')


def is_portable_path(path: str) -> bool:
    """Whether every system can have a file of this safe path, under this very name."""
    return (
        is_safe_path(path)
        and path.isprintable()
        and _NOT_ON_WINDOWS.isdisjoint(path)
        and all(_is_portable_name(name) for name in path.split("/"))
    )


def _is_portable_name(name: str) -> bool:
    fits = len(name.encode(errors="surrogatepass")) <= NAME_BYTES
    stem = name.partition(".")[0].rstrip(" ").casefold()
    return fits and name == name.rstrip(". ") and stem not in _DEVICES


class Names:
    """The paths of a set of files, of which no two may be one on any system.

    Systems differ in letters' cases and in how Unicode writes a letter; and what is a file can't
    be a folder.
    """

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def take(self, path: str) -> bool:
        """Have a path be taken from here on; whether it was free."""
        folded = normalize("NFC", normalize("NFC", path).casefold())
        steps = folded.split("/")
        folders = {"/".join(steps[:end]) for end in range(1, len(steps))}
        taken = folded in self._files or folded in self._folders or folders & self._files
        if not taken:
            self._files.add(folded)
            self._folders |= folders
        return not taken
