"""What the mock models say."""

import json
import re
from collections.abc import Iterator
from zlib import crc32

_BUILDS = re.compile(r"\b(?:build|make|create|design|generate|implement)\b", re.IGNORECASE)
_MARKUP = re.compile(r"[^\w .,!?'-]+")
_TITLE = 60

# A family is five code points joined, a flag two: text cut anywhere must still come out whole.
_WORDS = (
    *("berry", "punnet", "basket", "ripe", "**sweet**", "market", "🍓", "morning", "`leaf`"),
    *("garden", "picked", "👩\u200d👩\u200d👧", "fresh", "naïve", "草莓", "cream", "field", "🇫🇷"),
    *("summer", "jam", "𐍈", "row", "early"),
)

_TALK = """\
You asked: *{title}*

Here is a short way to think about it:

1. **Say what you want to see.** One sentence is enough to begin with.
2. **Start with the smallest version** that somebody can use.
3. **Look at it together**, then change one thing at a time.

> This answer comes from a mock model, so it is the same for the same question. 🍓

Shall I go on with `step 1`?
"""

_BUILD = """\
I will build a first version of **{title}**: one page and its styles.

```tsx app/page.tsx
"use client";

import {{ useState }} from "react";

export default function Page() {{
  const [count, setCount] = useState(0);

  return (
    <main className="page">
      <h1>{{{quoted}}}</h1>
      <button onClick={{() => setCount(count + 1)}}>🍓 {{count}}</button>
    </main>
  );
}}
```

```css app/globals.css
.page {{
  display: grid;
  gap: 1rem;
  place-items: center;
  min-height: 100vh;
}}
```

- `app/page.tsx` counts berries when the button is pressed.
- `app/globals.css` puts it in the middle of the page.

What should change first?
"""


def answer(asked: str) -> str:
    """Markdown about the text; with code fences that name files when it asks to build something."""
    title = " ".join(_MARKUP.sub(" ", asked[: 4 * _TITLE]).split())[:_TITLE].strip() or "your idea"
    template = _BUILD if _BUILDS.search(asked) else _TALK
    return template.format(title=title, quoted=json.dumps(title, ensure_ascii=False))


def words(key: str) -> Iterator[str]:
    """Words without end, each with a space behind; the same for the same key."""
    at = crc32(key.encode())
    while True:
        yield _WORDS[at % len(_WORDS)] + " "
        at += 7
