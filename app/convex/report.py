"""What an import read, wrote, left out and mended, by table and rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from rich.table import Table

READ, ADDED, UPDATED, UNCHANGED = "read", "added", "updated", "unchanged"
PLAIN = (READ, ADDED, UPDATED, UNCHANGED)


@dataclass(slots=True)
class Report:
    """Counts of one import: of which `app` it was, and how many `seconds` all of it took.

    `flaws` are those counts that say that something was not taken as it is.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    flaws: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    app: str = ""
    seconds: float = 0.0

    def count(self, table: str, rule: str, number: int = 1) -> None:
        """Add to a count; nothing for none."""
        if number:
            self.counts[table, rule] += number

    def flaw(self, table: str, rule: str, number: int = 1) -> None:
        """Add to a count that is a flaw; nothing for none."""
        if number:
            self.flaws.add((table, rule))
            self.count(table, rule, number)

    def total(self, rule: str) -> int:
        """One rule's count over all tables."""
        return sum(number for (_, found), number in self.counts.items() if found == rule)

    @property
    def speed(self) -> float:
        """Documents per second."""
        return self.total(READ) / self.seconds if self.seconds else 0.0

    def shown(self) -> tuple[Table, Table]:
        """The plain counts, and the rest of them, for the terminal."""
        plain, findings = Table("table", *PLAIN), Table("table", "finding", "documents")
        for table in sorted({table for table, rule in self.counts if rule in PLAIN}):
            plain.add_row(table, *(f"{self.counts[table, rule]:,}" for rule in PLAIN))
        for (table, rule), number in sorted(self.counts.items()):
            if rule not in PLAIN:
                findings.add_row(table, rule, f"{number:,}")
        return plain, findings
