"""Files, vectors, caches, sealed secrets, workflows, and the door itself."""

from collections.abc import Iterator
from typing import Any, Final

from activities.erasure import ErasureActivities
from adapters.objects import objects
from adapters.postgres import sealed
from adapters.postgres.tenant_cache import TenantCache
from adapters.query_embeddings import QueryEmbeddings
from adapters.vectors import pgvector, pinecone
from api.authentication import Authenticator, Principal
from api.inbound import InboundUpdates
from tests.mutants.rule import DOOR, EVERYONE, VECTORS, Mutant, replace, replace_in_sql

OBJECTS: Final = ("tests/adapters/objects/test_objects.py",)
MEDIA: Final = ("tests/adapters/objects/test_media_objects.py",)
PINECONE: Final = (f"{VECTORS}/test_pinecone.py",)


def mutants() -> Iterator[Mutant]:
    yield Mutant("s3-key", "S3: the prefix of a file", _one_key, OBJECTS)
    yield Mutant("s3-prefix", "S3: the prefix of all files", _no_prefix, OBJECTS)
    yield Mutant("s3-person", "S3: the person of a file", _no_person, MEDIA, at_the_door=False)
    yield Mutant("pinecone-namespace", "Pinecone: the namespace", _one_namespace, PINECONE,
                 at_the_door=False)  # fmt: skip
    yield Mutant("pinecone-filter", "Pinecone: the filter", _unfiltered_pinecone, PINECONE,
                 at_the_door=False)  # fmt: skip
    yield Mutant(
        "pgvector-bases", "pgvector: the knowledge bases of a search", _any_knowledge_base,
        (f"{VECTORS}/test_contract.py",), at_the_door=False,
    )  # fmt: skip
    yield Mutant(
        "query-embeddings", "cache of embedded questions: the organisation", _questions_of_all,
        ("tests/adapters/retrieval/test_query_embeddings.py",), at_the_door=False,
    )  # fmt: skip
    yield Mutant(
        "tenant-cache", "cache of configuration: the organisation", _configuration_of_all,
        ("tests/adapters/postgres/test_configuration_cache.py",), at_the_door=False,
    )  # fmt: skip
    yield Mutant(
        "sealed", "a sealed secret opens for its organisation only", _sealed_for_all,
        ("tests/adapters/postgres/test_sealed.py",), at_the_door=False,
    )  # fmt: skip
    yield Mutant(
        "workflows", "erasure: the organisation's workflows only", _workflows_of_all,
        ("tests/api/test_erasure_of_organizations.py",), at_the_door=False,
    )  # fmt: skip
    yield Mutant("sees", "API: `Principal.sees`", _sees_all, (DOOR,))
    yield Mutant("platform", "API: what is the platform's alone", _anyone_is_the_platform, (DOOR,))
    yield Mutant("authenticator", "API: the organisation of a key", _the_first_ones, (DOOR,))
    yield Mutant(
        "only-channel", "webhooks: a channel's own secret signs for it alone", _any_channel,
        ("tests/api/test_webhooks.py",), at_the_door=False,
    )  # fmt: skip


def _one_key() -> None:
    key = objects._key
    replace(objects, "_key", lambda _organization, sha256: key(EVERYONE, sha256))


def _no_prefix() -> None:
    key = objects._key
    prefix = objects._prefix

    def kept(organization: Any, sha256: str) -> str:
        replace(objects, "_prefix", prefix)
        try:
            return key(organization, sha256)
        finally:
            replace(objects, "_prefix", lambda _organization: "")

    replace(objects, "_key", kept)
    replace(objects, "_prefix", lambda _organization: "")


def _no_person() -> None:
    replace(objects, "_prefix_of_person", lambda organization, _: objects._prefix(organization))


def _one_namespace() -> None:
    replace(pinecone, "namespace_of", lambda _organization: EVERYONE)


def _unfiltered_pinecone() -> None:
    search = pinecone.PineconeIndex._search

    async def unfiltered(
        self: Any, index: Any, namespace: Any, vector: Any, conditions: Any, limit: int
    ) -> Any:
        rest = {name: value for name, value in conditions.items() if name != "organization_id"}
        return await search(self, index, namespace, vector, rest, limit)

    replace(pinecone.PineconeIndex, "_search", unfiltered)


def _any_knowledge_base() -> None:
    replace_in_sql(
        pgvector,
        "_SEARCH",
        "embedding.knowledge_base_id = ANY(CAST(:knowledge_base_ids AS text[]))",
    )


def _questions_of_all() -> None:
    question = QueryEmbeddings._question
    replace(QueryEmbeddings, "_question", lambda self, _organization, *rest: question(
        self, EVERYONE, *rest
    ))  # fmt: skip


def _configuration_of_all() -> None:
    get = TenantCache.get
    first: dict[Any, Any] = {}

    async def forgetful(self: TenantCache[Any, Any], key: Any) -> Any:
        if isinstance(key, tuple) and str(key[0]).startswith("org_"):
            key = first.setdefault((id(self), *key[1:]), key)
        return await get(self, key)

    replace(TenantCache, "get", forgetful)


def _sealed_for_all() -> None:
    context = sealed.SealedColumn.context

    def forgetful(self: sealed.SealedColumn, *, organization_id: str, row_id: str) -> str:  # noqa: ARG001 - forgotten
        return context(self, organization_id=EVERYONE, row_id=row_id)

    replace(sealed.SealedColumn, "context", forgetful)


def _workflows_of_all() -> None:
    async def all_of_them(_self: Any, _request: Any) -> Any:
        yield "StartTime > '2000-01-01T00:00:00Z'"

    replace(ErasureActivities, "_queries", all_of_them)


def _sees_all() -> None:
    replace(Principal, "sees", lambda _self, _organization: True)


def _anyone_is_the_platform() -> None:
    may = Principal.may
    replace(Principal, "may", lambda self, role: role == "platform_admin" or may(self, role))


def _the_first_ones() -> None:
    load = Authenticator._load
    first: list[Any] = []

    async def mixed_up(self: Authenticator, secret_hash: str) -> Principal | None:
        principal = await load(self, secret_hash)
        if principal is None:
            return None
        first.append(principal.organization_id)
        return principal.model_copy(update={"organization_id": first[0]})

    replace(Authenticator, "_load", mixed_up)


def _any_channel() -> None:
    route = InboundUpdates._route

    async def any_channel(self: InboundUpdates, phone_number_id: str, _only: Any) -> Any:
        return await route(self, phone_number_id, None)

    replace(InboundUpdates, "_route", any_channel)
