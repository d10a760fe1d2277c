"""`…/knowledge-bases/{knowledge_base_id}/sources`"""

from typing import Any, Final

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.service import RPCError

from adapters.postgres import knowledge_bases, sources
from adapters.postgres.tables import Source, SourceRun
from adapters.temporal.source_schedules import TimingRefused
from api.dependencies import AdminDep, PlaceDep, Tenant, ViewerDep
from api.document_removal import forget_contents, forget_documents
from api.preconditions import PreconditionDep
from api.problems import Problem, documented, invalid, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing, NameFilter
from api.schemas.sources import (
    SourceCreate,
    SourcePublic,
    SourceRunItemPublic,
    SourceRunPublic,
    SourceRunWithItems,
    SourceUpdate,
)
from api.source_contents import check_settings, handed_in, store
from contracts.ids import KnowledgeBaseId, SourceId
from contracts.sources import SourceType, SyncStatus
from telemetry import get_logger

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/knowledge-bases/{knowledge_base_id}/sources",
    tags=["sources"],
)

MOST_SOURCES: Final = 100
"""Of a knowledge base."""
ITEMS_SHOWN: Final = 200

_log = get_logger(__name__)


@router.post("", status_code=201, responses=documented(401, 403, 404, 409, 422, 503))
async def create_source(
    knowledge_base_id: str, body: SourceCreate, tenant: AdminDep
) -> SourcePublic:
    """Make a source, with its schedule; unless it is paused, its first sync begins at once."""
    settings = body.all_settings()
    check_settings(tenant, body.type, settings)
    content = handed_in(body.type, body)
    async with tenant.session() as session:
        await _check_knowledge_base(session, knowledge_base_id)
    source = Source(
        id=sources.new_source_id(tenant.seed),
        organization_id=tenant.organization_id,
        knowledge_base_id=KnowledgeBaseId(knowledge_base_id),
        type=body.type,
        name=body.name,
        settings=settings,
        schedule=_timing(body),
        paused=body.paused,
        content_sha256=await store(tenant, content),
    )
    try:
        async with tenant.session() as session:
            created = await _create(session, source, tenant)
    except Exception:
        await forget_contents(tenant, _hashes(source.content_sha256))
        raise
    if not source.paused:
        await _begin_first_sync(source.id, knowledge_base_id, tenant)
    return created


