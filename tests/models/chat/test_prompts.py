"""What stays of a prompt that is too long."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.chat.prompts import estimate_tokens, fit
from models.providing import ContentPart, PromptMessage


def said(role: str, *texts: str, images: int = 0) -> PromptMessage:
    parts = [ContentPart("text", text) for text in texts]
    parts += [ContentPart("image", f"https://h.test/{number}") for number in range(images)]
    return PromptMessage(role, parts)  # pyright: ignore[reportArgumentType] - tests name roles


messages = st.lists(
    st.builds(
        said,
        st.sampled_from(["system", "user", "assistant", "tool"]),
        st.text(max_size=200),
        images=st.integers(0, 2),
    ),
    max_size=12,
)


def test_estimates() -> None:
    assert estimate_tokens([]) == 0
    assert estimate_tokens([said("user", "")]) == 1
    assert estimate_tokens([said("user", "abcd", "abc", images=2), said("user", "🍓" * 8)]) == 1606


def test_what_fits_stays_as_it_is() -> None:
    given = [said("system", "Be short."), said("user", "a"), said("assistant", "b"), said("user")]
    assert fit(given, estimate_tokens(given)) == given


def test_the_oldest_turns_go_first_and_the_system_prompt_stays() -> None:
    system, *turns = said("system", "s" * 39), *(said("user", f"{n:039}") for n in range(5))
    assert fit([system, *turns], 30) == [system, *turns[3:]]
    assert fit([*turns, system], 39) == [system, *turns[3:]]


def test_a_gap_is_never_left_in_the_conversation() -> None:
    turns = [said("user", "small"), said("assistant", "x" * 400), said("user", "last")]
    assert fit(turns, 50) == turns[2:]


def test_a_huge_message_loses_its_middle() -> None:
    text = "begin" + "x" * 100_000 + "end"
    [cut] = fit([said("user", "old"), said("user", text)], 100)
    value = cut.parts[0].value
    assert value.startswith("begin")
    assert value.endswith("end")
    assert "…" in value
    assert estimate_tokens([cut]) == 100


def test_a_question_beside_a_huge_file_stays_whole() -> None:
    question = "What does this file do? " * 4
    [cut] = fit([said("user", "f" * 100_000, question, "g" * 100_000)], 1_000)
    assert [part.value[:1] for part in cut.parts] == ["f", "W", "g"]
    assert cut.parts[1].value == question
    assert abs(len(cut.parts[0].value) - len(cut.parts[2].value)) <= 4
    assert 990 <= estimate_tokens([cut]) <= 1_000


def test_images_go_when_they_have_no_room() -> None:
    [cut] = fit([said("user", "Compare.", images=5)], 1_700)
    assert [part.kind for part in cut.parts] == ["text", "image", "image"]


def test_a_huge_system_prompt_leaves_half_to_the_question() -> None:
    system, question = said("system", "s" * 4_000), said("user", "q" * 4_000)
    first, second = fit([system, question], 400)
    assert estimate_tokens([first]) == 200
    assert estimate_tokens([second]) == 200
    assert fit([system, said("user", "q")], 400)[1] == said("user", "q")
    assert estimate_tokens(fit([system, said("user", "q")], 400)) == 400


@pytest.mark.parametrize("budget", [0, -1, -1_000])
def test_no_budget_leaves_nothing(budget: int) -> None:
    assert fit([said("system", "s"), said("user", "u", images=1)], budget) == []


@given(messages, st.integers(-10, 4_000))
def test_the_result_fits_and_is_the_newest_run(given: list[PromptMessage], budget: int) -> None:
    found = fit(given, budget)
    assert estimate_tokens(found) <= max(budget, 0)
    if estimate_tokens(given) <= budget:
        assert sorted(map(repr, found)) == sorted(map(repr, given))
    turns = [each for each in given if each.role != "system"]
    kept = [each for each in found if each.role != "system"]
    if len(kept) > 1:
        assert kept == turns[-len(kept) :]
    elif turns and budget > 2:
        assert kept, "the newest message is always there"
        assert kept[0].role == turns[-1].role


@given(messages, st.integers(0, 4_000))
def test_fitting_twice_changes_nothing(given: list[PromptMessage], budget: int) -> None:
    found = fit(given, budget)
    assert fit(found, budget) == found


def test_long_conversations_take_linear_time() -> None:
    many = [said("user", "x" * 40)] * 100_000
    began = time.process_time()
    assert len(fit(many, 11 * 50_000)) == 50_000
    fit([said("user", *["y" * 40] * 100_000)], 100_000)
    assert time.process_time() - began < 5, "what is quadratic takes minutes"
