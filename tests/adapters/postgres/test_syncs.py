"""Syncs write for their own organisation: what another's ids name is not there for them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from sqlmodel import select
from ulid import ULID

from adapters.postgres.database import Database
from adapters.postgres.sources import OwnedDocument
from adapters.postgres.syncs import SourceGone, Stored, Syncs
from adapters.postgres.tables import Document, KnowledgeBase, Source, SourceRun, SourceRunItem
from adapters.postgres.vanished import Vanished
from adapters.sources.items import Fetched, Listed, Listing
from contracts.ids import KnowledgeBaseId, OrganizationId, SourceId
from contracts.sources import BeginSync, SourceRef, SyncRef
from tests.adapters.postgres.conftest import Pair

FOUND = Fetched("Title", "text/plain", "digest", etag='"1"')


class Begun(NamedTuple):
    """A sync of theirs with two items, of which one is a document; and how we name it."""

    theirs: SyncRef
    ours: SyncRef
    fetched: SourceRunItem
    pending: SourceRunItem
    document: OwnedDocument


@pytest.fixture
async def begun(database: Database, pair: Pair) -> Begun:
    ref = await a_source(database, pair.theirs)
    syncs = Syncs(database)
    run_id, _ = await syncs.begin(BeginSync(source=ref, workflow_id="sync/1"))
    sync = SyncRef(source=ref, run_id=run_id)
    assert await syncs.write_list(sync, Listing([Listed("a"), Listed("b")])) == 2
    fetched, pending = await syncs.items(sync, start=0, end=2)
    await syncs.settle(sync, fetched, FOUND, stored=Stored("f" * 64, 3), most_items=10)
    (document_id,) = await syncs.to_ingest(sync, start=0, end=2)
    foreign = sync.model_copy(
        update={"source": ref.model_copy(update={"organization_id": pair.ours})}
    )
    return Begun(sync, foreign, fetched, pending, OwnedDocument(document_id, "f" * 64))


async def a_source(database: Database, owner: OrganizationId) -> SourceRef:
    base, source = KnowledgeBaseId(f"kb_{ULID()}"), SourceId(f"src_{ULID()}")
    async with database.tenant(owner) as session:
        session.add(
            KnowledgeBase(id=base, organization_id=owner, name="Help", embedding_model="model")
        )
        await session.flush()
        session.add(Source(id=source, organization_id=owner, knowledge_base_id=base, name="Site"))
    return SourceRef(organization_id=owner, knowledge_base_id=base, source_id=source)


async def everything(database: Database, sync: SyncRef) -> str:
    """What there is of the sync, as its owner sees it."""
    async with database.tenant(sync.source.organization_id) as session:
        rows: list[Any] = []
        for table in (Source, SourceRun, SourceRunItem, Document):
            rows += [one.model_dump() for one in await session.exec(select(table))]
    return str(rows)


@pytest.mark.parametrize(
    "write",
    [
        lambda syncs, begun: syncs.begin(BeginSync(source=begun.ours.source, workflow_id="sync/2")),
        lambda syncs, begun: syncs.source(begun.ours.source),
        lambda syncs, begun: syncs.write_list(begun.ours, Listing([Listed("c")])),
        lambda syncs, begun: syncs.settle(
            begun.ours, begun.pending, FOUND, stored=Stored("e" * 64, 3), most_items=10
        ),
        lambda syncs, begun: syncs.finish(begun.ours, error=None, next_run_at=None),
    ],
    ids=["begin", "source", "write_list", "settle", "finish"],
)
async def test_a_sync_of_another_organisation_is_gone(
    database: Database, begun: Begun, write: Callable[[Syncs, Begun], Any]
) -> None:
    before = await everything(database, begun.theirs)
    with pytest.raises(SourceGone):
        await write(Syncs(database), begun)
    assert await everything(database, begun.theirs) == before


async def test_nothing_of_another_organisation_is_read_or_failed(
    database: Database, begun: Begun
) -> None:
    syncs, before = Syncs(database), await everything(database, begun.theirs)
    assert await syncs.total(begun.ours) == 0
    assert await syncs.items(begun.ours, start=0, end=9) == []
    assert await syncs.known(begun.ours, "a") is None
    assert await syncs.to_ingest(begun.ours, start=0, end=9) == []
    assert await syncs.replaced_contents(begun.ours) == set()
    await syncs.fail_item(begun.ours, begun.pending, "a reason")
    assert await everything(database, begun.theirs) == before
    known = await syncs.known(begun.theirs, "a")
    assert known is not None
    assert known[0].etag == '"1"'


async def test_nothing_of_another_organisation_is_removed(database: Database, begun: Begun) -> None:
    vanished, before = Vanished(database), await everything(database, begun.theirs)
    with pytest.raises(SourceGone):
        await vanished.decide(begun.ours)
    assert await vanished.to_remove(begun.ours, limit=9) == []
    await vanished.remove(begun.ours, begun.document)
    assert await everything(database, begun.theirs) == before


async def test_an_item_is_settled_once(database: Database, begun: Begun) -> None:
    syncs = Syncs(database)
    before = await everything(database, begun.theirs)
    await syncs.settle(
        begun.theirs, begun.fetched, FOUND, stored=Stored("e" * 64, 9), most_items=10
    )
    assert await everything(database, begun.theirs) == before


async def test_a_run_ends_once_and_counts_what_is_still_to_do_as_nothing(
    database: Database, begun: Begun
) -> None:
    syncs = Syncs(database)
    first = await syncs.finish(begun.theirs, error="It broke.", next_run_at=None)
    assert (first.status, first.added, first.failed) == ("failed", 1, 0)
    assert await syncs.finish(begun.theirs, error=None, next_run_at=None) == first
    assert [one.outcome for one in await syncs.items(begun.theirs, start=0, end=9)] == ["added"]


async def test_a_run_that_was_cut_off_does_not_go_on_for_ever(
    database: Database, begun: Begun
) -> None:
    syncs, source = Syncs(database), begun.theirs.source
    request = BeginSync(source=source, workflow_id="sync/2")
    run_id, _ = await syncs.begin(request)
    assert await syncs.begin(request) == (run_id, await syncs.source(source))
    async with database.tenant(source.organization_id) as session:
        cut_off = await session.get_one(SourceRun, begun.theirs.run_id)
    assert (cut_off.status, cut_off.ended_at is None) == ("failed", False)
