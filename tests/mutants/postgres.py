"""PostgreSQL: row-level security, the sessions, references, and queries of the platform."""

import ast
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final

from alembic import op
from sqlalchemy import Table, text
from sqlmodel.ext.asyncio.session import AsyncSession

import migrations.access
from adapters.postgres import database, passages
from adapters.postgres.database import Database
from adapters.postgres.tables import Organization
from contracts.ids import OrganizationId
from tests.mutants.rule import (
    DOOR,
    ROOT,
    ROWS,
    VECTORS,
    Mutant,
    functions_of,
    module_name,
    replace,
    replace_in_sql,
    take_condition_out,
)

ERASURES: Final = (
    "tests/api/test_erasure_of_organizations.py", "tests/api/test_erasure_of_people.py",
)  # fmt: skip
MEMORY: Final = ("tests/activities/test_memory.py",)
TESTS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "activities.conversation": ("tests/activities/test_foreign_ids.py",),
    "activities.erasure": ("tests/activities/test_foreign_ids.py",),
    "activities.memory": MEMORY,
    "adapters.memory": MEMORY,
    "activities.unanswered": ("tests/api/test_unanswered_questions.py",),
    "activities.webhooks": ("tests/activities/test_webhooks.py",),
    "adapters.postgres.assistant_profiles": (
        "tests/adapters/postgres/test_configuration_cache.py",
    ),
    "adapters.postgres.audit_log": ("tests/api/test_audit_log.py",),
    "adapters.postgres.consents": ("tests/adapters/postgres/test_consents.py",),
    "adapters.postgres.embedding_spaces": ("tests/adapters/postgres/test_embedding_spaces.py",),
    "adapters.postgres.erasures": ERASURES,
    "adapters.postgres.ingestion": ("tests/adapters/postgres/test_ingestions.py",),
    "adapters.postgres.passages": ("tests/adapters/postgres/test_word_search.py",),
    "adapters.postgres.syncs": ("tests/adapters/postgres/test_syncs.py",),
    "adapters.postgres.vanished": ("tests/adapters/postgres/test_syncs.py",),
    "activities.source_schedules": ("tests/api/test_source_routes.py",),
    "activities.sources": ("tests/api/test_sources.py",),
    "adapters.postgres.usage": ("tests/adapters/test_usage.py",),
    "adapters.postgres.webhook_subscriptions": ("tests/activities/test_webhooks.py",),
    "adapters.usage": ("tests/adapters/test_usage.py",),
    "adapters.vectors.pgvector": (f"{VECTORS}/test_contract.py",),
}
"""Of a module that opens a tenant's sessions or asks as the platform; others have the door's."""

MADE_BEFORE: Final[Mapping[tuple[str, str], str]] = {("documents", "source_id"): "source_runs"}
"""References that a later revision adds, and the table that it protects next."""


def mutants() -> Iterator[Mutant]:
    for table in _tables():
        yield from _row_level_security(table)
        yield from _references(table)
    yield Mutant("role", "the role of a tenant's transaction", _without_role, (ROWS,))
    yield Mutant("platform-role", "a tenant's role, for the platform's", _as_platform, (ROWS,))
    yield Mutant(
        "setting-local", "the organisation is set for the transaction only",
        _for_the_connection, (ROWS,),
    )  # fmt: skip
    yield from _sessions()
    yield from _conditions()
    yield Mutant(
        "words", "search by words: the organisation, in the platform's query",
        partial(
            replace_in_sql, passages, "_LEXICAL",
            "knowledge_base.organization_id = :organization_id",
            "passage.organization_id = :organization_id",
        ),
        TESTS_OF["adapters.postgres.passages"],
    )  # fmt: skip


def _tables() -> list[Table]:
    return [
        table
        for table in Organization.metadata.sorted_tables
        if table.name == "organizations" or "organization_id" in table.columns
    ]


