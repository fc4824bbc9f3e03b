"""`punnet explain`: the plan of an operation, its SQL, and what PostgreSQL makes of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.running import refusals_shown, run

Document = Annotated[
    str, typer.Argument(metavar="QUERY|FILE|-", help="A document, a file of one, or - for stdin.")
]
Variables = Annotated[str, typer.Option(help="The variables, a JSON object.")]
As = Annotated[
    str | None,
    typer.Option("--as", metavar="USER", help="Whose view: an id or a subject; else signed out."),
]
Operation = Annotated[str | None, typer.Option(help="Which operation of the document.")]
Analyze = Annotated[bool, typer.Option("--analyze", help="EXPLAIN (ANALYZE, BUFFERS).")]


def explain(
    document: Document,
    variables: Variables = "{}",
    who: As = None,
    operation: Operation = None,
    analyze: Analyze = False,
) -> None:
    """Show the plan of an operation with EXPLAIN; a query is run, nothing else is."""
    from app.explaining.explanation import Question, explanation
    from app.explaining.showing import show
    from graphql_schema.core.errors import Refused, in_a_line

    with refusals_shown():
        asked = Question(_text(document), operation, variables, who, analyze=analyze)
        try:
            show(run(lambda settings, url: explanation(settings, url, asked)))
        except Refused as refused:
            raise SystemExit("\n".join(map(in_a_line, refused.errors))) from refused


def _text(document: str) -> str:
    """The document; what holds no brace is the name of a file. Raises OSError."""
    if "{" in document:
        return document
    read = sys.stdin.buffer.read() if document == "-" else Path(document).read_bytes()
    return read.decode(errors="surrogateescape")  # what is no text is refused with the rest
