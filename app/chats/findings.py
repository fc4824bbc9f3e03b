"""What an import read, added, left out and mended, with the first places of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

PLACES = 5
"""Places that are told of one finding; the rest are counted."""
SHOWN = 60
"""Characters of an id of the source that are shown."""


@dataclass(slots=True)
class Findings:
    """Counts of one import, and where what is amiss was found."""

    counts: Counter[str] = field(default_factory=Counter[str])
    flaws: Counter[str] = field(default_factory=Counter[str])
    places: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def count(self, what: str, number: int = 1) -> None:
        """Add to a count."""
        self.counts[what] += number

    def flaw(self, rule: str, place: str) -> None:
        """Count something that was not taken as it is."""
        self.flaws[rule] += 1
        places = self.places.setdefault(rule, [])
        if len(places) < PLACES:
            places.append(place)

    def lines(self) -> list[str]:
        """All of it for the terminal."""
        found = [f"{number:>12,}  {what}" for what, number in self.counts.items()]
        for rule, number in sorted(self.flaws.items()):
            found.append(f"{number:>12,}  {rule}")
            found += [f"{'':>14}{place}" for place in self.places[rule]]
            if number > PLACES:
                found.append(f"{'':>14}and {number - PLACES:,} more")
        return found


@dataclass(frozen=True, slots=True)
class Notes:
    """Findings in one entry of the file, which is called `place`."""

    findings: Findings
    place: str

    def of(self, key: object) -> Notes:
        """The same, once the entry's id is known."""
        return Notes(self.findings, f"{self.place} ({shown(key)})")

    def flaw(self, rule: str, message: object = None) -> None:
        """Tell of a flaw of the entry, or of one of its messages."""
        place = self.place if message is None else f"{self.place}, message {shown(message)}"
        self.findings.flaw(rule, place)


def shown(key: object) -> str:
    """An id of a file as a terminal may show it."""
    return "".join(one if one.isprintable() else "?" for one in str(key)[:SHOWN])
