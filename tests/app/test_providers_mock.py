"""The mock models, on a sleep that only notes how long it was."""

import asyncio
from itertools import islice

import pytest

from app.providers.directives import parse
from app.providers.mock import MockProvider
from models.builder.answer_files import files_from_answer
from models.providing import ContentPart, Delta, Finish, Prompt, PromptMessage, ProviderError


class Naps:
    """A sleep that returns at once and remembers the seconds."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        await asyncio.sleep(0)


def ask(text: str, *, model: str = "raypx-1", key: str = "gen_1", attempt: int = 0) -> Prompt:
    earlier = [
        PromptMessage("user", [ContentPart("text", "[[refuse]] said earlier")]),
        PromptMessage("assistant", [ContentPart("text", "No.")]),
    ]
    asked = PromptMessage("user", [ContentPart("image", "https://h.test/a"), _text(text)])
    return Prompt(model, [*earlier, asked], key, attempt)


def _text(text: str) -> ContentPart:
    return ContentPart("text", text)


async def run(prompt: Prompt, naps: Naps | None = None) -> tuple[list[Delta], Finish | None, str]:
    """The deltas, the end or None after a failure, and the text of part 0."""
    deltas: list[Delta] = []
    end: Finish | None = None
    try:
        async for each in MockProvider(sleep=naps or Naps()).stream(prompt):
            assert end is None, "nothing follows the end"
            if isinstance(each, Finish):
                end = each
            else:
                assert each.text, "a delta is never empty"
                deltas.append(each)
    except ProviderError as error:
        assert error.retryable
    return deltas, end, "".join(each.text for each in deltas if each.part == 0)


async def test_answers_the_last_message_word_by_word() -> None:
    naps = Naps()
    deltas, end, text = await run(ask("Why are strawberries red?"), naps)
    assert "Why are strawberries red?" in text
    assert "**" in text
    assert any(ord(character) > 0xFFFF for character in text)
    assert len(deltas) > 40
    assert end is not None
    assert end.reason == "stop"
    assert end.usage == {"inputTokens": 814, "outputTokens": len(deltas)}
    assert len(naps.taken) == len(deltas)
    assert set(naps.taken[1:]) == {0.004}
    assert files_from_answer(text) == {}


@pytest.mark.parametrize("verb", ["Build", "make", "Please create"])
async def test_asked_to_build_it_writes_files(verb: str) -> None:
    _, _, text = await run(ask(f'{verb} me a "shop" ```\n~~~ </h1> {{x}} for berries'))
    files = files_from_answer(text)
    assert list(files) == ["app/page.tsx", "app/globals.css"]
    assert "shop" in files["app/page.tsx"]
    assert "{x}" not in files["app/page.tsx"]
    assert files["app/page.tsx"].count("</h1>") == 1


async def test_the_same_prompt_gives_the_same_answer_and_another_key_another() -> None:
    first, second = await run(ask("[[tokens:9]]")), await run(ask("[[tokens:9]]", attempt=1))
    other = await run(ask("[[tokens:9]]", key="gen_2"))
    assert first == second
    assert first != other


async def test_tokens() -> None:
    deltas, end, text = await run(ask("[[tokens:500]]"))
    assert len(deltas) == 500
    assert end is not None
    assert any(ord(character) > 0xFFFF for character in text)
    assert "\u200d" in text


async def test_delay_and_first() -> None:
    naps = Naps()
    await run(ask("[[tokens:3]] [[delay:5ms]] [[first:1.5s]]"), naps)
    assert naps.taken == [1.5, 0.005, 0.005]


async def test_slow_waits_for_the_first_piece_and_between() -> None:
    naps = Naps()
    await run(ask("[[tokens:3]]", model="slow"), naps)
    assert naps.taken == [3.0, 0.5, 0.5]


@pytest.mark.parametrize(
    "text", ["", "a", "two  words\n", " lead", "🍓👩\u200d👧", "x" * 500, "[[a"]
)
async def test_echo_returns_exactly_that(text: str) -> None:
    deltas, end, answer = await run(ask(f"Say [[echo:{text}]] please"))
    assert answer == text
    assert end is not None
    assert all(len(each.text) <= 160 for each in deltas)


async def test_reasoning_comes_first_as_a_part_of_its_own() -> None:
    deltas, end, _ = await run(ask("[[reasoning:first I think]][[echo:then I say]]"))
    assert [(each.part, each.kind) for each in deltas] == [(0, "reasoning")] * 3 + [(1, "text")] * 3
    assert "".join(each.text for each in deltas) == "first I thinkthen I say"
    assert end is not None


@pytest.mark.parametrize(("after", "pieces"), [(0, 0), (2, 2), (99, 4)])
async def test_fails_after_so_many_pieces(after: int, pieces: int) -> None:
    deltas, end, _ = await run(ask(f"[[echo:one two three four]][[fail-after:{after}]]"))
    assert len(deltas) == pieces
    assert end is None


async def test_fails_once_per_generation() -> None:
    for key in ("gen_1", "gen_2"):
        deltas, end, _ = await run(ask("[[echo:one two]][[fail-once]]", key=key))
        assert (len(deltas), end) == (1, None)
        deltas, end, _ = await run(ask("[[echo:one two]][[fail-once]]", key=key, attempt=1))
        assert len(deltas) == 2
        assert end is not None


async def test_fails_once_after_so_many_pieces() -> None:
    asked = "[[echo:one two three four]][[fail-after:3]][[fail-once]]"
    deltas, end, _ = await run(ask(asked))
    assert (len(deltas), end) == (3, None)
    deltas, end, _ = await run(ask(asked, attempt=2))
    assert len(deltas) == 4
    assert end is not None


@pytest.mark.parametrize("attempt", [0, 1, 2])
async def test_fail_always_breaks_off_midway(attempt: int) -> None:
    deltas, end, _ = await run(ask("Hello", model="fail", attempt=attempt))
    whole, _, _ = await run(ask("Hello"))
    assert deltas == whole[: len(whole) // 2]
    assert end is None


async def test_endless_goes_on_until_cancelled() -> None:
    pieces: list[Delta | Finish] = []

    async def read() -> None:
        async for each in MockProvider(sleep=Naps()).stream(ask("[[echo:]]", model="endless")):
            pieces.append(each)  # noqa: PERF401 - read while it grows

    task = asyncio.create_task(read())
    while len(pieces) < 5_000:
        assert not task.done()
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert all(isinstance(each, Delta) for each in pieces)


async def test_on_the_real_clock_it_takes_a_few_milliseconds() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async for _ in MockProvider().stream(ask("[[tokens:4]][[delay:20ms]][[first:20ms]]")):
        pass
    assert 0.08 <= loop.time() - began < 2


@pytest.mark.parametrize(("text", "model"), [("[[refuse]]", "raypx-1"), ("Hello", "other")])
async def test_refusals_are_not_retryable(text: str, model: str) -> None:
    with pytest.raises(ProviderError) as caught:
        await anext(MockProvider(sleep=Naps()).stream(ask(text, model=model)))
    assert not caught.value.retryable


async def test_a_prompt_without_a_user_is_answered() -> None:
    _, end, text = await run(Prompt("raypx-1", [], "gen_1"))
    assert end is not None
    assert text


@pytest.mark.parametrize(
    "text",
    [
        *("[[tokens:-1]]", "[[tokens:x]]", "[[tokens:²]]", "[[tokens]]", "[[fail-once:now]]"),
        *("[[delay:soon]]", "[[delay:nan]]", "[[delay:1e9]]", "[[delay:.]]", "[[delay:-1s]]"),
        *("[[unknown:1]]", "[[]]", "[[", "]]", "[[tokens:5", "[[text:x]]", "[tokens:5]"),
    ],
)
def test_what_is_no_directive_stays_text(text: str) -> None:
    found = parse(text)
    assert found.text == text
    assert found == parse("").__class__(text=text)


def test_directives_are_bounded_taken_out_and_the_last_one_holds() -> None:
    found = parse("a [[tokens:7]]b[[tokens:99999999999999999999]] [[delay:9999]][[fail-once]]c")
    assert (found.tokens, found.delay, found.fail_once) == (20_000, 60.0, True)
    assert found.text == "a b c"


def test_hostile_directives_take_linear_time() -> None:
    loop_free = [parse(text) for text in ("[[" * 500_000, "[[]]" * 250_000, "]]" * 500_000)]
    assert [len(found.text) for found in islice(loop_free, 3)] == [1_000_000] * 3
