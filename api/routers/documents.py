"""`…/knowledge-bases/{knowledge_base_id}/documents`"""

from contextlib import suppress
from typing import Annotated

from fastapi import Request
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import Client
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from adapters.postgres import documents, knowledge_bases
from adapters.postgres.tables import Document
from api.dependencies import AdminDep, PlaceDep, Tenant, ViewerDep
from api.document_removal import forget_contents, forget_vectors
from api.preconditions import PreconditionDep
from api.problems import documented, not_found, unavailable
from api.routing import ResourceRouter
from api.schemas.base import Listing, exactly
from api.schemas.knowledge import DocumentPublic, DocumentUpdate
from api.uploads import REQUEST_BODY, Upload, store_upload
from contracts.ids import DocumentId, KnowledgeBaseId, ingestion_workflow_id
from contracts.ingestion import DocumentStatus, IngestDocument
from contracts.names import INGEST_DOCUMENT_WORKFLOW, INGESTION_QUEUE, ORGANIZATION_ID
from telemetry import get_logger

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/knowledge-bases/{knowledge_base_id}/documents",
    tags=["documents"],
)

_log = get_logger(__name__)


@router.post(
    "",
    status_code=202,
    openapi_extra=REQUEST_BODY,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 503),
)
async def create_document(
    knowledge_base_id: str, request: Request, tenant: AdminDep
) -> DocumentPublic:
    """Take a document in; its `status` tells how its ingestion goes on."""
    async with tenant.session() as session:
        await _check_knowledge_base(session, knowledge_base_id)
    upload = await store_upload(
        request, objects=tenant.services.objects, organization_id=tenant.organization_id
    )
    try:
        async with tenant.session() as session:
            # Again: a large upload takes its time.
            await _check_knowledge_base(session, knowledge_base_id)
            document = await _create(
                session, _pending(upload, KnowledgeBaseId(knowledge_base_id), tenant), tenant
            )
    except Exception:
        await forget_contents(tenant, [upload.content_sha256])
        raise
    try:
        await _start_ingestion(tenant.services.temporal, document)
    except (RPCError, RuntimeError) as error:
        _log.warning("ingestion_not_started", document_id=document.id, error=type(error).__name__)
        async with tenant.session() as session:
            await _delete(session, document, tenant)
        await _forget(document, tenant)
        raise unavailable("The workflow engine") from None
    return DocumentPublic.model_validate(document)


