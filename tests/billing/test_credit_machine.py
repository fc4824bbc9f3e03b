"""Whatever is sent, ended, paid or waited for, the books balance, and each refusal is right.

A model says what each step must do; the server does the same.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from models.billing.plans import PlanTier
from models.billing.subscriptions import Subscription, SubscriptionStatus
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.crediting import BEST, CHEAP, COSTLY, PRO, balanced, subscribe, usage_of
from tests.harness.planting import alter, make_operator
from tests.harness.verbs import id_of

EXAMPLES = int(os.environ.get("FUZZ_ROUNDS", "1")) * 25
COSTS = {CHEAP: Decimal("0.5"), PRO: Decimal(1), BEST: Decimal(2)}
LIMITS = {PlanTier.FREE: Decimal(3), PlanTier.PRO: Decimal(6), PlanTier.UNLIMITED: None}
DAY = timedelta(days=1)
SHOWN = "{ reply { id } agentRun { id } }"
STEP = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(list(COSTS))),
    st.tuples(st.just("send"), st.sampled_from(list(COSTS))),
    st.tuples(
        st.just("end"),
        st.sampled_from(["complete", "fail", "cancel", "stop"]),
        st.integers(min_value=0, max_value=9),
    ),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 12.0, 24.0])),
    st.tuples(st.just("pay"), st.sampled_from(list(PlanTier))),
    st.tuples(st.just("reset")),
)
BIG, SMALL = ("send", BEST), ("send", CHEAP)


@dataclass
class Open:
    """An answer that is being written: its message, its run, its cost, and its window."""

    message: str
    run: str
    cost: Decimal
    window: int


@dataclass
class Model:
    """What a user's credits should be."""

    now: datetime
    plan: PlanTier = PlanTier.FREE
    window: int = 0
    ends: datetime | None = None
    reserved: Decimal = Decimal(0)
    spent: Decimal = Decimal(0)
    open: list[Open] = field(default_factory=list)

    def renew(self) -> None:
        """Begin another window where the last one is over."""
        if self.ends is None or self.ends <= self.now:
            self.window += 1
            self.ends, self.reserved, self.spent = None, Decimal(0), Decimal(0)

    @property
    def left(self) -> Decimal | None:
        """How many may still be reserved; None for any number."""
        limit, held = LIMITS[self.plan], self.reserved + self.spent
        return None if limit is None else max(Decimal(0), limit - held)


class Machine:
    """Does each step on the server and on the model."""

    def __init__(self, server: Server, clock: FakeClock, name: str) -> None:
        self.server, self.clock, self.name = server, clock, name
        self.model = Model(clock.now())
        self.user = self.paid = ""

    @classmethod
    async def of(cls, server: Server, clock: FakeClock, name: str) -> Machine:
        """One for a user who is there, and pays for nothing yet."""
        made = cls(server, clock, name)
        made.user = await id_of(made.api)
        canceled = SubscriptionStatus.CANCELED
        made.paid = await subscribe(server, made.user, PlanTier.FREE, canceled)
        return made

    @property
    def api(self) -> Api:
        """The user, with a token that holds by now."""
        return self.server.user(self.name)

    async def send(self, name: str) -> None:
        cost, model = COSTS[name], self.model
        run = {"content": "Hi", "model": name, "runSource": "WEBCONTAINER"}
        before = (model.window, model.ends, model.reserved, model.spent)
        model.renew()
        allowed = model.left is None or cost <= model.left
        try:
            made = await self.api.do("createProjectWithMessage", SHOWN, **run)
        except Refused as refused:
            assert (refused.code, allowed) == ("OUT_OF_CREDITS", False)
            model.window, model.ends, model.reserved, model.spent = before
            return
        assert allowed
        model.reserved += cost
        model.ends = model.ends or model.now + DAY
        ids = made["reply"]["id"], made["agentRun"]["id"]
        model.open.append(Open(*ids, cost, model.window))

    async def end(self, how: str, number: int) -> None:
        if not self.model.open:
            return
        one = self.model.open.pop(number % len(self.model.open))
        await self._ended(one, how)
        if one.window == self.model.window:
            self.model.reserved -= one.cost
            self.model.spent += one.cost if how == "complete" else 0

    async def _ended(self, one: Open, how: str) -> None:
        if how == "stop":
            await self.api.do("stopMessage", "{ __typename }", id=one.message)
            return
        given: dict[str, Any] = {"id": one.run}
        if how != "cancel":
            await self.api.do("claimAgentRun", "{ __typename }", id=one.run)
        if how == "complete":
            given |= {"summary": "Done", "files": {}}
        if how == "fail":
            given["error"] = "No"
        await self.api.do(f"{how}AgentRun", "{ __typename }", **given)

    async def wait(self, hours: float) -> None:
        self.model.now = self.clock.advance(hours=hours)

    async def pay(self, plan: PlanTier) -> None:
        self.model.plan = plan
        live = plan is not PlanTier.FREE
        status = SubscriptionStatus.ACTIVE if live else SubscriptionStatus.CANCELED
        await alter(self.server, Subscription, self.paid, plan_tier=plan, status=status)

    async def reset(self) -> None:
        if self.model.window:
            boss = self.server.user("boss")
            await boss.do("resetCredits", "{ __typename }", userId=self.user)
            self.model.window += 1
            self.model.ends, self.model.reserved, self.model.spent = None, Decimal(0), Decimal(0)

    async def check(self) -> None:
        """Compare what the server says with the model."""
        shown, model = await usage_of(self.api), self.model
        runs = model.ends is not None and model.ends > model.now
        limit, held = LIMITS[model.plan], (model.reserved, model.spent) if runs else (0, 0)
        assert (shown["reserved"], shown["spent"]) == held
        left = None if limit is None else max(0, limit - sum(held))
        assert (shown["remainingPoints"], shown["maxPoints"]) == (left, limit)
        assert shown["planType"] == model.plan.name


async def test_no_sequence_of_events_unbalances_the_books(start_server: StartServer) -> None:
    clock = FakeClock()
    rules = {"free_credits": LIMITS[PlanTier.FREE], "pro_credits": LIMITS[PlanTier.PRO]}
    server = await start_server(**COSTLY | rules, worker=False, clock=clock)
    await make_operator(server, server.user("boss"))
    loop, names = asyncio.get_running_loop(), itertools.count()

    async def tell(steps: list[tuple[Any, ...]]) -> None:
        machine = await Machine.of(server, clock, f"ada{next(names)}")
        for name, *rest in steps:
            await getattr(machine, name)(*rest)
            await machine.check()
        await balanced(server.sql)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @example([BIG, ("wait", 24.0), ("end", "complete", 0), SMALL, ("end", "stop", 0)])
    @example([BIG, ("reset",), SMALL, ("end", "cancel", 0), ("end", "complete", 0)])
    @example([("pay", PlanTier.UNLIMITED), *[BIG] * 4, ("pay", PlanTier.PRO), BIG])
    @example([("pay", PlanTier.PRO), *[BIG] * 3, ("pay", PlanTier.FREE), SMALL])
    @given(st.lists(STEP, min_size=8, max_size=20))
    def walk(steps: list[tuple[Any, ...]]) -> None:
        asyncio.run_coroutine_threadsafe(tell(steps), loop).result()

    await asyncio.to_thread(walk)
