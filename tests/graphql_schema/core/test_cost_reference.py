"""The one pass gives what writing every fragment out would give."""

from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    parse,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from graphql_schema.core.cost import CostModel
from graphql_schema.core.limits import Limits
from tests.harness.example import example_schema

MODEL = CostModel(example_schema(), Limits(depth=99, cost=1 << 60, aliases=10_000))

LEAVES = {"User": ["id", "name"], "Project": ["id"], "Message": ["id"], "Model": ["id", "context"],
          "ProjectEdge": ["cursor"], "MessageEdge": ["cursor"], "PageInfo": ["endCursor"],
          "Attachment": ["url"], "Query": ["__typename"]}  # fmt: skip
OBJECTS = {
    "Query": ["me:User", "projects:ProjectConnection", "models:Model", "project:Project",
              "nodes:Project"],
    "User": ["me:User"],
    "Project": ["user:User", "message:Message", "messages:MessageConnection"],
    "Message": ["project:Project", "attachments:Attachment"],
    "Attachment": ["message:Message"],
    "ProjectConnection": ["nodes:Project", "edges:ProjectEdge", "pageInfo:PageInfo"],
    "ProjectEdge": ["node:Project"],
    "MessageConnection": ["nodes:Message", "edges:MessageEdge", "pageInfo:PageInfo"],
    "MessageEdge": ["node:Message"],
}  # fmt: skip
PAGED = ["projects", "messages"]
ARGUMENTS = ["", "(first: 3)", "(last: 250)", "(first: $n)", "(first: $m, last: 2)"]
IDS = ["(ids: [])", "(ids: [1, 2])", "(ids: $ids)"]


@st.composite
def bodies(draw: st.DrawFn, on: str, spreads: list[tuple[str, str]], depth: int = 4) -> str:
    """A selection set on a type, that may spread the given fragments (name, type)."""
    parts = draw(st.lists(st.sampled_from(LEAVES.get(on, ["__typename"])), max_size=2))
    if depth:
        for chosen in draw(st.lists(st.sampled_from(OBJECTS.get(on, ["x:Nope"])), max_size=3)):
            name, below = chosen.split(":")
            arguments = ""
            if name in PAGED:
                arguments = draw(st.sampled_from(ARGUMENTS))
            elif chosen == "nodes:Project" and on == "Query":
                arguments = draw(st.sampled_from(IDS))
                below = "Node"
            parts.append(f"{name}{arguments} {draw(bodies(below, spreads, depth - 1))}")
        if draw(st.booleans()):
            parts.append(f"... on {on} {draw(bodies(on, spreads, depth - 1))}")
    fitting = [name for name, of in spreads if of == on]
    if fitting:
        parts += [f"...{name}" for name in draw(st.lists(st.sampled_from(fitting), max_size=2))]
    return "{ " + " ".join(parts or ["__typename"]) + " }"


@st.composite
def sources(draw: st.DrawFn) -> str:
    """A query with up to five fragments, each of which may spread those before it."""
    known: list[tuple[str, str]] = []
    text = ""
    for number in range(draw(st.integers(0, 5))):
        on = draw(st.sampled_from([*OBJECTS]))
        text += f" fragment F{number} on {on} {draw(bodies(on, known, 2))}"
        known.append((f"F{number}", on))
    body = draw(bodies("Query", known))
    return f"query ($n: Int = 4, $m: Int, $ids: [ID!]) {body}{text}"


class Reference:
    """Counts by walking every fragment wherever it is spread."""

    def __init__(self, source: str, variables: dict[str, Any]) -> None:
        document = parse(source)
        self.variables = variables
        self.fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        operation = document.definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        self.document, self.operation = document, operation
        self.cost = self.walk(operation.selection_set, example_schema().query_type, 10)

    def walk(self, found: SelectionSetNode, on: GraphQLNamedType | None, page: int) -> int:
        total = 0
        schema = example_schema()
        for selection in found.selections:
            if isinstance(selection, FragmentSpreadNode):
                fragment = self.fragments[selection.name.value]
                type_ = schema.get_type(fragment.type_condition.name.value)
                total += self.walk(fragment.selection_set, type_, page)
            elif isinstance(selection, InlineFragmentNode):
                total += self.walk(selection.selection_set, on, page)
            elif isinstance(selection, FieldNode):
                total += 1
                if selection.selection_set:
                    rows, below_page = self.rows(selection, on, page)
                    below = on.fields.get(selection.name.value) if hasattr(on, "fields") else None
                    type_ = get_named_type(below.type) if below else None
                    total += rows * self.walk(selection.selection_set, type_, below_page)
        return total

    def rows(self, node: FieldNode, on: GraphQLNamedType | None, page: int) -> tuple[int, int]:
        name = node.name.value
        if name in PAGED:
            given = [n for n in self.given(node) if n is not None]
            return 1, min(100, max(given)) if given else 20
        if name in ("nodes", "edges") and on is not None and on.name != "Query":
            return page, 10
        if name == "nodes":
            return self.given(node)[0], 10
        return (10, 10) if name in ("models", "attachments") else (1, 10)

    def given(self, node: FieldNode) -> list[Any]:
        found: list[Any] = []
        for argument in node.arguments or ():
            value: Any = argument.value
            if value.kind == "variable":
                known = self.variables.get(value.name.value, {"n": 4}.get(value.name.value))
                found.append(len(known) if isinstance(known, list) else known)
            elif value.kind == "list_value":
                found.append(len(value.values))
            else:
                found.append(int(value.value))
        return found


@settings(max_examples=300)
@given(
    sources(),
    st.integers(0, 120),
    st.none() | st.integers(0, 9),
    st.lists(st.just("1"), max_size=4),
    st.booleans(),
)
def test_cost_is_that_of_the_written_out_document(
    source: str, n: int, m: int | None, ids: list[str], default: bool
) -> None:
    variables: dict[str, Any] = {"m": m, "ids": ids} | ({} if default else {"n": n})
    reference = Reference(source, variables)
    meter = MODEL.meter(reference.document, reference.operation)
    assert meter.measure(variables).cost == reference.cost
