"""The rules of the house that no type checker knows: who imports whom, who may write, how long."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from importlinter.cli import lint_imports
from tortoise.exceptions import ConfigurationError

from models.chat.messages import Message
from models.packages import table_models
from models.permissions import Permission
from models.verbs import NEEDS

ROOT = Path(__file__).parents[1]
PACKAGES = ("app", "graphql_schema", "models")

LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
LONG_RESOLVERS: dict[str, str] = {}
FORBIDDEN_NAMES = {"types.py", "mutations.py", "services.py", "utils.py"}
NAMED_FOR_ITSELF = {
    "graphql_schema/core/mutations.py": "What makes a mutation, not a heap of them.",
}
WITHOUT_A_TABLE = {
    "billing/models.py": "The catalogue of models is configuration, not a table.",
    "builder/changes.py": "Subscriptions follow the event log; what changed is in models/changes.",
    "chat/changes.py": "Subscriptions follow the event log; what changed is in models/changes.",
    "chat/shared_hearing.py": "As with chat/changes.py, for readers by a share link.",
}
"""Files of the schema that have no counterpart in the domain."""

IMPORTER = "The importer is the one writer that sets times; it notes one change for each owner."
MAY_WRITE = {
    "models/changes.py:note_import": "The event log itself, for all that an import brings.",
    "models/statements.py:LOG": "The event log itself.",
    "models/statements.py:_insert": "Transaction.add notes what it inserts.",
    "models/statements.py:update": "Transaction.change and change_many note what they write.",
    "models/statements.py:update_where": "Transaction.change_below notes it on the whole.",
    "models/statements.py:hand_over": "The root's note tells of the move of what is below.",
    "models/noting.py:_NOTED": "Once a minute; nobody needs to hear of it.",
    "app/rotating.py:_resealed": "The same secrets, sealed by another key.",
    "models/statements.py:count_up": "Transaction.count_up notes it.",
    "models/statements.py:delete": "Transaction.remove_many notes what it removed.",
    "models/transaction.py:Transaction": "Transaction.remove notes it.",
    "models/idempotency.py:_CLAIM": "Keys are no records: nobody reads or hears of them.",
    "models/idempotency.py:_RESULTS": "Keys are no records: nobody reads or hears of them.",
    "models/chat/chunks.py:_APPEND": "Chunks are no records; streams carry them.",
    "models/chat/chunks.py:forget": "Chunks are no records; streams carry them.",
    "models/chat/leases.py:_RENEW": "A heartbeat: no client can see when a lease ends.",
    "app/chats/writing.py:_GROW": IMPORTER,
    "app/convex/merging.py:_WRITTEN": IMPORTER,
    "app/convex/merging.py:adding": IMPORTER,
    "app/convex/merging.py:updating": IMPORTER,
    "app/convex/placing.py:_COUNT_ON": IMPORTER,
    "app/own_imports/files.py:_LOOKED_AT": "A temporary table of the importer's own.",
    "app/own_imports/importing.py:_TOLD": "A temporary table of the importer's own.",
    "app/own_imports/merging.py:adding": IMPORTER,
    "app/own_imports/merging.py:choose": "A temporary table of the importer's own.",
    "app/convex/secrets.py:Sealer": "A temporary table of the importer's own.",
    "models/accounts/rate_limits.py:_COUNT": "count_try notes what it counted.",
    "models/accounts/spending.py:_SPEND": "Every second; nobody needs to hear of it.",
    "models/housekeeping.py:_OLD_EVENTS": "The log forgets after 25 hours.",
    "models/housekeeping.py:_OLD_KEYS": "Keys are forgotten after a day.",
    "models/housekeeping.py:_OLD_SLOW": "Measurements are no records.",
    "models/slow_operations.py:_NOTE": "Measurements are no records.",
    "models/slow_operations.py:_BOUND": "Measurements are no records.",
    "models/slow_operations.py:clear": "Measurements are no records.",
}
"""Who may hold SQL that writes, and why no note is missed."""

WRITES = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE\s+(?:ONLY\s+)?\S+(?:\s+(?:AS\s+)?\w+)?\s+SET|DELETE\s+FROM"
    r"|MERGE\s+INTO|TRUNCATE|COPY)\b"
)
SILENT = {
    "save", "create", "bulk_create", "bulk_update", "get_or_create", "update_or_create",
    "in_bulk_update", "copy_records_to_table", "copy_to_table",
}  # fmt: skip
BY_NAME_ONLY = {"update", "delete"}
"""Silent in Tortoise, which gives them no positional argument; dicts and verbs have one."""


@dataclass(frozen=True, slots=True)
class Module:
    """A file of the packages and its syntax."""

    name: str
    text: str
    tree: ast.Module

    def tops(self) -> Iterator[tuple[str, ast.stmt]]:
        """`file:name` of each statement at the top, with the statement."""
        for node in self.tree.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else node
            name = getattr(target, "name", None) or getattr(target, "id", "")
            yield f"{self.name}:{name}", node

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function, however deep."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def modules() -> list[Module]:
    """All our files but the generated migrations."""
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    return [
        Module(file.relative_to(ROOT).as_posix(), text, ast.parse(text))
        for file in files
        if "migrations" not in file.parent.parts
        for text in [file.read_text()]
    ]


ALL = modules()


def text_of(node: ast.AST) -> str:
    """The text of a literal, with a word for each of its placeholders."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "x" for part in node.values)
    return ""


