"""The files in an answer: code fences whose info string names a path. Pure and linear."""

import re
from collections.abc import Iterator
from itertools import chain

from models.builder.files import is_safe_path

MAX_FILES = 200
MAX_PATH = 200

# Longer info strings name no path of ours; the bound keeps the scan of one fence constant.
_MAX_INFO = 2 * MAX_PATH + 100
# Nothing after the run of fence characters can fail to match, so there is no backtracking.
_FENCE = re.compile(r"^( {0,3})(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_WORD = re.compile(r"""[^ \t"']*(?:"[^"]*"|'[^']*')?[^ \t"']*""")
_LANGUAGE = re.compile(r"[A-Za-z][\w+#-]*")
_PATH_KEYS = frozenset({"file", "filename", "filepath", "path", "title", "name"})


def files_from_answer(text: str) -> dict[str, str]:
    """Path to content of each file in a Markdown answer, in order of first appearance.

    Fences follow CommonMark, outside lists and quotes; line ends become LF. The info string is
    `app/page.tsx`, `tsx app/page.tsx`, `tsx:app/page.tsx` or has an attribute such as
    `title="app/page.tsx"` or `file=app/page.tsx`. A path that could leave the project's folder
    is ignored, as is a fence that is never closed. A later file replaces an earlier one of the
    same path; after 200 paths no new one is taken.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    files: dict[str, str] = {}
    opened: re.Match[str] | None = None
    mark = ""
    for fence in _FENCE.finditer(text):
        if opened is None:
            # An info string with a backtick makes it inline code, not a fence.
            if "`" not in fence[3] or fence[2][0] == "~":
                opened, mark = fence, fence[2]
        elif fence[2].startswith(mark) and not fence[3].strip(" \t"):
            path = _path(opened[3])
            if path is not None and (path in files or len(files) < MAX_FILES):
                files[path] = _content(text, opened, fence)
            opened = None
    return files


def _content(text: str, opened: re.Match[str], closed: re.Match[str]) -> str:
    content = text[opened.end() + 1 : closed.start()]
    indent = len(opened[1])
    return re.sub(rf"^ {{1,{indent}}}", "", content, flags=re.MULTILINE) if indent else content


def _path(info: str) -> str | None:
    """The first safe path that an info string names."""
    info = info.strip(" \t")
    if not info or len(info) > _MAX_INFO:
        return None
    words = [word for word in _WORD.findall(info) if word]
    for candidate in chain(_bare(words), _named(words)):
        path = candidate.removeprefix("./")
        if _is_safe(path):
            return path
    return None


def _bare(words: list[str]) -> Iterator[str]:
    """`language:path`, or else the language's and the next place."""
    language, colon, rest = words[0].partition(":") if words else ("", "", "")
    if colon and _LANGUAGE.fullmatch(language):
        yield rest
    else:
        yield from (word for word in words[:2] if "=" not in word and word[0] != "{")


def _named(words: list[str]) -> Iterator[str]:
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in _PATH_KEYS:
            yield value.strip("\"'")


def _is_safe(path: str) -> bool:
    """Whether it may be a file of a project, and stays inside its folder on every system.

    Models make up paths, so more is asked than of people: a tilde would make a home folder in a
    shell, and outer dots and spaces vanish on Windows.
    """
    if not is_safe_path(path) or len(path) > MAX_PATH or not path.isprintable():
        return False
    if path.startswith("~") or not ("." in path or "/" in path):
        return False
    return all(part.strip(". ") and part == part.strip() for part in path.split("/"))
