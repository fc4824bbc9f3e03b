"""Which code fences of an answer are files."""

import re
import time
from timeit import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.builder.answer_files import files_from_answer


def fence(info: str, content: str = "x\n", mark: str = "```") -> str:
    return f"{mark}{info}\n{content}{mark}\n"


@pytest.mark.parametrize(
    "info",
    [
        *(
            "app/page.tsx",
            " app/page.tsx ",
            "tsx app/page.tsx",
            "tsx\tapp/page.tsx",
            "c++ app/page.tsx",
        ),
        *("tsx:app/page.tsx", "tsx ./app/page.tsx", "file:app/page.tsx", "tsx app/page.tsx {1,3}"),
        *('tsx title="app/page.tsx"', "tsx title='app/page.tsx'", "tsx {1,3} title=app/page.tsx"),
        *("file=app/page.tsx", 'path="app/page.tsx"', "filename=app/page.tsx x=1.5"),
        *('tsx app/page.tsx title="My page v1.0"', 'tsx title="Page" file="app/page.tsx"'),
    ],
)
def test_info_strings_that_name_a_path(info: str) -> None:
    assert files_from_answer(fence(info)) == {"app/page.tsx": "x\n"}


@pytest.mark.parametrize(
    "path",
    [
        *("a.b", "Makefile/x", "app/[...slug]/page.tsx", "app/(group)/@modal/page.tsx", ".env"),
        *("src/überblick.ts", "a/b..c.ts", "x" * 198 + ".a", "app/__init__.py", "日本/語.ts"),
    ],
)
def test_paths_that_are_safe(path: str) -> None:
    assert files_from_answer(fence(f"tsx {path}")) == {path: "x\n"}


@pytest.mark.parametrize(
    "path",
    [
        *(
            "../x.ts",
            "a/../x.ts",
            "a/..",
            "..",
            ".",
            "a/./b.ts",
            "a//b.ts",
            "a/",
            "/etc/passwd",
            "//h/x",
        ),
        *(
            "C:/x.ts",
            "a/C:/x.ts",
            "C:x.ts",
            "a\\b.ts",
            "..\\x.ts",
            "\\\\h\\x.ts",
            "~/x.ts",
            "~root/x.ts",
        ),
        *(
            "a\0.ts",
            "a\x07.ts",
            "a\x7f.ts",
            "a\u202e.ts",
            "a\u2028b.ts",
            "a\ud800.ts",
            "x" * 199 + ".a",
        ),
        *("Makefile", "a/.../b.ts", "a/ b.ts", "a /b.ts", "", "./", "./../x.ts", "././x.ts"),
        *("https://h.test/x.ts", "file:///etc/passwd"),
    ],
)
def test_paths_that_are_not(path: str) -> None:
    assert files_from_answer(fence(f'tsx title="{path}"')) == {}
    if " " not in path and not path.startswith("C:x"):
        assert files_from_answer(fence(f"tsx:{path}")) == {}
        assert files_from_answer(fence(path)) == {}


@pytest.mark.parametrize(
    "info", ["", "tsx", "tsx {1.5}", '{"a.b"}', 'tsx title="a.b', "tsx x=a.b", "a" * 600 + " b.c"]
)
def test_info_strings_without_a_path(info: str) -> None:
    assert files_from_answer(fence(info)) == {}


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("```a.b\nx\n```", "x\n"),
        ("```a.b\n```", ""),
        ("```a.b\n\n```", "\n"),
        ("~~~a.b\nx\n~~~", "x\n"),
        ("~~~ a.b `c`\nx\n~~~", "x\n"),
        ("````a.b\n```\nx\n```\n````", "```\nx\n```\n"),
        ("```a.b\nx\n~~~\n```", "x\n~~~\n"),
        ("```a.b\nx\n`````  \t\nafter", "x\n"),
        ("```a.b\nx\n``` no\n```", "x\n``` no\n"),
        ("```a.b\nx\n    ```\n```", "x\n    ```\n"),
        ("   ```a.b\n     x\n y\nz\n  ```", "  x\ny\nz\n"),
        ("```a.b\r\nx\r\ny\r\n```\r\n", "x\ny\n"),
        ("```a.b\rx\r```", "x\n"),
        ("```a.b\nx\x0by\u2028z\x85\n```", "x\x0by\u2028z\x85\n"),
        ("text\n```a.b\nx\n```\ntext", "x\n"),
        ("``` js `no` \n```a.b\nx\n```", "x\n"),
    ],
)
def test_fences_as_commonmark_has_them(text: str, content: str) -> None:
    assert files_from_answer(text) == {"a.b": content}


