"""Ingestion writes where its organisation may: ids of another's document lead it nowhere."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import pytest

from adapters.postgres.database import Database
from adapters.postgres.ingestion import DocumentGone, Ingestions
from adapters.postgres.tables import KnowledgeBase
from contracts.ingestion import IngestDocument
from domain.chunking import Chunk
from tests.knowledge import Knowledge, new_knowledge

CHUNK: Final = Chunk("Theirs", 0, 6, None, None)
ARGUMENTS: Final[Mapping[str, dict[str, Any]]] = {
    "begin": {},
    "progress": {"stage": "parsing", "progress": 0.9, "embedded": 1},
    "stage": {"chunks": [Chunk("Ours", 0, 4, None, None)], "warnings": ["ours"], "progress": 0.9},
    "staged": {"version": 2, "start": 0, "end": 1},
    "accept_dimension": {"model": "any", "dimension": 3},
    "activate": {"version": 2, "passage_count": 1, "content_sha256": "ours"},
    "remove_older_versions": {"version": 2},
    "fail": {"error": "ours"},
    "exists": {},
    "is_needed": {"content_sha256": "theirs"},
}
"""With which a method would do something to the document, were it the caller's."""
METHODS: Final = sorted(name for name in vars(Ingestions) if not name.startswith("_"))


async def everything(theirs: Knowledge, ref: IngestDocument) -> tuple[Any, ...]:
    async with theirs.database.tenant(theirs.organization_id) as session:
        base = await session.get_one(KnowledgeBase, theirs.knowledge_base_id)
    document = await theirs.document(ref)
    passages = await theirs.passages(ref)
    return base.model_dump(), document.model_dump(), [one.model_dump() for one in passages]


@pytest.mark.parametrize("method", METHODS)
async def test_anothers_document_is_neither_read_nor_changed(
    database: Database, method: str
) -> None:
    ours, theirs = await new_knowledge(database), await new_knowledge(database)
    ref = await theirs.add("Theirs")
    ingestions = Ingestions(database)
    searched = await ingestions.stage(ref, chunks=[CHUNK])
    await ingestions.activate(ref, version=searched, passage_count=1, content_sha256="theirs")
    await ingestions.stage(ref, chunks=[CHUNK])
    before = await everything(theirs, ref)

    call: Callable[..., Awaitable[Any]] = getattr(ingestions, method)
    assert inspect.signature(call).parameters.keys() == {"ref", *ARGUMENTS[method]}
    told = None
    with suppress(DocumentGone):
        told = await call(
            ref.model_copy(update={"organization_id": ours.organization_id}), **ARGUMENTS[method]
        )
    assert not told
    assert await everything(theirs, ref) == before