def docstrings(tree: ast.AST) -> set[ast.AST]:
    """The literals that are statements of their own."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def lines(node: ast.stmt) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def test_imports_go_one_way() -> None:
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_only_a_few_named_places_hold_sql_that_writes() -> None:
    found = {
        place
        for module in ALL
        for place, top in module.tops()
        for node in set(ast.walk(top)) - docstrings(top)
        if WRITES.search(text_of(node))
    }
    assert found == MAY_WRITE.keys()


def silent_writes(tree: ast.AST) -> Iterator[str]:
    """Calls by which Tortoise or asyncpg write without a note."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, call = node.func.attr, ast.unparse(node)
        if name in SILENT or (name in BY_NAME_ONLY and not node.args):
            yield call


MAY_BE_SILENT = {
    "app/polar/client.py: polar.checkouts.create": "That is Polar's.",
    "app/polar/client.py: polar.customer_sessions.create": "That is Polar's.",
    "app/providers/openai.py: client.chat.completions.create": "That is OpenAI's.",
    "app/files/pictures.py: image.save": "That is Pillow's, into memory.",
    "app/convex/files.py: connection.copy_records_to_table": "Into a temporary table.",
    "app/convex/staging.py: connection.copy_records_to_table": "Into temporary tables.",
    "app/importing/copying.py: connection.copy_records_to_table": "One note for each owner.",
    "app/own_imports/staging.py: connection.copy_records_to_table": "Into temporary tables.",
    "app/importing/exports.py: connection.copy_records_to_table": "One note for each owner.",
}
"""Who may call what writes without a note, and why."""


MAY_DECIDE = {
    "owners_with": {"models/viewer.py", "models/explaining.py"},  # which only tells
    "owners_of": {
        "models/statements.py",
        "models/reading.py",
        "models/billing/usage_totals.py",  # for the rule of the events that it adds up
    },
    "holds": {
        "models/viewer.py",
        "models/billing/balances.py",  # sums, which no rule of a table covers
        "models/billing/usage_now.py",  # what may be there before the row
        "models/billing/budgets.py",  # how much a refusal tells
    },
    "reaches_any": {"models/viewer.py", "app/streams.py"},  # whose rights to look at again
    "owners": {"models/viewer.py", "models/changes.py"},  # of a note, there
    "Forbidden": {
        "models/viewer.py",
        "models/transaction.py",
        "models/accounts/proving.py",  # a wrong password, or none at hand
        "models/chat/tool_steps.py",  # tools act for one user, whatever roles others have
        "app/auth/local.py",  # what follows is forbidden to everybody alike
        "app/cors.py",
        "graphql_schema/core/persisted.py",
    },
    "ROLES": {
        "models/viewer.py",
        "models/accounts/org_members.py",
        "models/chat/leaving.py",  # what ends with a role
        "app/permissions_page.py",
    },
    "SCOPES": {"app/permissions_page.py"},
    "within": {"models/explaining.py"},
}
"""Who may use what rights are made of: rules and `viewer.require` decide, nothing else does."""
DATA = {"models/permissions.py", "models/errors.py"}


