"""`punnet import convex`: the import with a progress bar, and what came of it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from rich import print as show
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from app.auth import derive_key, load_secret
from app.cipher import Cipher
from app.config import Settings
from app.convex import AppName
from app.convex.files import Keeper
from app.convex.importing import ConvexImport, Refused, Stage
from app.convex.report import READ, Report
from app.files.store import open_store

KEYS = "keys of imported files"  # what their secret is derived for


async def import_snapshot(
    settings: Settings, url: str, path: Path, *, app: AppName | None, strict: bool, dry_run: bool
) -> None:
    """Import a snapshot and print the counts; see ConvexImport for what it raises."""
    keeper = Keeper(open_store(settings), derive_key(load_secret(settings), KEYS))
    cipher = Cipher.of(settings)
    work = ConvexImport(url, cipher, keeper, app=app, strict=strict, dry_run=dry_run)
    try:
        with _progress() as stage:
            report = await work.run(path, stage)
    except Refused as refused:
        _print(refused.report)
        raise SystemExit("Nothing was imported: --strict allows no flaws.") from refused
    _print(report)
    done = "would be read" if dry_run else "read"
    show(
        f"{report.total(READ):,} documents of the {report.app} app "
        f"{done} in {report.seconds:.1f} s: "
        f"{report.speed:,.0f} rows/s."
    )


@contextmanager
def _progress() -> Generator[Stage, None, None]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("reading")

        def stage(name: str, size: int) -> _Advance:
            bar.reset(task, description=name, total=size or None)
            return _Advance(bar, task)

        yield stage


class _Advance:
    """Moves the bar for each 64 KiB, as moving it costs more than reading a line."""

    STEP = 1 << 16

    def __init__(self, bar: Progress, task: object) -> None:
        self._bar, self._task, self._bytes = bar, task, 0

    def __call__(self, read: int) -> None:
        self._bytes += read
        if self._bytes >= self.STEP:
            self._bar.advance(self._task, self._bytes)  # type: ignore[arg-type]
            self._bytes = 0


def _print(report: Report) -> None:
    for table in report.shown():
        if table.row_count:
            show(table)
