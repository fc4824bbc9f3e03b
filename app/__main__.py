"""The command: `punnet serve`, `dev`, `worker`, `migrate`, `slow`, `token`, `schema` and more."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvloop
from rich import print as show
from rich.console import Console
from rich.markup import escape

from app.auth import Authenticator, load_secret
from app.clock import SystemClock
from app.closing import close_period
from app.config import Settings
from app.explaining import explain
from app.export_command import export
from app.importing import importing
from app.migrations import migrate as bring_up_to_date
from app.migrations import write_migrations
from app.operators import grant_operator, revoke_operator
from app.running import database, refusals_shown, run
from app.runs import runs
from graphql_schema.schema import sdl

log = structlog.get_logger()

command = typer.Typer(
    name="punnet",
    help="Punnet, the GraphQL backend for products built on AI.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
command.add_typer(importing)
command.add_typer(runs)
command.command()(close_period)
command.command()(explain)
command.command()(export)
command.command()(grant_operator)
command.command()(revoke_operator)


Demo = Annotated[bool, typer.Option("--demo", help="Load the demo data first, once.")]
Lines = Annotated[bool, typer.Option("--operations", help="Print a line for each operation.")]
Sql = Annotated[bool, typer.Option("--sql", "-v", help="Print each operation's statements too.")]


@command.command()
def serve(demo: Demo = False, operations: Lines = False, sql: Sql = False) -> None:
    """Serve the API, after bringing the database up to date; with a worker inside."""
    from app.demo import load_demo
    from app.operation_lines import OperationLines
    from app.server import serve as serve_app

    observers = [OperationLines(Console(), sql=sql)] if operations or sql else []

    async def work(settings: Settings, url: str) -> None:
        await bring_up_to_date(url)
        if demo:
            await load_demo(settings, url)
        await serve_app(settings, url, lambda address: _greet(settings, address), observers)

    with refusals_shown():
        run(work)


@command.command()
def dev(demo: Demo = False, sql: Sql = False) -> None:
    """Serve for development: reload when the code changes, and show each operation."""
    from app.reloading import serve_and_reload

    options = {"--demo": demo, "--sql": sql}
    arguments = ["serve", "--operations", *(name for name, given in options.items() if given)]
    # Held here, the embedded PostgreSQL outlives the serving process.
    with database(Settings()):
        uvloop.run(serve_and_reload(arguments, _say))


def _say(what: str) -> None:
    show(f"[bold yellow]punnet dev[/]  {escape(what)}", flush=True)


def _greet(settings: Settings, address: str) -> None:
    show(f"\n  [bold]Punnet[/bold] serves GraphQL at {address}/graphql")
    if settings.dev:
        show(f"  GraphiQL: {address}/")
        show(f"  A chat: {address}/demo")
        show("  Token of the demo user, for the Authorization header:\n")
        typer.echo(f"Bearer {_token(settings, 'demo')}\n")


def _token(settings: Settings, user: str) -> str:
    authenticator = Authenticator(settings, load_secret(settings), SystemClock())
    return authenticator.local.issue_dev_token(user, name=user.title())


@command.command()
def worker() -> None:
    """Run one more worker, without serving."""
    from app.assembly import connect
    from app.process import running

    async def work(settings: Settings, url: str) -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        async with running(connect(settings, url), worker=True):
            log.info("working")
            await stopped.wait()
            log.info("stopping")

    run(work)


@command.command()
def migrate() -> None:
    """Bring the database up to date."""
    run(lambda _settings, url: bring_up_to_date(url))


@command.command()
def slow(
    hours: Annotated[float, typer.Option(min=0, help="How far to look back.")] = 24.0,
    json: Annotated[bool, typer.Option("--json", help="As JSON, with whole documents.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Forget them instead.")] = False,
) -> None:
    """List slow operations of all processes, see PUNNET_SLOW_OPERATION."""
    from app import slow_listing

    if clear:
        run(lambda _settings, url: slow_listing.clear_slow_operations(url))
        return
    rows = run(lambda _settings, url: slow_listing.slow_operations(url, hours))
    if json:
        typer.echo(slow_listing.as_json(rows))
    else:
        show(slow_listing.as_table(rows, hours))


@command.command()
def makemigrations() -> None:
    """Write migrations for what changed in the models; needs an empty scratch database."""
    for path in run(lambda _settings, url: write_migrations(url)):
        show(path)


@command.command()
def demo() -> None:
    """Load the demo data, unless it is there already."""
    from app.demo import load_demo

    async def work(settings: Settings, url: str) -> bool:
        await bring_up_to_date(url)
        return await load_demo(settings, url)

    show("The demo data is loaded." if run(work) else "The demo data is there already.")


@command.command()
def rotate_keys() -> None:
    """Encrypt anew what a previous secret encrypted, see PUNNET_PREVIOUS_SECRETS."""
    from app.rotating import rotate, show_rotated

    show_rotated(run(rotate))


@command.command()
def token(
    user: Annotated[str, typer.Option(help="The subject, such as `demo`.")] = "demo",
) -> None:
    """Print a development token (needs PUNNET_DEV=true)."""
    typer.echo(_token(Settings(), user))


@command.command()
def schema(
    output: Annotated[Path | None, typer.Option(help="Where to write it.")] = None,
) -> None:
    """Print the schema, or write it to a file."""
    _put(sdl(), output)


@command.command()
def configuration(
    output: Annotated[Path | None, typer.Option(help="Where to write it.")] = None,
) -> None:
    """Print the page about the settings, or write it to a file."""
    from app.configuration import reference

    _put(reference(), output)


@command.command()
def permissions(
    output: Annotated[Path | None, typer.Option(help="Where to write it.")] = None,
) -> None:
    """Print the page about permissions and roles, or write it to a file."""
    from app.permissions_page import page

    _put(page(), output)


@command.command()
def check_documents(
    path: Annotated[Path, typer.Argument(help="A JSON file of documents, or a folder of them.")],
) -> None:
    """Check that trusted documents fit the schema, as `punnet serve` does at its start."""
    from app.graphql import engine_of
    from app.trusted_documents import checked_documents
    from graphql_schema.schema import graphql_core_schema

    with refusals_shown():
        found = checked_documents(path, engine_of(Settings(), graphql_core_schema()))
    typer.echo(f"Documents that can run: {len(found)}.")


def _put(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text)


def main() -> None:
    """The entry point of `punnet`."""
    command()


if __name__ == "__main__":
    main()
