"""The rules that keep organisations apart, each with how to take it out and what should notice.

A pytest plugin (`-p tests.isolation_mutants`): the mutant named in the environment is made when
pytest starts, before any test is imported. See `tests.isolation_mutations`.
"""

import functools
import inspect
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import pytest
from alembic import op
from sqlalchemy import text

import migrations.access
from adapters.dynamodb import keys
from adapters.dynamodb.people import People
from adapters.objects import objects
from adapters.postgres import database, passages
from adapters.postgres.tables import Organization
from adapters.postgres.tenant_cache import TenantCache
from adapters.vectors import pgvector, pinecone
from api.authentication import Authenticator, Principal
from api.dependencies import Tenant
from api.inbound import InboundUpdates
from contracts.ids import OrganizationId

VARIABLE: Final = "PARLEY_TEST_MUTANT"
EVERYONE: Final = OrganizationId("org_00000000000000000000000000")

API: Final = "tests/api/test_isolation.py"
ROWS: Final = "tests/adapters/postgres/test_row_level_security.py"
DYNAMODB: Final = "tests/adapters/dynamodb"
VECTORS: Final = "tests/adapters/vectors"


class Mutant(NamedTuple):
    name: str
    rule: str
    """What is taken out, for the table."""
    make: Callable[[], None]
    tests: tuple[str, ...]
    """Tried in this order; the first that fails has caught it."""


def pytest_configure(config: pytest.Config) -> None:  # noqa: ARG001 - pytest's signature
    wanted = os.environ.get(VARIABLE)
    if wanted:
        (mutant,) = (one for one in MUTANTS if one.name == wanted)
        mutant.make()


