"""The third-party files are the ones the manifest names, and no page file needs another host."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from app.pages import STATIC

VENDOR = STATIC / "vendor"
PACKAGES: list[dict[str, Any]] = json.loads((VENDOR / "manifest.json").read_text())["packages"]
FILES = [
    path for path in sorted(STATIC.rglob("*")) if path.suffix in {".html", ".css", ".js", ".svg"}
]
ABSOLUTE = re.compile(r"(?:https?|wss?)://[^\s\"'`)<>\\]*")
# Absolute addresses in the scripts that no one fetches: XML namespaces, what comments and error
# texts mention, links that a reader may click, and the bare scheme of code that parses addresses.
MENTIONED = (
    "http://",
    "http://www.w3.org/",
    "https://github.com/",
    "https://gist.github.com/",
    "https://codemirror.net/5/doc/manual.html#keymaps",
    "https://commonmark.org/",
    "https://en.wikipedia.org/wiki/IEEE_floating_point",
    "https://radix-ui.com/primitives/docs/components/",
    "https://reactjs.org/docs/error-decoder.html?invariant=",
)


def outside(name: str, text: str) -> Iterator[str]:
    """What a browser would ask other hosts for when it loads the file."""
    if name.endswith(".js"):
        for address in ABSOLUTE.findall(text):
            if not address.startswith(MENTIONED[1:]) and address != MENTIONED[0]:
                yield address
        # What could load more than the page names: workers, imports, remote source maps.
        yield from re.findall(r"new (?:Shared)?Worker\b|importScripts|\bimport\(", text)
        yield from re.findall(r"sourceMappingURL=(?=\w+:|//).*", text)
    elif name.endswith(".css"):
        yield from re.findall(r"@import[^;]*", text)
        values = re.findall(r"url\(\s*[\"']?([^)\"']{0,80})", text)
        yield from (value for value in values if not value.startswith("data:"))
    else:
        values = re.findall(r"(?:src|href|action)\s*=\s*[\"']?([^\s>\"']*)", text)
        yield from (value for value in values if not value.startswith("/static/"))
        yield from (a for a in ABSOLUTE.findall(text) if a != "http://www.w3.org/2000/svg")


def test_every_vendored_file_is_in_the_manifest() -> None:
    listed = {
        f"{package['folder']}/{file['file']}" for package in PACKAGES for file in package["files"]
    }
    there = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert there - {"manifest.json"} == listed


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["folder"])
def test_vendored_files_are_unchanged(package: dict[str, Any]) -> None:
    assert package["folder"] == f"{package['package']}-{package['version']}"
    assert package["license"]
    assert "LICENSE" in [file["file"] for file in package["files"]]
    for file in package["files"]:
        content = (VENDOR / package["folder"] / file["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"], file["file"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_asks_another_host(path: Any) -> None:
    assert list(outside(path.name, path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script src="https://cdn.example/a.js"></script>'),
        ("a.html", '<link href="//cdn.example/a.css">'),
        ("a.css", '@import "other.css";'),
        ("a.css", "src: url(//fonts.example/a.woff2)"),
        ("a.js", 'fetch("https://api.example/")'),
        ("a.js", "new Worker(url)"),
        ("a.js", "//# sourceMappingURL=https://maps.example/a.js.map"),
    ],
)
def test_the_check_sees_other_hosts(name: str, text: str) -> None:
    assert list(outside(name, text)) != []
