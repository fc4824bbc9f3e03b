"""What the pages say can be done can be done: links lead somewhere, commands and settings exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from app.__main__ import command
from app.config import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDS: dict[str, Any] = typer.main.get_command(command).commands  # type: ignore[attr-defined]
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M))
SETTINGS = {f"PUNNET_{name.upper()}" for name in Settings.model_fields}
COMING = {"make bench"}
"""Told of before they are merged; a test asks for each to leave this list once it is there."""
OF_EXAMPLES = {"PUNNET_URL", "PUNNET_TOKEN"}
"""Variables of the README's examples, which clients read."""

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.S)
CALLED = re.compile(r"(?:^|[\s/(])punnet ((?:[a-z][a-z-]* ?)+)", re.M)
MADE = re.compile(r"(?:^|\s)make ([a-z-]+)", re.M)


def code(page: str) -> str:
    """What stands in code, blocks and words, a line each."""
    return "\n".join(block or word for block, word in CODE.findall(page))


def anchors(page: str) -> set[str]:
    """The names under which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page), re.M)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


def broken_links(path: Path, page: str) -> Iterator[str]:
    """Relative links that lead nowhere."""
    for link in LINK.findall(FENCE.sub("", page)):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        there = name == "" or target.exists()
        if not there or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            yield link


def unknown_commands(text: str) -> Iterator[str]:
    """`punnet …` and `make …` that do not exist."""
    for words in CALLED.findall(text):
        if not known(words.split(), COMMANDS):
            yield f"punnet {words}".strip()
    yield from (f"make {target}" for target in MADE.findall(text) if target not in TARGETS)


def known(words: list[str], commands: dict[str, Any]) -> bool:
    """Whether the words begin with a command; those of a group name one of its own."""
    if not words or words[0] not in commands:
        return False
    below = getattr(commands[words[0]], "commands", None)
    return below is None or len(words) == 1 or known(words[1:], below)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_keeps_its_word(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert list(broken_links(path, page)) == []
    assert set(unknown_commands(code(page))) <= COMING
    assert set(re.findall(r"PUNNET_[A-Z_]+", page)) <= SETTINGS | OF_EXAMPLES


def test_every_command_and_target_is_described_somewhere() -> None:
    told = "\n".join(code(path.read_text(encoding="utf-8")) for path in PAGES)
    assert {name for name in COMMANDS if f"punnet {name}" not in told} == set()
    assert {target for target in TARGETS if f"make {target}" not in told} == set()


def test_what_is_coming_is_not_there_yet() -> None:
    assert set(unknown_commands("\n".join(sorted(COMING)))) == COMING


def test_every_decision_is_dated_and_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    pages = {path for path in folder.glob("*.md") if path.name != "README.md"}
    assert len(pages) > 8
    for path in pages:
        first, *rest = path.read_text(encoding="utf-8").splitlines()
        assert re.fullmatch(r"# .+ \(\d{4}-\d\d-\d\d\)", first), path.name
        assert len(rest) < 60, f"{path.name} is more than a page"
        assert f"]({path.name})" in index


def test_readme_quotes_the_examples_that_are_run() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    examples = ROOT / "tests" / "clients" / "examples"
    for name in ("query.sh", "mutation.sh"):
        body = "".join((examples / name).read_text().splitlines(keepends=True)[2:])
        assert body in readme, name
    streamed = (examples / "subscription.sh").read_text().splitlines(keepends=True)[2:]
    assert "".join(streamed).replace("'\"$1\"'", "REPLY_ID") in readme
    code_of_urql = (examples / "urql.mjs").read_text().partition("import ")
    assert code_of_urql[1] + code_of_urql[2] in readme


@pytest.mark.parametrize(
    ("page", "wrong"),
    [
        ("[a](nowhere.md)", "nowhere.md"),
        ("[a](README.md#no-such-part)", "README.md#no-such-part"),
        ("`punnet fly`", "punnet fly"),
        ("```sh\n.venv/bin/punnet fly high\n```", "punnet fly high"),
        ("`make coffee`", "make coffee"),
    ],
)
def test_the_check_sees_what_is_not_there(page: str, wrong: str) -> None:
    found = [*broken_links(ROOT / "README.md", page), *unknown_commands(code(page))]
    assert found == [wrong]
