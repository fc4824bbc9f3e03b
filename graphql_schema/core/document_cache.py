"""Documents already parsed and validated, the most recently used ones."""

from collections import OrderedDict
from typing import Generic, TypeVar

Value = TypeVar("Value")


class DocumentCache(Generic[Value]):
    """Least recently used out first; bounded by entries and by estimated bytes."""

    def __init__(self, *, entries: int, size: int) -> None:
        """`entries` and `size` (bytes) are upper bounds; 0 entries turns the cache off."""
        self._entries = entries
        self._size = size
        self._held: OrderedDict[tuple[str, str | None], tuple[Value, int]] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: tuple[str, str | None]) -> Value | None:
        """What is held under the key, which now counts as used."""
        found = self._held.get(key)
        if found is None:
            return None
        self._held.move_to_end(key)
        return found[0]

    def put(self, key: tuple[str, str | None], value: Value, size: int) -> None:
        """Hold the value of `size` bytes; one larger than an eighth of the bound is not kept."""
        if size * 8 > self._size or key in self._held:
            return
        self._held[key] = (value, size)
        self.size += size
        while len(self._held) > self._entries or self.size > self._size:
            _, (_, freed) = self._held.popitem(last=False)
            self.size -= freed