def _row_level_security() -> Iterator[Mutant]:
    tables = [
        table.name
        for table in Organization.metadata.sorted_tables
        if table.name == "organizations" or "organization_id" in table.columns
    ]
    for table in tables:
        yield Mutant(
            f"rls-{table}",
            f"PostgreSQL: row-level security of `{table}`",
            _after_protection(table, f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
            (ROWS,),
        )
        yield Mutant(
            f"policy-{table}",
            f"PostgreSQL: the organisation in the policy of `{table}`",
            _after_protection(table, f"ALTER POLICY tenant ON {table} USING (true)"),
            (ROWS,),
        )
        yield Mutant(
            f"check-{table}",
            f"PostgreSQL: the organisation in what may be written to `{table}`",
            _after_protection(table, f"ALTER POLICY tenant ON {table} WITH CHECK (true)"),
            (ROWS,),
        )


def _after_protection(table: str, statement: str) -> Callable[[], None]:
    def make() -> None:
        protect = migrations.access.protect

        def weakened(name: str, **options: Any) -> None:
            protect(name, **options)
            if name == table:
                op.execute(statement)

        # Revisions are imported when they run, so they get this one.
        _replace(migrations.access, "protect", weakened)

    return make


def _without_role() -> None:
    statement = (
        "SELECT set_config('parley.role', :role, true),"
        " set_config('parley.organization_id', :org, true)"
    )
    _replace(database, "_ENTER_TENANT", text(statement))


def _as_platform() -> None:
    _replace(database, "TENANT_ROLE", database.PLATFORM_ROLE)


def _for_the_connection() -> None:
    statement = (
        "SELECT set_config('role', :role, true), set_config('parley.organization_id', :org, false)"
    )
    _replace(database, "_ENTER_TENANT", text(statement))


def _tenant_session_of_the_platform() -> None:
    @asynccontextmanager
    async def session(self: Tenant) -> AsyncIterator[Any]:
        async with self.services.database.platform() as opened:
            yield opened

    _replace(Tenant, "session", session)


def _keys() -> Iterator[Mutant]:
    for name, function in inspect.getmembers(keys, inspect.isfunction):
        if (
            function.__module__ == keys.__name__
            and "organization" in inspect.signature(function).parameters
            and not name.startswith("_")
        ):
            yield Mutant(
                f"key-{name}",
                f"DynamoDB: the organisation in `keys.{name}`",
                _forgetful(name, function),
                (API, DYNAMODB),
            )


def _forgetful(name: str, function: Callable[..., Any]) -> Callable[[], None]:
    def make() -> None:
        @functools.wraps(function)
        def forgetful(organization: str, *arguments: Any) -> Any:  # noqa: ARG001 - forgotten
            return function(EVERYONE, *arguments)

        _replace(keys, name, forgetful)

    return make


def _people_cached_for_all() -> None:
    class Forgetful(dict[Any, Any]):
        def __setitem__(self, key: Any, value: Any) -> None:
            super().__setitem__(key[1], value)

        def get(self, key: Any, default: Any = None) -> Any:
            return super().get(key[1], default)

    start = People.__init__

    def init(self: People, *arguments: Any, **options: Any) -> None:
        start(self, *arguments, **options)
        _replace(self, "_by_id", Forgetful())

    _replace(People, "__init__", init)


def _configuration_cached_for_all() -> None:
    get = TenantCache.get
    first: dict[Any, Any] = {}

    async def forgetful(self: TenantCache[Any, Any], key: Any) -> Any:
        if isinstance(key, tuple) and str(key[0]).startswith("org_"):
            key = first.setdefault((id(self), *key[1:]), key)
        return await get(self, key)

    _replace(TenantCache, "get", forgetful)


def _one_prefix() -> None:
    key = objects._key
    _replace(objects, "_key", lambda _organization, sha256: key(EVERYONE, sha256))


def _one_namespace() -> None:
    _replace(pinecone, "_namespace", lambda _organization: EVERYONE)


def _unfiltered_pinecone() -> None:
    search = pinecone.PineconeIndex._search

    async def unfiltered(
        self: Any, index: Any, namespace: Any, vector: Any, conditions: Any, limit: int
    ) -> Any:
        rest = {name: value for name, value in conditions.items() if name != "organization_id"}
        return await search(self, index, namespace, vector, rest, limit)

    _replace(pinecone.PineconeIndex, "_search", unfiltered)


def _any_knowledge_base() -> None:
    _without(
        pgvector,
        "_SEARCH",
        "embedding.knowledge_base_id = ANY(CAST(:knowledge_base_ids AS text[]))",
        "CAST(:knowledge_base_ids AS text[]) IS NOT NULL",
    )


def _words_of_any_organization() -> None:
    _without(
        passages,
        "_LEXICAL",
        "knowledge_base.organization_id = :organization_id",
        "CAST(:organization_id AS text) IS NOT NULL",
    )
    _without(
        passages,
        "_LEXICAL",
        "passage.organization_id = :organization_id",
        "CAST(:organization_id AS text) IS NOT NULL",
    )


def _without(module: Any, name: str, rule: str, instead: str) -> None:
    written = str(getattr(module, name).text)
    assert rule in written, f"the rule is written otherwise now: {rule}"
    _replace(module, name, text(written.replace(rule, instead)))


def _replace(owner: Any, name: str, instead: Any) -> None:
    setattr(owner, name, instead)


def _sees_all() -> None:
    _replace(Principal, "sees", lambda _self, _organization: True)


def _the_first_ones_organization() -> None:
    load = Authenticator._load
    first: list[Any] = []

    async def mixed_up(self: Authenticator, secret_hash: str) -> Principal | None:
        principal = await load(self, secret_hash)
        if principal is None:
            return None
        first.append(principal.organization_id)
        return principal.model_copy(update={"organization_id": first[0]})

    _replace(Authenticator, "_load", mixed_up)


def _any_channel() -> None:
    route = InboundUpdates._route

    async def any_channel(self: InboundUpdates, phone_number_id: str, _only: Any) -> Any:
        return await route(self, phone_number_id, None)

    _replace(InboundUpdates, "_route", any_channel)


MUTANTS: Final[tuple[Mutant, ...]] = (
    *_row_level_security(),
    Mutant("role", "PostgreSQL: the role of a tenant's transaction", _without_role, (ROWS,)),
    Mutant(
        "platform-role", "PostgreSQL: a tenant's role, for the platform's", _as_platform, (API,)
    ),
    Mutant(
        "setting-local",
        "PostgreSQL: the organisation set for the transaction only",
        _for_the_connection,
        (ROWS,),
    ),
    Mutant(
        "tenant-session",
        "API: routes look into the tenant's session",
        _tenant_session_of_the_platform,
        (API,),
    ),
    *_keys(),
    Mutant(
        "people-cache", "Cache of people: the organisation", _people_cached_for_all, (DYNAMODB,)
    ),
    Mutant(
        "tenant-cache",
        "Cache of configuration: the organisation",
        _configuration_cached_for_all,
        ("tests/adapters/postgres/test_configuration_cache.py",),
    ),
    Mutant(
        "s3-prefix", "S3: the organisation's prefix", _one_prefix, (API, "tests/adapters/objects")
    ),
    Mutant("pinecone-namespace", "Pinecone: the namespace", _one_namespace, (VECTORS,)),
    Mutant("pinecone-filter", "Pinecone: the filter", _unfiltered_pinecone, (VECTORS,)),
    Mutant(
        "pgvector-bases",
        "pgvector: the knowledge bases of a search",
        _any_knowledge_base,
        (f"{VECTORS}/test_contract.py",),
    ),
    Mutant(
        "words",
        "Search by words: the organisation",
        _words_of_any_organization,
        (API, "tests/adapters/postgres/test_word_search.py"),
    ),
    Mutant("sees", "API: `Principal.sees`", _sees_all, (API,)),
    Mutant("authenticator", "API: the organisation of a key", _the_first_ones_organization, (API,)),
    Mutant(
        "only-channel",
        "Webhooks: a channel's own secret signs for it alone",
        _any_channel,
        ("tests/api/test_webhooks.py",),
    ),
)
