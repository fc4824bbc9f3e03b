"""What a call costs: exactly what fractions say, whatever the prices and the tokens."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.config_entries import PriceEntry
from models.billing.prices import MOST_TOKENS, Tokens, cost_of, tokens_of
from models.billing.usage_events import UsageEvent
from models.providing import Price

PRICES = st.decimals(0, 100_000, places=4)
NUMBERS = st.integers(0, MOST_TOKENS)
ODD = st.one_of(
    st.none(), st.booleans(), st.text(), st.floats(), st.integers(), st.lists(st.integers())
)


@st.composite
def tokens(draw: st.DrawFn) -> Tokens:
    """Those of any call."""
    read = draw(NUMBERS)
    return Tokens(read, draw(st.integers(0, read)), draw(NUMBERS), told=True)


@given(tokens(), PRICES, PRICES, PRICES)
def test_a_cost_is_exact(used: Tokens, input: Decimal, cached: Decimal, output: Decimal) -> None:
    cost = cost_of(used, Price(input, cached, output))
    millionths = (
        (used.input - used.cached) * Fraction(input)
        + used.cached * Fraction(cached)
        + used.output * Fraction(output)
    )
    assert Fraction(cost) == millionths / 10**6
    UsageEvent.check({"cost_usd": cost})  # it is stored as it is


@given(st.lists(st.tuples(tokens(), PRICES), max_size=40))
def test_sums_of_costs_lose_nothing(calls: list[tuple[Tokens, Decimal]]) -> None:
    costs = [cost_of(used, Price(price, price, price)) for used, price in calls]
    exact = sum((Fraction(used.total) * Fraction(price) for used, price in calls), Fraction(0))
    assert Fraction(sum(costs, Decimal(0))) == exact / 10**6


@given(ODD, ODD, ODD)
def test_what_is_no_number_of_tokens_is_not_told(read: Any, cached: Any, written: Any) -> None:
    usage = {"inputTokens": read, "cachedInputTokens": cached, "outputTokens": written}
    found = tokens_of(usage)
    told = [type(one) is int and 0 <= one <= MOST_TOKENS for one in (read, written)]
    assert found.told == all(told)
    assert found.input == (read if told[0] else 0)
    assert found.output == (written if told[1] else 0)
    assert 0 <= found.cached <= found.input


@pytest.mark.parametrize("price", ["-1", "0.00001", "NaN", "Infinity", "100001", "x", None])
def test_a_price_that_could_not_be_charged_exactly_is_refused(price: Any) -> None:
    with pytest.raises(ValidationError):
        PriceEntry(input=price, output=Decimal(1))
