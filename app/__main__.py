"""The command: `punnet serve`, `worker`, `migrate`, `demo`, `token`, `schema` and more."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import structlog
import typer
import uvloop
from rich import print as show

from app.auth import Authenticator, load_secret
from app.clock import SystemClock
from app.config import Settings
from app.logging import configure_logs
from app.migrations import migrate as bring_up_to_date
from app.migrations import write_migrations
from app.postgres import EmbeddedPostgres
from graphql_schema.schema import sdl
from models.errors import DomainError

if TYPE_CHECKING:
    from app.operators import Office
    from models.accounts.users import User

log = structlog.get_logger()

command = typer.Typer(
    name="punnet",
    help="Punnet, the GraphQL backend for products built on AI.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

imports = typer.Typer(name="import", help="Take over data.", no_args_is_help=True)
command.add_typer(imports)


@contextmanager
def database(settings: Settings) -> Generator[str, None, None]:
    """The URL of the database, the embedded one where none is set."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with EmbeddedPostgres(settings.data_dir / "postgres") as server:
        yield server.url()


def run(work: Callable[[Settings, str], Awaitable[Any]]) -> Any:
    """Run a coroutine with the settings and the database."""
    settings = Settings()
    configure_logs(settings)
    with database(settings) as url:
        return uvloop.run(_awaited(work(settings, url)))


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work


@command.command()
def serve(
    demo: Annotated[bool, typer.Option("--demo", help="Load the demo data first, once.")] = False,
) -> None:
    """Serve the API, after bringing the database up to date; with a worker inside."""
    from app.demo import load_demo
    from app.server import serve as serve_app

    async def work(settings: Settings, url: str) -> None:
        await bring_up_to_date(url)
        if demo:
            await load_demo(settings, url)
        await serve_app(settings, url, lambda address: _greet(settings, address))

    run(work)


def _greet(settings: Settings, address: str) -> None:
    show(f"\n  [bold]Punnet[/bold] serves GraphQL at {address}/graphql")
    if settings.dev:
        show(f"  GraphiQL: {address}/")
        show("  Token of the demo user, for the Authorization header:\n")
        typer.echo(f"Bearer {_token(settings, 'demo')}\n")


def _token(settings: Settings, user: str) -> str:
    authenticator = Authenticator(settings, load_secret(settings), SystemClock())
    return authenticator.local.issue_dev_token(user, name=user.title())


@command.command()
def worker() -> None:
    """Run one more worker, without serving."""
    from app.process import connect, running

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


@imports.command()
def convex(
    snapshot: Annotated[Path, typer.Argument(help="The ZIP of `npx convex export`.")],
    strict: Annotated[bool, typer.Option("--strict", help="Refuse flaws.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
) -> None:
    """Import a snapshot export of a Convex deployment. A second run changes nothing."""
    from app.convex.command import import_snapshot

    async def work(settings: Settings, url: str) -> None:
        await bring_up_to_date(url)
        await import_snapshot(settings, url, snapshot, strict=strict, dry_run=dry_run)

    run(work)


@command.command()
def token(
    user: Annotated[str, typer.Option(help="The subject, such as `demo`.")] = "demo",
) -> None:
    """Print a development token (needs PUNNET_DEV=true)."""
    typer.echo(_token(Settings(), user))


Who = Annotated[str, typer.Argument(help="The user's id, or the subject of their token.")]


@command.command()
def grant_operator(who: Who) -> None:
    """Make a user an operator, who reads what belongs to nobody."""
    from models.accounts import operators

    typer.echo(f"{_appointed(operators.grant_operator, who)} is an operator now.")


@command.command()
def revoke_operator(who: Who) -> None:
    """Make an operator a user like any other."""
    from models.accounts import operators

    typer.echo(f"{_appointed(operators.revoke_operator, who)} is no operator any more.")


def _appointed(office: Office, who: str) -> str:
    """The id of a user who was given an office, or lost it; ends the command if there is none."""
    from app.operators import appoint

    try:
        user: User = run(lambda settings, url: appoint(settings, url, office, who))
    except DomainError as error:
        raise SystemExit(error.message) from error
    return user.id


@command.command()
def schema(
    output: Annotated[Path | None, typer.Option(help="Where to write it.")] = None,
) -> None:
    """Print the schema, or write it to a file."""
    if output is None:
        typer.echo(sdl(), nl=False)
    else:
        output.write_text(sdl())


def main() -> None:
    """The entry point of `punnet`."""
    command()


if __name__ == "__main__":
    main()
