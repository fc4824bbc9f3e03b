"""`punnet close-period`: the invoices of a billing period that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.running import refusals_shown, run

if TYPE_CHECKING:
    from app.config import Settings
    from models.billing.invoices import Invoice


def close_period(
    period: Annotated[str, typer.Argument(help="A month of UTC that is over, such as 2026-01.")],
) -> None:
    """Issue the invoices of all organisations that used something in a month."""
    with refusals_shown():
        issued: list[Invoice] = run(lambda settings, url: _close(settings, url, period))
    for invoice in issued:
        typer.echo(f"{invoice.org_id}  {invoice.amount} USD")
    typer.echo(f"Invoices issued: {len(issued)}.")


async def _close(settings: Settings, url: str, period: str) -> list[Invoice]:
    from app.assembly import connect
    from app.process import running
    from models.billing.invoices import issue_invoice, orgs_to_close
    from models.verbs import Actor
    from models.viewer import SIGNED_OUT

    services = connect(settings, url)
    async with running(services, worker=False):
        ports = services.ports
        actor = Actor(SIGNED_OUT, ports.database, ports.clock, ports.bus, ports.models)
        issued: list[Invoice] = []
        while found := await orgs_to_close(actor, period):
            issued += [await issue_invoice(actor, org_id, period) for org_id in found]
        return issued
