"""Texts of our own for the generated rows: the same random numbers give the same text."""

from random import Random

SENTENCES = (
    "The page opens with a large heading and a short line that says what the shop sells.",
    "Prices stand on the right, so that a column of them can be read at a glance.",
    "A visitor who signs in finds the basket exactly as it was left.",
    "Please make the buttons larger; on a phone they are hard to hit.",
    "The list of orders is sorted by date, and the newest one is on top.",
    "I moved the filter into its own component, since two pages need it now.",
    "Errors are shown beside the field that caused them, not at the top of the form.",
    "When the server does not answer, the page says so and offers to try again.",
    "Could the calendar start on a Monday?",
    "The chart reads its numbers from one hook, which asks for them every minute.",
    "Dark mode follows the system unless somebody has chosen otherwise.",
    "Each recipe has a picture, a list of ingredients, and the steps in order.",
    "The search looks at titles first and then at descriptions.",
    "I added a test that fails without this change.",
    "The map loads only when it is scrolled into view, which saves half a second.",
    "Café, naïve, Größe and 東京 must survive every step of the way. 🌱",
    "The table keeps its header in sight while its rows scroll.",
    "A reader who cannot see the picture is told what is on it.",
)
LINES = (
    '      <p className="text-sm text-muted">{item.summary}</p>',
    "      <Price value={item.price} currency={shop.currency} />",
    "      <Button onClick={() => basket.add(item.id)}>Add to basket</Button>",
    "      {item.tags.map((tag) => <Tag key={tag}>{tag}</Tag>)}",
    "      <time dateTime={item.updatedAt}>{formatted(item.updatedAt)}</time>",
    '      <img src={item.image} alt={item.title} loading="lazy" />',
    "      <Link href={`/items/${item.id}`}>{item.title}</Link>",
)
FRAGMENT_SIZE = 2_048  # bytes of a fragment's files, about


def prose(random: Random, sentences: int) -> str:
    """A paragraph of so many sentences."""
    return " ".join(random.choices(SENTENCES, k=sentences))


def files(random: Random) -> dict[str, str]:
    """The two files of a fragment, of about FRAGMENT_SIZE bytes together."""
    rows: list[str] = []
    while sum(map(len, rows)) < FRAGMENT_SIZE - 300:
        rows.append(random.choice(LINES) + "\n")
    card = "export function Card({ item, shop, basket }) {\n  return (\n    <article>\n"
    return {
        "app/card.tsx": card + "".join(rows) + "    </article>\n  )\n}\n",
        "app/page.tsx": "export default function Page() {\n  return <Card item={first()} />\n}\n",
    }
