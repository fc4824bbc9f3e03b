"""An explanation on the terminal: a tree of levels, each with its SQL and PostgreSQL's plan."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.syntax import Syntax
from rich.text import Text
from rich.tree import Tree

from app.operation_lines import counted
from graphql_schema.plans.printing import milliseconds

if TYPE_CHECKING:
    from app.explaining.explanation import Explanation
    from graphql_schema.plans.printing import Level

UNBOUNDED = 100_000  # columns of what is no terminal
CLAUSES = re.compile(r" (?=(?:FROM|CROSS JOIN|WHERE|AND|ORDER BY|LIMIT)\b)")
SCAN = re.compile(r"(?<!Bitmap )\b(?:Seq|Index|Index Only) Scan\b.* on (\w+)")
NODE = re.compile(r"^ *(?:->|SubPlan|InitPlan)")


def show(explanation: Explanation) -> None:
    """Print an explanation; lines are folded on a terminal only."""
    console = Console(width=None if sys.stdout.isatty() else UNBOUNDED, highlight=False)
    console.print(_tree(explanation))
    for error in explanation.errors:
        console.print(Text(f"error: {error['message']}", "red"))


def _tree(told: Explanation) -> Tree:
    tree = Tree(Text(f"{told.kind} {told.name or '(no name)'}: {_executor(told)}", "bold"))
    for level in told.levels:
        _add(tree, level, told)
    for sql, spent in told.beside:
        head = Text("sent by resolvers", "bold cyan")
        numbers = _numbers(spent.count, spent.rows, spent.seconds)
        tree.add(Group(head, Text(numbers), *_statement(sql, told)))
    return tree


def _executor(told: Explanation) -> str:
    by = "by its plan" if told.reason is None else f"by graphql-core ({told.reason})"
    return by if told.ran else f"{by}; not run, as it is no query"


def _add(tree: Tree, level: Level, told: Explanation) -> None:
    """Add a level and all below it."""
    parts: list[RenderableType] = [_head(level)]
    if level.columns:
        parts.append(Text(f"columns {', '.join(level.columns)}"))
    if level.access is not None:
        parts.append(Text(f"access {level.access}"))
    if level.sql is not None:
        if told.ran:
            seconds = sum(sent.seconds for sent in level.sent)
            parts.append(
                Text(_numbers(len(level.sent), sum(sent.rows for sent in level.sent), seconds))
            )
        parts += _statement(level.sql, told)
    branch = tree.add(Group(*parts))
    for below in level.levels:
        _add(branch, below, told)


def _head(level: Level) -> Text:
    """Where a level stands, and which rows it reads."""
    head = Text(level.path, "bold cyan").append(f"  {level.kind}", "default")
    if level.table is not None:
        head.append(f" of {level.table}")
    if level.by is not None:
        head.append(f" by {level.by}")
    if level.where is not None:
        head.append(f" where {level.where}")
    if level.order is not None:
        head.append(f", {level.limit} for each, {level.order}")
    return head


def _numbers(statements: int, rows: int, seconds: float) -> str:
    if not statements:
        return "not sent"
    told = f"{counted(statements, 'statement')} · {counted(rows, 'row')}"
    return f"{told} · {milliseconds(seconds):.1f} ms"


def _statement(sql: str, told: Explanation) -> Iterator[RenderableType]:
    """The lines of a statement and, if it was sent, PostgreSQL's plan of it."""
    highlighted = Syntax("", "sql", theme="ansi_dark").highlight(formatted(sql))
    highlighted.rstrip()
    yield highlighted
    plan = told.plans.get(sql, ())
    for number, line in enumerate(plan):
        yield Text(f"    {line}", "dim")
        scan = SCAN.search(line)
        if scan is not None and not _has_condition(plan[number + 1 :]):
            yield Text(f"    READS ALL OF {scan[1]}: by no condition of an index", "bold red")


def _has_condition(below: Sequence[str]) -> bool:
    """Whether what stands below a scan, up to the next node, has an index look for rows."""
    own = takewhile(lambda line: NODE.search(line) is None, below)
    return any("Index Cond:" in line for line in own)


def formatted(sql: str) -> str:
    """A statement in lines, a clause each, indented by the brackets around it."""
    lines: list[str] = []
    depth = 1
    for clause in CLAUSES.split(" ".join(sql.split())):
        lines.append("  " * depth + clause)
        depth += clause.count("(") - clause.count(")")
    return "\n".join(lines)
