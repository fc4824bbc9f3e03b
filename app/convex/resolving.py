"""What each staged document becomes: its row's id, owner and references, found by joins.

A reference names only an `_id`, and tables come in alphabetical order, so nothing can be resolved
before all is staged. `resolved_<table>` holds one narrow row for each document that has what it
needs: `kept` is false for a duplicate, whose id is that of the one kept, so links to it lead there;
`here` is true where there is a row already; `gone` where it, or what it lies in, was deleted here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.convex.source import Link, Source, snake

if TYPE_CHECKING:
    from app.convex.report import Report
    from app.convex.source import App

NEWEST = "s.updated_at DESC NULLS LAST, s.doc_at DESC, s.doc_id DESC"


async def derive(connection: Any, app: App, source: Source) -> None:
    """Make the staged table of a source that is a view over others; nothing for any other."""
    if source.name in app.views:
        await connection.execute(
            f"CREATE TEMPORARY TABLE {source.staged} ON COMMIT DROP AS {app.views[source.name]()}"
        )


async def resolve(connection: Any, source: Source, report: Report) -> None:
    """Make the resolved table of a source whose references are resolved already."""
    await connection.execute(resolving(source))
    await connection.execute(f"CREATE INDEX ON {source.resolved} (doc_id)")
    await connection.execute(f"ANALYZE {source.resolved}")
    await _tell(connection, source, report)


def resolving(source: Source) -> str:
    """The statement that makes the resolved table."""
    columns = {
        "doc_line": "s.doc_line",
        "doc_id": "s.doc_id",
        "id": f"coalesce(e.id, {source.id})",
        **{column: _linked(name, link) for column, (name, link) in _links(source).items()},
        **source.values,
        **source.tells,
        "dated": "s.updated_at IS NOT NULL",
        "created_at": "coalesce(s.created_at, s.doc_made)",
        "updated_at": "coalesce(s.updated_at, s.created_at, s.doc_made)",
        "here": "e.id IS NOT NULL",
        "gone": _gone(source),
        "kept": _kept(source),
    }
    listed = ",\n    ".join(f"{sql} AS {name}" for name, sql in columns.items())
    here = f"LEFT JOIN {source.model.table()} e ON {source.match}"
    joins = "\n".join((*_joins(source, required=True), here, *_joins(source, required=False)))
    return (
        f"CREATE TEMPORARY TABLE {source.resolved} ON COMMIT DROP AS SELECT\n    {listed}\n"
        f"FROM {source.staged} s\n{joins}\n"
        f"LEFT JOIN import_mark mark ON mark.row_id = {source.id}"
    )


def _joins(source: Source, *, required: bool) -> list[str]:
    links = source.links.items()
    return [_join(name, link, source) for name, link in links if link.required is required]


def _links(source: Source) -> dict[str, tuple[str, Link]]:
    return {f"{n}_id": (n, k) for n, k in source.links.items() if f"{n}_id" in source.linked}


def _linked(name: str, link: Link) -> str:
    return f"{name}_.id" if link.required else f"CASE WHEN NOT {name}_.gone THEN {name}_.id END"


def _join(name: str, link: Link, source: Source) -> str:
    on = f"{name}_.doc_id = s.{snake(link.field)}"
    table = f"resolved_{snake(link.to)}"
    if link.required:
        return f"JOIN {table} {name}_ ON {on}"
    # A link to another owner's row would be a way to it.
    own = link.own or f"{name}_.owner_id = {source.values['owner_id']}"
    return f"LEFT JOIN {table} {name}_ ON {on} AND {own}"


def _gone(source: Source) -> str:
    found = [f"{name}_.gone" for name, link in source.links.items() if link.required]
    found.append("(e.id IS NULL AND mark.row_id IS NOT NULL)")
    if "deleted_at" in source.model.columns():
        found.append("e.deleted_at IS NOT NULL")
    return " OR ".join(found)


def _kept(source: Source) -> str:
    if not source.one_per:
        return "true"
    return f"row_number() OVER (PARTITION BY {source.one_per} ORDER BY {NEWEST}) = 1"


async def _tell(connection: Any, source: Source, report: Report) -> None:
    """Count orphans, lost links, duplicates, and what was deleted here."""
    for field, needed in source.references.items():
        count = _orphans(source, field) if needed else _lost(source, field)
        rule = "orphan: skipped, no such" if needed else "link left out: no such"
        report.flaw(source.name, f"{rule} {field}", await connection.fetchval(count))
    doubles, gone = await connection.fetchrow(
        f"SELECT count(*) FILTER (WHERE NOT kept), count(*) FILTER (WHERE kept AND gone) "
        f"FROM {source.resolved}"
    )
    report.flaw(source.name, "duplicate: the newest counts", doubles)
    report.count(source.name, "deleted here: left so", gone)
    for rules, tell in ((source.counted, report.count), (source.flawed, report.flaw)):
        for rule, condition in rules.items():
            new = f"r.kept AND NOT r.gone AND NOT r.here AND {condition}"
            tell(source.name, rule, await connection.fetchval(_counted(source, new)))


def _orphans(source: Source, field: str) -> str:
    """How many documents refer to none, of which each needs one."""
    target = next(link.to for link in source.links.values() if link.field == field)
    return (
        f"SELECT count(*) FROM {source.staged} s WHERE NOT EXISTS ("
        f"SELECT 1 FROM resolved_{snake(target)} r WHERE r.doc_id = s.{snake(field)})"
    )


def _lost(source: Source, field: str) -> str:
    """How many documents lose a link that they could have had."""
    name = next(name for name, link in source.links.items() if link.field == field)
    return _counted(source, f"NOT r.gone AND s.{snake(field)} IS NOT NULL AND r.{name}_id IS NULL")


def _counted(source: Source, condition: str) -> str:
    return (
        f"SELECT count(*) FROM {source.resolved} r JOIN {source.staged} s USING (doc_line) "
        f"WHERE {condition}"
    )