def _row_level_security(table: Table) -> Iterator[Mutant]:
    name = table.name
    yield Mutant(
        f"rls-{name}", f"row-level security of `{name}`",
        _after_protection(name, f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY"), (ROWS,),
    )  # fmt: skip
    yield Mutant(
        f"policy-{name}", f"the organisation of the rows that are seen of `{name}`",
        _after_protection(name, f"ALTER POLICY tenant ON {name} USING (true)"), (ROWS,),
        at_the_door=False,
    )  # fmt: skip
    yield Mutant(
        f"check-{name}", f"the organisation of the rows that are written to `{name}`",
        _after_protection(name, f"ALTER POLICY tenant ON {name} WITH CHECK (true)"), (ROWS,),
        at_the_door=False,
    )  # fmt: skip


def _references(table: Table) -> Iterator[Mutant]:
    for constraint in table.foreign_key_constraints:
        if len(constraint.columns) == 2 and "organization_id" in constraint.column_keys:
            (column,) = set(constraint.column_keys) - {"organization_id"}
            yield Mutant(
                f"reference-{table.name}-{column}",
                f"`{table.name}.{column}` refers to what is the organisation's own",
                _after_protection(
                    MADE_BEFORE.get((table.name, column), table.name),
                    _DROP_REFERENCE.format(table=table.name, column=column),
                ),
                (ROWS,),
                at_the_door=False,
            )


_DROP_REFERENCE: Final = """
DO $$ DECLARE dropped text; BEGIN
  SELECT conname INTO STRICT dropped FROM pg_constraint
  WHERE conrelid = '{table}'::regclass AND contype = 'f' AND cardinality(conkey) = 2
    AND (SELECT attnum FROM pg_attribute
      WHERE attrelid = '{table}'::regclass AND attname = '{column}') = ANY (conkey);
  EXECUTE format('ALTER TABLE {table} DROP CONSTRAINT %I', dropped);
END $$
"""


def _after_protection(table: str, statement: str) -> Callable[[], None]:
    def make() -> None:
        protect = migrations.access.protect

        def weakened(name: str, **options: Any) -> None:
            protect(name, **options)
            if name == table:
                op.execute(statement)

        # Revisions are imported when they run, so they get this one.
        replace(migrations.access, "protect", weakened)

    return make


def _without_role() -> None:
    statement = (
        "SELECT set_config('parley.role', :role, true),"
        " set_config('parley.organization_id', :org, true)"
    )
    replace(database, "_ENTER_TENANT", text(statement))


def _as_platform() -> None:
    replace(database, "TENANT_ROLE", database.PLATFORM_ROLE)


def _for_the_connection() -> None:
    statement = (
        "SELECT set_config('role', :role, true), set_config('parley.organization_id', :org, false)"
    )
    replace(database, "_ENTER_TENANT", text(statement))


def _sessions() -> Iterator[Mutant]:
    """Each function that opens a tenant's session opens the platform's instead."""
    for package in ("activities", "adapters", "api"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for function in functions_of(path):
                calls = [node for node in ast.walk(function) if _opens_tenant(node)]
                if calls:
                    module = module_name(path)
                    yield Mutant(
                        f"session-{module}.{function.name}",
                        f"`{module}.{function.name}` opens the tenant's session",
                        partial(_opens_the_platforms, module, function.name),
                        TESTS_OF.get(module, (DOOR,)),
                        at_the_door=False,
                    )


def _opens_tenant(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "tenant"
    )


def _opens_the_platforms(module: str, function: str) -> None:
    tenant = Database.tenant

    def open_(
        self: Database, organization_id: OrganizationId
    ) -> AbstractAsyncContextManager[AsyncSession]:
        caller = sys._getframe(1)
        if (caller.f_globals["__name__"], caller.f_code.co_name) == (module, function):
            return self.platform()
        return tenant(self, organization_id)

    replace(Database, "tenant", open_)


def _conditions() -> Iterator[Mutant]:
    """Each condition on an organisation that a query has, whoever's session it is asked in."""
    for path in sorted((ROOT / "adapters" / "postgres").glob("*.py")):
        module = module_name(path)
        for function in functions_of(path):
            for condition in sorted(
                {
                    ast.unparse(node)
                    for node in ast.walk(function)
                    if isinstance(node, ast.Compare) and _names_an_organization(node)
                }
            ):
                yield Mutant(
                    f"condition-{module}.{function.name}-{condition}",
                    f"`{condition}` in `{module}.{function.name}`",
                    partial(_without_condition, module, function.name, condition),
                    TESTS_OF.get(module, (DOOR,)),
                    at_the_door=False,
                )


def _names_an_organization(node: ast.Compare) -> bool:
    """As the value of a table's column; two columns that are equal join tables."""
    if ast.unparse(node.comparators[0]).endswith((".organization_id", "Organization.id")) and (
        ast.unparse(node.comparators[0])[0].isupper()
    ):
        return False
    column = node.left
    if isinstance(column, ast.Call) and len(column.args) == 1:
        (column,) = column.args
    name = ast.unparse(column)
    return name.endswith("columns['organization_id']") or (
        name.endswith((".organization_id", "Organization.id")) and name[0].isupper()
    )


def _without_condition(module: str, function: str, condition: str) -> None:
    take_condition_out(importlib.import_module(module), function, condition)
