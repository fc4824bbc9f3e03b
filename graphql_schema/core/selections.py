"""An operation as a list of selection sets, read in one pass without recursion.

Each fragment is read once, however often it is spread. `@skip` and `@include` count as included.
This comes before validation: what the schema does not know counts as a plain field, and a
fragment that contains itself ends there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

from graphql_schema.core.prices import Price, Prices, Rows

PAGE_ROWS = 20
MAX_PAGE = 100


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str
    default: object


@dataclass(frozen=True, slots=True)
class Arguments:
    """A number of rows that arguments say, by literals and variables."""

    kind: Rows
    values: tuple[object, ...]

    def rows(self, variables: Mapping[str, object]) -> int:
        given = [
            variables.get(value.name, value.default) if isinstance(value, _Variable) else value
            for value in self.values
        ]
        if self.kind is Rows.IDS:
            return max((_length(value) for value in given), default=1)
        return max((_page(value) for value in given if value is not None), default=PAGE_ROWS)


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else 1  # pyright: ignore[reportUnknownArgumentType] - whatever it holds


def _page(value: object) -> int:
    """What is not a number is refused later; here it counts as the most."""
    if isinstance(value, int | float) and value < MAX_PAGE:
        return int(value) if value > 0 else 0
    return MAX_PAGE


@dataclass(frozen=True, slots=True)
class Below:
    """A set below another: its index, by what kind of field, for how many rows."""

    index: int
    kind: Rows
    rows: float | Arguments

    @property
    def varies(self) -> bool:
        """Whether variables say how many rows."""
        return isinstance(self.rows, Arguments) and any(
            isinstance(value, _Variable) for value in self.rows.values
        )


@dataclass(slots=True)
class Selections:
    """A selection set: what its own fields cost, the sets below, how deep it nests (itself: 1)."""

    cost: int = 0
    depth: int = 1
    below: list[Below] = field(default_factory=list[Below])


@dataclass(frozen=True, slots=True)
class _Visit:
    """A selection set while it is read; `price` and `rows` are those of the field above it."""

    found: Selections
    type: GraphQLNamedType | None
    rest: Iterator[SelectionNode]
    kind: Rows
    rows: float | Arguments
    fragment: str | None


class Operation:
    """Reads one operation into a list of sets, each behind all that is below it.

    Without recursion: chains of fragments may be longer than the stack is deep.
    """

    def __init__(
        self, prices: Prices, document: DocumentNode, operation: OperationDefinitionNode
    ) -> None:
        self.sets: list[Selections] = []
        self.aliases = 0
        self.introspection_depth = 0
        self._prices = prices
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._read: dict[str, int | None] = {}  # None while it is being read
        self._defaults = {
            definition.variable.name.value: _literal(definition.default_value)
            for definition in operation.variable_definitions or ()
        }
        self._visits: list[_Visit] = []
        self._enter(operation.selection_set, prices.schema.get_root_type(operation.operation))
        while self._visits:
            visit = self._visits[-1]
            selection = next(visit.rest, None)
            if selection is None:
                self._leave(self._visits.pop())
            else:
                self._select(visit, selection)

    def _enter(
        self,
        selections: SelectionSetNode,
        type_: GraphQLNamedType | None,
        kind: Rows = Rows.OF_FRAGMENT,
        rows: float | Arguments = 1,
        fragment: str | None = None,
    ) -> None:
        rest = iter(selections.selections)
        self._visits.append(_Visit(Selections(), type_, rest, kind, rows, fragment))

    def _leave(self, visit: _Visit) -> None:
        index = len(self.sets)
        self.sets.append(visit.found)
        if visit.fragment is not None:
            self._read[visit.fragment] = index
        if self._visits:
            self._attach(self._visits[-1].found, Below(index, visit.kind, visit.rows))

    def _attach(self, above: Selections, below: Below) -> None:
        above.below.append(below)
        depth = self.sets[below.index].depth
        if below.kind is Rows.INTROSPECTION:
            self.introspection_depth = max(self.introspection_depth, depth)
        else:
            above.depth = max(above.depth, depth + (below.kind is not Rows.OF_FRAGMENT))

    def _select(self, visit: _Visit, selection: SelectionNode) -> None:
        if isinstance(selection, FieldNode):
            price = self._prices.of(visit.type, selection.name.value)
            visit.found.cost += price.cost
            self.aliases += selection.alias is not None
            if selection.selection_set:
                rows = self._rows(price, selection)
                self._enter(selection.selection_set, price.type, price.kind, rows)
        elif isinstance(selection, InlineFragmentNode):
            on = selection.type_condition
            type_ = self._prices.schema.get_type(on.name.value) if on else visit.type
            self._enter(selection.selection_set, type_)
        elif isinstance(selection, FragmentSpreadNode):
            self._spread(visit, selection.name.value)

    def _spread(self, visit: _Visit, name: str) -> None:
        fragment = self._fragments.get(name)
        if name in self._read:
            index = self._read[name]
            if index is not None:
                self._attach(visit.found, Below(index, Rows.OF_FRAGMENT, 1))
        elif fragment is not None:
            self._read[name] = None
            type_ = self._prices.schema.get_type(fragment.type_condition.name.value)
            self._enter(fragment.selection_set, type_, fragment=name)

    def _rows(self, price: Price, node: FieldNode) -> float | Arguments:
        if not price.arguments:
            return price.rows
        values = tuple(
            _Variable(value.name.value, self._defaults.get(value.name.value))
            if isinstance(value, VariableNode)
            else _literal(value)
            for name, value in ((a.name.value, a.value) for a in node.arguments or ())
            if name in price.arguments
        )
        arguments = Arguments(price.kind, values)
        known = not any(isinstance(value, _Variable) for value in values)
        return arguments.rows({}) if known else arguments


def _literal(node: ValueNode | None) -> object:
    """A literal as far as rows depend on it: None, an int, a list, or just something else."""
    if node is None or isinstance(node, NullValueNode):
        return None
    if isinstance(node, IntValueNode):
        return int(node.value) if len(node.value) < 10 else -1 if "-" in node.value else MAX_PAGE
    return list(node.values) if isinstance(node, ListValueNode) else node