@router.get("", responses=documented(401, 404, 422, 503))
async def list_sources(
    knowledge_base_id: str,
    place: PlaceDep,
    tenant: ViewerDep,
    type: SourceType | None = None,
    name: NameFilter = None,
) -> Listing[SourcePublic]:
    async with tenant.session() as session:
        await _check_knowledge_base(session, knowledge_base_id)
        page = await sources.page(
            session,
            knowledge_base_id=KnowledgeBaseId(knowledge_base_id),
            type=type,
            name=name,
            **place._asdict(),
        )
    return Listing(
        items=[SourcePublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{source_id}", responses=documented(401, 404, 503))
async def get_source(knowledge_base_id: str, source_id: str, tenant: ViewerDep) -> SourcePublic:
    async with tenant.session() as session:
        return SourcePublic.model_validate(await _find(session, knowledge_base_id, source_id))


@router.patch("/{source_id}", responses=documented(401, 403, 404, 412, 422, 503))
async def update_source(
    knowledge_base_id: str,
    source_id: str,
    body: SourceUpdate,
    tenant: AdminDep,
    precondition: PreconditionDep,
) -> SourcePublic:
    """Change the fields that are sent, and its schedule with them; `schedule: null` takes the
    schedule away. When what it reads has changed, and it is not paused, a sync begins."""
    async with tenant.session() as session:
        before = await _find(session, knowledge_base_id, source_id)
    changes = await _changes(before, body, tenant)
    async with tenant.session() as session:
        source = await _find(session, knowledge_base_id, source_id, lock=True)
        precondition.check(source.revision)
        shown = SourcePublic.model_validate(source)
        read_before = (source.settings, source.content_sha256)
        updated = await sources.change(session, source, changes=changes)
        await _ensure_schedule(session, updated, tenant)
        if (updated.settings, updated.content_sha256) != read_before and not updated.paused:
            await _ask_for_sync(session, updated, tenant)
        after = SourcePublic.model_validate(updated)
        await tenant.record(
            session, action="source.update", resource_id=after.id, before=shown, after=after
        )
    await forget_contents(tenant, _hashes(before.content_sha256) - _hashes(updated.content_sha256))
    return after


@router.delete("/{source_id}", status_code=204, responses=documented(401, 403, 404, 412, 503))
async def delete_source(
    knowledge_base_id: str, source_id: str, tenant: AdminDep, precondition: PreconditionDep
) -> None:
    """Remove it with its schedule and its documents; a sync that is going on ends."""
    async with tenant.session() as session:
        source = await _find(session, knowledge_base_id, source_id, lock=True)
        precondition.check(source.revision)
        before = SourcePublic.model_validate(source)
        # Within the transaction: without an engine that answers, nothing is changed.
        await tenant.services.source_schedules.delete(source.id)
        documents = await sources.documents_of(session, source_id=source.id)
        await sources.delete(session, source)
        await tenant.record(session, action="source.delete", resource_id=before.id, before=before)
    await forget_documents(tenant, [one.id for one in documents])
    contents = {sha256 for one in documents for sha256 in one.contents}
    await forget_contents(tenant, contents | _hashes(source.content_sha256))


@router.post("/{source_id}/sync", status_code=202, responses=documented(401, 403, 404, 409, 503))
async def sync_source(knowledge_base_id: str, source_id: str, tenant: AdminDep) -> SourceRunPublic:
    """Sync it now, paused or not. While a sync goes on, the answer is that one."""
    async with tenant.session() as session:
        source = await _find(session, knowledge_base_id, source_id, lock=True)
        run = await _ask_for_sync(session, source, tenant)
        if run.id == sources.new_run_id(tenant.seed):
            await tenant.record(
                session,
                action="source_run.create",
                resource_id=run.id,
                after=SourceRunPublic.model_validate(run),
            )
    return SourceRunPublic.model_validate(run)


@router.get("/{source_id}/runs", responses=documented(401, 404, 422, 503))
async def list_source_runs(
    knowledge_base_id: str,
    source_id: str,
    place: PlaceDep,
    tenant: ViewerDep,
    status: SyncStatus | None = None,
) -> Listing[SourceRunPublic]:
    """The last 50 syncs, and how each of them ended."""
    async with tenant.session() as session:
        source = await _find(session, knowledge_base_id, source_id)
        page = await sources.runs(session, source_id=source.id, status=status, **place._asdict())
    return Listing(
        items=[SourceRunPublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{source_id}/runs/{source_run_id}", responses=documented(401, 404, 503))
async def get_source_run(
    knowledge_base_id: str, source_id: str, source_run_id: str, tenant: ViewerDep
) -> SourceRunWithItems:
    """One sync, with what was changed or has failed in it."""
    async with tenant.session() as session:
        source = await _find(session, knowledge_base_id, source_id)
        run = await sources.get_run(session, source_run_id, source_id=source.id)
        if run is None:
            raise not_found("run")
        items = await sources.items_of(session, run_id=run.id, limit=ITEMS_SHOWN)
    return SourceRunWithItems(
        **SourceRunPublic.model_validate(run).model_dump(),
        items=[SourceRunItemPublic.model_validate(one) for one in items],
    )


async def _create(session: AsyncSession, source: Source, tenant: Tenant) -> SourcePublic:
    """The source, also when a process that died had come so far."""
    base = source.knowledge_base_id
    existing = await sources.get(session, source.id, knowledge_base_id=base)
    if existing is not None:
        return SourcePublic.model_validate(existing)
    if await sources.count(session, knowledge_base_id=base) >= MOST_SOURCES:
        raise Problem(409, f"A knowledge base has at most {MOST_SOURCES} sources.")
    created = await sources.create(session, source)
    await _ensure_schedule(session, created, tenant)
    shown = SourcePublic.model_validate(created)
    await tenant.record(session, action="source.create", resource_id=shown.id, after=shown)
    return shown


async def _ensure_schedule(session: AsyncSession, source: Source, tenant: Tenant) -> None:
    """Last in the transaction: if Temporal refuses, nothing is changed. If a process dies between
    the two, or the transaction fails after all, a comparison mends the schedule."""
    schedules = tenant.services.source_schedules
    try:
        await schedules.ensure(source)
    except TimingRefused as refusal:
        raise invalid("schedule.cron", str(refusal)) from None
    await sources.note_next_run(session, source.id, await schedules.next_run_at(source.id))
    await session.refresh(source)


async def _ask_for_sync(session: AsyncSession, source: Source, tenant: Tenant) -> SourceRun:
    """The run that goes on, or one that begins now. The source's row is locked: until this
    transaction ends, no sync of it begins."""
    schedules = tenant.services.source_schedules
    run = await sources.open_run(session, source_id=source.id)
    if run is not None and run.workflow_id is not None:
        if await schedules.is_running(run.workflow_id):
            return run
        run = None
    if run is None:
        run = await sources.ask_for_run(
            session,
            run_id=sources.new_run_id(tenant.seed),
            source_id=source.id,
            owner=source.organization_id,
        )
    await schedules.trigger(source.id)
    return run


async def _begin_first_sync(source_id: SourceId, knowledge_base_id: str, tenant: Tenant) -> None:
    """If that fails, the source is there all the same, and is synced by its schedule."""
    try:
        async with tenant.session() as session:
            source = await sources.get(
                session, source_id, knowledge_base_id=knowledge_base_id, lock=True
            )
            if source is not None and source.last_run_at is None:
                await _ask_for_sync(session, source, tenant)
    except RPCError as error:
        _log.warning("first_sync_not_begun", source_id=source_id, status=error.status.name)


async def _changes(source: Source, body: SourceUpdate, tenant: Tenant) -> dict[str, Any]:
    """The columns that the body changes; a problem when it does not suit the source."""
    try:
        body.check(source.type)
    except ValueError as error:
        raise invalid("type", str(error)) from None
    settings = source.settings | body.settings()
    content = handed_in(source.type, body)
    if source.type == "faq" and content is not None:
        settings.pop("url", None)
    check_settings(tenant, source.type, settings)
    changes: dict[str, Any] = {"settings": settings}
    if content is not None or (source.type == "faq" and body.url is not None):
        changes["content_sha256"] = await store(tenant, content)
    sent = body.model_fields_set
    if "schedule" in sent:
        changes["schedule"] = _timing(body)
    return changes | {name: getattr(body, name) for name in ("name", "paused") if name in sent}


def _hashes(sha256: str | None) -> set[str]:
    return set() if sha256 is None else {sha256}


def _timing(body: SourceCreate | SourceUpdate) -> dict[str, Any] | None:
    return None if body.schedule is None else body.schedule.model_dump(exclude_none=True)


async def _find(
    session: AsyncSession, knowledge_base_id: str, source_id: str, *, lock: bool = False
) -> Source:
    source = await sources.get(session, source_id, knowledge_base_id=knowledge_base_id, lock=lock)
    if source is None:
        raise not_found("source")
    return source


async def _check_knowledge_base(session: AsyncSession, knowledge_base_id: str) -> None:
    if await knowledge_bases.get(session, knowledge_base_id) is None:
        raise not_found("knowledge base")
