"""Every file is as .editorconfig says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import editorconfig
import pytest

ROOT = Path(__file__).parents[2]


def files() -> list[Path]:
    """What git keeps or would keep, that is text."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],  # noqa: S607 - git is where the user has it
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in found if path.is_file() and b"\0" not in path.read_bytes()]


def faults(content: bytes, rules: dict[str, str]) -> list[str]:
    """The rules that a file's bytes break."""
    wrong: list[str] = []
    if rules.get("charset") == "utf-8":
        try:
            content.decode()
        except UnicodeDecodeError:
            wrong.append("charset")
    if rules.get("end_of_line") == "lf" and b"\r" in content:
        wrong.append("end_of_line")
    if rules.get("insert_final_newline") == "true" and content and not content.endswith(b"\n"):
        wrong.append("insert_final_newline")
    if rules.get("trim_trailing_whitespace") == "true" and re.search(rb"[ \t]$", content, re.M):
        wrong.append("trim_trailing_whitespace")
    if rules.get("indent_style") == "space" and re.search(rb"^ *\t", content, re.M):
        wrong.append("indent_style")
    if rules.get("indent_style") == "tab" and re.search(rb"^ ", content, re.M):
        wrong.append("indent_style")
    return wrong


def test_every_file_is_as_editorconfig_says() -> None:
    checked = {path: editorconfig.get_properties(str(path)) for path in files()}
    assert len(checked) > 250
    wrong = {
        path.relative_to(ROOT).as_posix(): broken
        for path, rules in checked.items()
        if (broken := faults(path.read_bytes(), rules))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("rule", "name", "content"),
    [
        ("charset", "a.py", b"# caf\xe9\n"),
        ("end_of_line", "a.md", b"one\r\n"),
        ("insert_final_newline", "a.toml", b"a = 1"),
        ("trim_trailing_whitespace", "a.mjs", b"a; \nb;\n"),
        ("indent_style", "a.py", b"if x:\n\ty()\n"),
        ("indent_style", "Makefile", b"a:\n    b\n"),
    ],
)
def test_the_check_sees_what_differs(rule: str, name: str, content: bytes) -> None:
    assert rule in faults(content, editorconfig.get_properties(str(ROOT / name)))