@router.get("", responses=documented(401, 404, 422, 503))
async def list_documents(
    knowledge_base_id: str,
    place: PlaceDep,
    tenant: ViewerDep,
    status: DocumentStatus | None = None,
    title: Annotated[str | None, exactly("title")] = None,
    source_id: Annotated[str | None, exactly("source_id")] = None,
) -> Listing[DocumentPublic]:
    async with tenant.session() as session:
        await _check_knowledge_base(session, knowledge_base_id)
        page = await documents.page(
            session,
            knowledge_base_id=KnowledgeBaseId(knowledge_base_id),
            status=status,
            title=title,
            source_id=source_id,
            **place._asdict(),
        )
    return Listing(
        items=[DocumentPublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{document_id}", responses=documented(401, 404, 503))
async def get_document(
    knowledge_base_id: str, document_id: str, tenant: ViewerDep
) -> DocumentPublic:
    async with tenant.session() as session:
        document = await _find(session, knowledge_base_id, document_id)
    return DocumentPublic.model_validate(document)


@router.patch("/{document_id}", responses=documented(401, 403, 404, 412, 422, 503))
async def update_document(
    knowledge_base_id: str,
    document_id: str,
    body: DocumentUpdate,
    tenant: AdminDep,
    precondition: PreconditionDep,
) -> DocumentPublic:
    """Change its title. Its content is what it was: delete it and send another one."""
    async with tenant.session() as session:
        document = await _find(session, knowledge_base_id, document_id, lock=True)
        precondition.check(document.revision)
        before = DocumentPublic.model_validate(document)
        updated = await documents.update(session, document, changes=body.changes())
        after = DocumentPublic.model_validate(updated)
        await tenant.record(
            session, action="document.update", resource_id=after.id, before=before, after=after
        )
    return after


@router.delete("/{document_id}", status_code=204, responses=documented(401, 403, 404, 412, 503))
async def delete_document(
    knowledge_base_id: str, document_id: str, tenant: AdminDep, precondition: PreconditionDep
) -> None:
    """Remove it from every search, and its file unless another document has the same."""
    async with tenant.session() as session:
        document = await _find(session, knowledge_base_id, document_id, lock=True)
        precondition.check(document.revision)
        # Within the transaction: without an engine that answers, nothing is changed.
        await _stop_ingestion(tenant.services.temporal, document.id)
        await _delete(session, document, tenant)
    await _forget(document, tenant)


def _pending(upload: Upload, knowledge_base_id: KnowledgeBaseId, tenant: Tenant) -> Document:
    return Document(
        id=documents.new_document_id(tenant.seed),
        organization_id=tenant.organization_id,
        knowledge_base_id=knowledge_base_id,
        **upload._asdict(),
    )


async def _create(session: AsyncSession, document: Document, tenant: Tenant) -> Document:
    """The document, also when a process that died had come so far."""
    existing = await documents.get(
        session, document.id, knowledge_base_id=document.knowledge_base_id
    )
    if existing is not None:
        return existing
    created = await documents.create(session, document)
    await tenant.record(
        session,
        action="document.create",
        resource_id=created.id,
        after=DocumentPublic.model_validate(created),
    )
    return created


async def _start_ingestion(temporal: Client, document: Document) -> None:
    """Start it, unless it runs; what has been ingested before is found unchanged and done."""
    with suppress(WorkflowAlreadyStartedError):
        await temporal.start_workflow(
            INGEST_DOCUMENT_WORKFLOW,
            IngestDocument(
                organization_id=document.organization_id,
                knowledge_base_id=document.knowledge_base_id,
                document_id=document.id,
            ),
            id=ingestion_workflow_id(document.id),
            task_queue=INGESTION_QUEUE,
            priority=Priority(fairness_key=document.organization_id),
            # By which an erasure finds it.
            search_attributes=TypedSearchAttributes(
                [SearchAttributePair(ORGANIZATION_ID, document.organization_id)]
            ),
        )


async def _stop_ingestion(temporal: Client, document_id: DocumentId) -> None:
    try:
        await temporal.get_workflow_handle(ingestion_workflow_id(document_id)).cancel()
    except RPCError as error:
        # It ended long ago, as most have.
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def _delete(session: AsyncSession, document: Document, tenant: Tenant) -> None:
    found = await documents.get(
        session, document.id, knowledge_base_id=document.knowledge_base_id, lock=True
    )
    if found is not None:
        before = DocumentPublic.model_validate(found)
        await documents.delete(session, found)
        await tenant.record(session, action="document.delete", resource_id=before.id, before=before)


async def _forget(document: Document, tenant: Tenant) -> None:
    """Remove what other engines hold of a document that is deleted."""
    index = tenant.services.knowledge.index
    await forget_vectors(
        index.delete_document(tenant.organization_id, document_id=document.id), tenant=tenant
    )
    await forget_contents(tenant, [document.content_sha256])


async def _find(
    session: AsyncSession, knowledge_base_id: str, document_id: str, *, lock: bool = False
) -> Document:
    document = await documents.get(
        session, document_id, knowledge_base_id=knowledge_base_id, lock=lock
    )
    if document is None:
        raise not_found("document")
    return document


async def _check_knowledge_base(session: AsyncSession, knowledge_base_id: str) -> None:
    if await knowledge_bases.get(session, knowledge_base_id) is None:
        raise not_found("knowledge base")
