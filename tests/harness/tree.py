"""A simple model of a conversation's tree, to compare the real one with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(eq=False)
class Node:
    """A message: what it says, and its versions of what follows."""

    id: str
    role: str
    text: str
    parent: Node | None = None
    source: Node | None = None
    children: list[Node] = field(default_factory=list)
    selected: Node | None = None  # among the children
    index: int = 0  # among its siblings
    shown: bool = False  # of its siblings, when it was removed


class Tree:
    """Nodes below a root that is no message."""

    def __init__(self) -> None:
        self.root = Node("", "", "")

    def tail(self) -> Node:
        """The end of the selected branch, or the root."""
        return self.branch()[-1] if self.branch() else self.root

    def branch(self) -> list[Node]:
        """The selected branch from its beginning."""
        found, at = [], self.root.selected
        while at is not None:
            found.append(at)
            at = at.selected
        return found

    def add(self, parent: Node, node: Node, *, shown: bool = True) -> Node:
        """A new version of what follows `parent`; when `shown`, with all above it."""
        node.parent = parent
        node.index = 1 + max((child.index for child in parent.children), default=-1)
        parent.children.append(node)
        if shown:
            self.show(node)
        return node

    def show(self, node: Node) -> None:
        """Select a node and all that it follows."""
        while node.parent is not None:
            node.parent.selected = node
            node = node.parent

    def remove(self, node: Node) -> None:
        """Take a node away with all below; the newest version left is selected instead."""
        parent = node.parent
        assert parent is not None
        parent.children.remove(node)
        node.shown = parent.selected is node
        if node.shown:
            parent.selected = parent.children[-1] if parent.children else None

    def put_back(self, node: Node) -> None:
        """Undo `remove`: at its old place unless that is taken, shown if it was or is alone."""
        parent = node.parent
        assert parent is not None
        taken = [child.index for child in parent.children]
        if node.index in taken:
            node.index = max(taken) + 1
        parent.children.append(node)
        parent.children.sort(key=lambda child: child.index)
        if node.shown or not taken:
            parent.selected = node

    def nodes(self) -> Iterator[Node]:
        """All nodes, those above before those below."""
        stack = list(self.root.children)
        while stack:
            node = stack.pop()
            yield node
            stack += node.children

    def path(self, node: Node) -> list[Node]:
        """A node and all it follows, from the beginning."""
        found = [node]
        while found[0].parent is not self.root and found[0].parent is not None:
            found.insert(0, found[0].parent)
        return found
