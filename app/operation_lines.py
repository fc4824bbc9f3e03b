"""Operations on the terminal, one line each; SQL only with its placeholders, values never."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console
from rich.text import Text

from app.observing import Finished, Observer
from app.tally import Spent, Tally

NAME = 60
"""Characters of a name that are shown; clients choose them."""


class OperationLines(Observer):
    """Prints each operation when it ends, and subscriptions when they start as well."""

    def __init__(self, console: Console, *, sql: bool = False) -> None:
        """With `sql` the statements of each operation follow it."""
        self._console = console
        self._sql = sql

    def subscription_started(self, name: str | None) -> None:
        """Show that a subscription is open."""
        self._print(_head("subscription", name).append(" started"))

    def operation_finished(self, done: Finished) -> None:
        """Show an operation with its time, statements, rows and errors."""
        line = _head(done.kind, done.name)
        line.append(f" {done.seconds * 1_000:.1f} ms", "bold")
        line.append(f" · {counted(done.tally.count, 'statement')}")
        line.append(f" · {counted(done.tally.rows, 'row')}")
        if done.codes:
            line.append(f" · {' '.join(done.codes)}", "red")
        self._print(line)
        if self._sql:
            self._print_statements(done.tally)

    def _print_statements(self, tally: Tally) -> None:
        for sql, spent in tally.statements.items():
            self._print(_statement(sql, spent))

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)


def _head(kind: str, name: str | None) -> Text:
    now = datetime.now().astimezone()
    line = Text(f"{now:%H:%M:%S}.{now.microsecond // 1_000:03d} ", "dim")
    line.append(f"{kind:<12} ", "cyan").append((name or "(no name)")[:NAME], "default not dim")
    return line


def counted(number: int, thing: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _statement(sql: str, spent: Spent) -> Text:
    return Text(
        f"    {spent.count}x {spent.seconds * 1_000:.1f} ms  {' '.join(sql.split())}", "dim"
    )
