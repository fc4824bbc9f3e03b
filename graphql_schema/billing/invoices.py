"""Invoices in the API."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from graphql_schema.core.connection import Connection
from graphql_schema.core.entries import pages_of_owner
from graphql_schema.core.enums import describe
from graphql_schema.core.mutations import acting, given, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.billing import invoices
from models.billing.invoices import InvoiceStatus
from models.permissions import Permission
from models.reading import Listing, Order

describe(
    InvoiceStatus,
    "How an invoice stands.",
    OPEN="Its period goes on, or is not closed yet.",
    ISSUED="It is to be paid.",
    PAID="It was paid.",
    VOID="It asks for nothing any more.",
)


@record_type(invoices.Invoice)
class Invoice(Node):
    org_id: strawberry.ID
    billing_period: str
    amount: Decimal
    status: InvoiceStatus
    created_at: datetime
    updated_at: datetime


@strawberry.input(description="A billing period of an organisation to close.")
class ClosePeriodInput:
    org_id: strawberry.ID = given("Which organisation.")
    billing_period: str = given("A month of UTC that is over, such as `2026-01`.")


@strawberry.input(description="How an issued invoice was settled.")
class SettleInvoiceInput:
    id: strawberry.ID = given("Which invoice.")
    status: InvoiceStatus = given("PAID or VOID.")


@strawberry.type(description="The invoice of the closed period.")
class ClosePeriodPayload:
    invoice: Invoice = strawberry.field(description="The invoice.")


@strawberry.type(description="The settled invoice.")
class SettleInvoicePayload:
    invoice: Invoice = strawberry.field(description="The invoice.")


LATEST = Listing(invoices.Invoice, "owner_id", Order("billing_period", descending=True), 0)


@strawberry.type
class Query:
    invoices: Connection[Invoice] = pages_of_owner(
        LATEST, "An organisation's invoices, the latest period first; needs BILLING."
    )


@strawberry.type
class Mutation:
    @mutation(
        "Issue an organisation's invoice for a period that is over; a second time it is the same.",
        needs=Permission.OPERATE,
    )
    async def close_period(
        self, info: strawberry.Info, input: ClosePeriodInput
    ) -> ClosePeriodPayload:
        what = input.org_id, input.billing_period
        row: Any = await invoices.close_period(acting(info, input), *what)
        return ClosePeriodPayload(invoice=row)

    @mutation("Mark an issued invoice as paid or void, for good.", needs=Permission.OPERATE)
    async def settle_invoice(
        self, info: strawberry.Info, input: SettleInvoiceInput
    ) -> SettleInvoicePayload:
        row: Any = await invoices.settle_invoice(acting(info, input), input.id, input.status)
        return SettleInvoicePayload(invoice=row)
