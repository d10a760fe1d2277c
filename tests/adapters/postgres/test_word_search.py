"""Words are searched by the platform for a tenant's sake: its answers stay the tenant's."""

import hashlib

from adapters.postgres import documents, knowledge_bases
from adapters.postgres.database import Database
from adapters.postgres.ingestion import Ingestions
from adapters.postgres.passages import Passages
from adapters.postgres.tables import Document, KnowledgeBase
from contracts.ids import KnowledgeBaseId, OrganizationId
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
        return len(found.ranks[0])

    assert await hits(pair.ours, ours) == 1
    assert await hits(pair.ours, theirs) == 0
    assert await hits(pair.ours, ours, theirs) == 1
    assert await hits(pair.theirs, ours) == 0
