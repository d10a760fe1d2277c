"""Words are searched by the platform for a tenant's sake: its answers stay the tenant's."""

import hashlib

from sqlmodel import col, select

from adapters.postgres import documents, knowledge_bases
from adapters.postgres import passages as statements
from adapters.postgres.database import Database
from adapters.postgres.ingestion import Ingestions
from adapters.postgres.passages import Passages
from adapters.postgres.tables import Document, KnowledgeBase, Passage
from contracts.ids import KnowledgeBaseId, OrganizationId, PassageId
from contracts.ingestion import IngestDocument
from domain.chunking import Chunk
from tests.adapters.postgres.conftest import Pair


async def shelve(database: Database, organization: OrganizationId, text: str) -> KnowledgeBaseId:
    digest = hashlib.sha256(text.encode()).hexdigest()
    async with database.tenant(organization) as session:
        base = await knowledge_bases.create(
            session,
            KnowledgeBase(
                id=knowledge_bases.new_knowledge_base_id(),
                organization_id=organization,
                name="Menu",
                embedding_model="any",
            ),
        )
        document = await documents.create(
            session,
            Document(
                id=documents.new_document_id(),
                organization_id=organization,
                knowledge_base_id=base.id,
                title="Menu",
                media_type="text/plain",
                size_bytes=len(text),
                content_sha256=digest,
            ),
        )
    ref = IngestDocument(
        organization_id=organization, knowledge_base_id=base.id, document_id=document.id
    )
    ingestions = Ingestions(database)
    chunk = Chunk(text=text, start=0, end=len(text), heading=None, page=None)
    version = await ingestions.stage(ref, chunks=[chunk])
    await ingestions.activate(ref, version=version, content_sha256=digest, passage_count=1)
    return base.id


async def test_a_search_in_anothers_knowledge_base_finds_nothing(
    database: Database, pair: Pair
) -> None:
    ours = await shelve(database, pair.ours, "Our sauce has capers")
    theirs = await shelve(database, pair.theirs, "Their sauce has capers")
    passages = Passages(database)

    async def hits(organization: OrganizationId, *bases: KnowledgeBaseId) -> int:
        found = await passages.search_words(
            organization, knowledge_base_ids=bases, queries=["capers"], limit=10
        )
        searched = {base.knowledge_base_id for base in found.knowledge_bases}
        assert searched <= {ours if organization == pair.ours else theirs}
        return len(found.ranks[0])

    assert await hits(pair.ours, ours) == 1
    assert await hits(pair.ours, theirs) == 0
    assert await hits(pair.ours, ours, theirs) == 1
    assert await hits(pair.theirs, ours) == 0


async def test_the_platforms_own_query_asks_for_the_organisation(
    database: Database, pair: Pair
) -> None:
    """Whatever knowledge bases it is given: that they are the tenant's is another rule."""
    theirs = await shelve(database, pair.theirs, "Their sauce has capers")

    async def hits(organization: OrganizationId) -> int:
        async with database.platform() as session:
            connection = await session.connection()
            found = await connection.execute(
                statements._LEXICAL,
                {
                    "organization_id": organization,
                    "knowledge_base_ids": [theirs],
                    "queries": ["capers"],
                    "limit": 10,
                },
            )
            return len(found.all())

    assert await hits(pair.theirs) == 1
    assert await hits(pair.ours) == 0


async def test_a_passage_of_others_is_not_read(database: Database, pair: Pair) -> None:
    base = await shelve(database, pair.theirs, "Their sauce has capers")
    async with database.tenant(pair.theirs) as session:
        query = select(Passage.id).where(col(Passage.knowledge_base_id) == base)
        theirs = [PassageId(one) for one in await session.exec(query)]
    passages = Passages(database)
    assert set(await passages.by_id(pair.theirs, passage_ids=theirs)) == set(theirs)
    assert await passages.by_id(pair.ours, passage_ids=theirs) == {}
