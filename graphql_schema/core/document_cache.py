"""What is known of documents, as far as there is room."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class DocumentCache(Generic[Value]):
    """A segmented LRU, bounded by entries and by estimated bytes.

    What was asked for again may fill three quarters; a flood of what is asked for once only
    replaces the rest. The least recently used goes first.
    """

    def __init__(self, *, entries: int, size: int) -> None:
        """`entries` and `size` (bytes) are upper bounds; 0 entries turns the cache off."""
        self._entries = entries
        self._size = size
        self._fresh: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._proven: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._proven_size = 0
        self.size = 0

    def __len__(self) -> int:
        return len(self._fresh) + len(self._proven)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._proven or key in self._fresh

    def get(self, key: Hashable) -> Value | None:
        """What is held under the key, which now counts as used."""
        found = self._proven.get(key)
        if found is not None:
            self._proven.move_to_end(key)
            return found[0]
        found = self._fresh.pop(key, None)
        if found is None:
            return None
        self._promote(key, found)
        return found[0]

    def put(self, key: Hashable, value: Value, size: int) -> None:
        """Hold the value of `size` bytes; one larger than an eighth of the bound is not kept."""
        if size * 8 > self._size or key in self:
            return
        self._fresh[key] = (value, size)
        self.size += size
        while len(self) > self._entries or self.size > self._size:
            _, (_, freed) = self._fresh.popitem(last=False)
            self.size -= freed

    def _promote(self, key: Hashable, entry: tuple[Value, int]) -> None:
        self._proven[key] = entry
        self._proven_size += entry[1]
        while len(self._proven) * 4 > self._entries * 3 or self._proven_size * 4 > self._size * 3:
            oldest, demoted = self._proven.popitem(last=False)
            self._proven_size -= demoted[1]
            self._fresh[oldest] = demoted
