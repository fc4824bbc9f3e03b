"""How fast `punnet import convex` is: rows per second, CPU and memory of the command.

The snapshot is made from the seed, in the layout of `npx convex export`, and holds projects,
messages, fragments and attachments as the other database does.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import orjson

from bench.generate import SEED, START, subject
from bench.processes import ENVIRONMENT, ROOT
from bench.texts import files, prose

TOLD = re.compile(r"([\d,]+) documents of the builder app read in ([\d.]+) s")
BEGIN = round(START.timestamp() * 1_000)  # ms
STEP = 500  # ms between two documents
TABLES = ("projects", "messages", "fragments", "attachments")


@dataclass(frozen=True, slots=True)
class SnapshotSize:
    """How many documents there are: each project has `messages` of them, and their parts."""

    projects: int
    messages: int = 30


@dataclass(frozen=True, slots=True)
class Imported:
    """One import: seconds by the command's own clock, CPU of all of it, bytes at its peak."""

    documents: int
    seconds: float
    rows_per_second: float
    cpu_us: float
    memory: int


class Snapshot:
    """Documents in the order in which they were made."""

    def __init__(self, size: SnapshotSize) -> None:
        self._random = Random(SEED)
        self._made = 0
        self.documents: dict[str, list[bytes]] = {name: [] for name in TABLES}
        for number in range(size.projects):
            self._project(number, size.messages)

    @property
    def count(self) -> int:
        """Documents of all tables."""
        return self._made

    def write(self, path: Path) -> None:
        """Write the ZIP."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            tables = [{"name": name, "id": 10_001 + n} for n, name in enumerate(TABLES)]
            archive.writestr("_tables/documents.jsonl", b"".join(_lines(tables)))
            for name, documents in self.documents.items():
                archive.writestr(f"{name}/documents.jsonl", b"".join(documents))

    def _project(self, number: int, messages: int) -> None:
        project = self._add(
            "projects",
            name=prose(self._random, 1)[:60],
            userId=subject(number % 200),
            framework="NEXTJS",
        )
        for order in range(1, messages + 1):
            self._message(project, order)

    def _message(self, project: str, order: int) -> None:
        asked = order % 2 == 1
        message = self._add(
            "messages",
            content=prose(self._random, 2 if asked else 6),
            role="USER" if asked else "ASSISTANT",
            type="RESULT",
            status="COMPLETE",
            projectId=project,
        )
        if not asked:
            self._add(
                "fragments",
                messageId=message,
                sandboxUrl="about:blank",
                title=prose(self._random, 1)[:80],
                files=files(self._random),
                framework="NEXTJS",
            )
        if order % 3 == 0:
            for kind in ("IMAGE", "FIGMA_FILE"):
                url = f"https://files.example.com/{self._made}.png"
                self._add("attachments", type=kind, url=url, size=9, messageId=message)

    def _add(self, table: str, **fields: Any) -> str:
        self._made += 1
        at = BEGIN + STEP * self._made
        id = f"{table:0<20}{self._made:012d}"
        times = {"_creationTime": at + 0.5, "createdAt": at, "updatedAt": at}
        self.documents[table] += _lines([{"_id": id, **fields, **times}])
        return id


def _lines(documents: list[dict[str, Any]]) -> Iterator[bytes]:
    return (orjson.dumps(document) + b"\n" for document in documents)


def measure(url: str, folder: Path, size: SnapshotSize) -> Imported:
    """Import a snapshot into the empty database at `url`."""
    snapshot = Snapshot(size)
    with tempfile.TemporaryDirectory(dir=folder) as own:
        path = Path(own) / "snapshot.zip"
        snapshot.write(path)
        told, usage = _run(url, Path(own) / "log", path)
    found = TOLD.search(told)
    if found is None:
        raise RuntimeError(f"the import failed: {told[-2_000:]}")
    documents, seconds = int(found[1].replace(",", "")), float(found[2])
    if documents != snapshot.count:
        raise RuntimeError(f"{snapshot.count} documents were written, {documents} read")
    cpu = usage.ru_utime + usage.ru_stime
    return Imported(
        documents, seconds, documents / seconds, 1e6 * cpu / documents, usage.ru_maxrss << 10
    )


def _run(url: str, log: Path, snapshot: Path) -> tuple[str, Any]:
    """What the command tells, and what the system says it used."""
    environment = os.environ | ENVIRONMENT | {"PUNNET_DATABASE_URL": url}
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own argument list, no shell
            [sys.executable, "-m", "app", "import", "convex", str(snapshot)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return log.read_text(), usage