def rights_used(module: Module) -> set[str]:
    """The names among these that a module uses, imports apart."""
    attributes = {one.attr for one in ast.walk(module.tree) if isinstance(one, ast.Attribute)}
    names = {one.id for one in ast.walk(module.tree) if isinstance(one, ast.Name)}
    return (attributes & MAY_DECIDE.keys()) | (names & {"Forbidden", "ROLES", "SCOPES"})


def test_only_rules_and_require_decide() -> None:
    found: dict[str, set[str]] = {name: set() for name in MAY_DECIDE}
    for module in ALL:
        for name in rights_used(module) if module.name not in DATA else ():
            found[name].add(module.name)
    assert found == MAY_DECIDE


def test_verbs_need_write_or_say_what_else() -> None:
    table_models()
    called = {name: need for name, need in NEEDS.items() if need is not Permission.WRITE}
    assert {need for need in called.values() if need} == {
        Permission.READ,
        Permission.OWN, Permission.MANAGE_ORG, Permission.MANAGE_MEMBERS, Permission.MOVE,
        Permission.ACCOUNT, Permission.READ_ACCOUNT, Permission.BILLING, Permission.OPERATE,
    }  # fmt: skip


def test_nobody_writes_past_the_notes() -> None:
    found = {
        f"{module.name}: {call.partition('(')[0]}"
        for module in ALL
        for call in silent_writes(module.tree)
    }
    assert found == MAY_BE_SILENT.keys()


@pytest.mark.parametrize(
    "code",
    [
        "await row.save()",
        "await Project.filter(id=id).update(name='x')",
        "await Project.filter(id=id).delete()",
        "await Project.create(name='x')",
        "await Project.bulk_create(rows)",
        "await Project.get_or_create(id=id)",
    ],
)
def test_the_search_finds_silent_writes(code: str) -> None:
    assert list(silent_writes(ast.parse(code)))


@pytest.mark.parametrize(
    "sql", ["INSERT INTO t", "UPDATE t SET", "UPDATE ONLY t x SET", "DELETE FROM t", "TRUNCATE t"]
)
def test_the_search_finds_sql_that_writes(sql: str) -> None:
    assert WRITES.search(sql)
    assert WRITES.search(text_of(ast.parse(f"f'{sql} {{x}}'").body[0].value))  # type: ignore[attr-defined]


async def test_tortoise_has_no_connection_to_write_with() -> None:
    row = Message(id="msg_01h455vb4pex5vsknk084sn02q", content="One")
    for write in (row.save, row.delete, lambda: Message.filter(content="x").delete()):
        with pytest.raises((ConfigurationError, RuntimeError)):
            await write()


def test_files_are_short() -> None:
    long = {module.name for module in ALL if len(module.text.splitlines()) > 250}
    assert long == LONG_FILES.keys()


def test_functions_are_short() -> None:
    long = {f"{m.name}:{f.name}" for m in ALL for f in m.functions() if lines(f) > 40}
    assert long == LONG_FUNCTIONS.keys()


def is_resolver(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a decorator makes it a field, a mutation or a subscription."""
    names = {ast.unparse(mark).split("(")[0] for mark in function.decorator_list}
    return bool(names & {"strawberry.field", "strawberry.subscription", "mutation"})


def test_resolvers_are_thin() -> None:
    resolvers = [
        (f"{module.name}:{function.name}", function)
        for module in ALL
        if module.name.startswith("graphql_schema/")
        for function in module.functions()
        if is_resolver(function)
    ]
    assert len(resolvers) > 30
    thick = {
        name for name, one in resolvers
        if (one.body[-1].end_lineno or 0) - one.body[0].lineno + 1 > 6
    }  # fmt: skip
    assert thick == LONG_RESOLVERS.keys()


def test_no_file_is_named_after_a_heap() -> None:
    heaps = {m.name for m in ALL if Path(m.name).name in FORBIDDEN_NAMES}
    assert heaps == NAMED_FOR_ITSELF.keys()


def test_the_schema_has_the_same_file_names_as_the_domain() -> None:
    alone = {
        f"{file.parent.name}/{file.name}"
        for file in (ROOT / "graphql_schema").glob("*/*.py")
        if file.parent.name not in {"core", "plans"}
        and not (ROOT / "models" / file.parent.name / file.name).exists()
    }
    assert alone == WITHOUT_A_TABLE.keys()