@pytest.mark.parametrize(
    "text",
    [
        "```a.b\nx\n",
        "```a.b",
        "``a.b\nx\n``",
        "    ```a.b\nx\n    ```",
        "\t```a.b\nx\n\t```",
        "````a.b\nx\n```",
        "```a.b\nx\n~~~",
        "```a.b `c`\nx\n",
        "x ```a.b\nx\n",
        "```\n```a.b\nx\n```\n",
        "```a.b ```\n",
    ],
)
def test_what_is_no_closed_fence(text: str) -> None:
    assert files_from_answer(text) == {}


def test_the_later_file_wins_and_keeps_its_place() -> None:
    text = fence("a.ts", "1\n") + fence("b.ts", "2\n") + fence("./a.ts", "3\n")
    assert list(files_from_answer(text).items()) == [("a.ts", "3\n"), ("b.ts", "2\n")]


def test_after_200_files_only_known_ones_are_replaced() -> None:
    text = "".join(fence(f"{number}.ts") for number in range(205)) + fence("3.ts", "new\n")
    found = files_from_answer(text)
    assert list(found) == [f"{number}.ts" for number in range(200)]
    assert found["3.ts"] == "new\n"


HOSTILE = [
    "`" * 1_000_000,
    "~" * 1_000_000,
    "```\n" * 250_000,
    "```a.b\n" * 140_000,
    "\n" * 1_000_000,
    "   \n" * 250_000,
    "\r" * 1_000_000,
    "```a.b\n```\n" * 90_000,
    "".join(f"```{number}.b\n```\n" for number in range(70_000)),
    "   ```" * 160_000,
    "```" + "\"' " * 333_000,
    "```a.b " + "=" * 1_000_000,
    "```" + "a" * 1_000_000 + "\n```",
    "`" * 500_000 + "\n" + "```\n" * 125_000,
    "".join("`" * (3 + number % 90) + "a.b\n" for number in range(20_000)),
    "``` `\n" * 160_000,
    ("```" + '"' * 400 + "\n```\n") * 2_400,
    ('```t title="' + "a'b" * 100 + "\n```\n") * 3_000,
    "   ```a.b\n" + "   x\n" * 200_000 + "```",
]


HONEST = "".join(fence(f"tsx app/{number}.tsx") for number in range(40_000))


def cpu_seconds(text: str) -> float:
    took = repeat(lambda: files_from_answer(text), timer=time.process_time, number=1, repeat=3)
    return min(took)


@pytest.fixture(scope="module")
def honest() -> float:
    """CPU seconds of an honest megabyte: how fast this machine is."""
    return cpu_seconds(HONEST)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_megabyte_costs_what_an_honest_one_does(text: str, honest: float) -> None:
    assert cpu_seconds(text) < 5 * honest, "what is quadratic takes 1,000 times as much"


line = st.one_of(
    st.sampled_from(
        ["```", "~~~", "````", " ```", "    ```", "```a.b", "~~~ts ../x", "x", "", "```c:/d"]
    ),
    st.text(max_size=30),
)


@given(st.lists(line, max_size=30).map("\n".join))
def test_only_safe_paths_and_only_content_of_the_answer(text: str) -> None:
    for path, content in files_from_answer(text).items():
        assert path == path.strip()
        assert 0 < len(path) <= 200
        assert not re.search(r"[\x00-\x1f\x7f\\:]|^/|^~|(^|/)\.*(/|$)", path)
        assert content == "" or content.endswith("\n")


segment = st.text(st.sampled_from("abz09_-[]()@. é"), min_size=1, max_size=8).filter(
    lambda part: part.strip(". ") != "" and part == part.strip() and not part.startswith("-")
)
paths = st.lists(segment, min_size=2, max_size=4).map("/".join)
contents = st.lists(st.text(st.characters(exclude_characters="\r\n`", codec="utf-8"))).map(
    lambda lines: "".join(f"{each}\n" for each in lines)
)


@given(st.dictionaries(paths, contents, max_size=5), st.integers(3, 9))
def test_files_come_back_as_they_were_written(files: dict[str, str], length: int) -> None:
    text = "".join(
        fence(f'ts title="{path}"', content, "`" * length) + "and then\n"
        for path, content in files.items()
    )
    assert files_from_answer(text) == files
