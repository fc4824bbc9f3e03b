"""Names of files: labels that are shown as they are."""

from __future__ import annotations

import re
import unicodedata

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FOLDERS = re.compile(r".*[/\\]", re.DOTALL)


def is_plain(name: str) -> bool:
    """Whether a name is shown as it is: no folders, no control, nothing that turns letters."""
    return name not in {".", ".."} and not _FOLDERS.match(name) and all(map(_is_shown, name))


def made_plain(name: str) -> str:
    """A name without its folders and what is not shown; `file` where nothing is left."""
    shown = "".join(filter(_is_shown, _FOLDERS.sub("", name))).strip()
    return "file" if shown in {"", ".", ".."} else shown


def _is_shown(letter: str) -> bool:
    return letter not in _BIDI and unicodedata.category(letter) not in {"Cc", "Zl", "Zp"}
