"""`…/knowledge-bases/{knowledge_base_id}/documents`"""

from typing import Annotated

from fastapi import Request
from sqlmodel.ext.asyncio.session import AsyncSession
from ulid import ULID

from adapters.postgres import documents, knowledge_bases
from adapters.postgres.tables import Document
from api.dependencies import AdminDep, PlaceDep, Tenant, ViewerDep
from api.document_ingestion import start_ingestion, stop_ingestions
from api.document_removal import forget_contents, forget_vectors
from api.preconditions import PreconditionDep
from api.problems import Problem, documented, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing, exactly
from api.schemas.knowledge import (
    DocumentPublic,
    DocumentUpdate,
    UploadedFile,
    UploadedFiles,
)
from api.uploads import REQUEST_BODY, Refused, Upload, store_uploads
from contracts.ids import KnowledgeBaseId
from contracts.ingestion import DocumentStatus

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/knowledge-bases/{knowledge_base_id}/documents",
    tags=["documents"],
)


@router.post(
    "",
    status_code=202,
    openapi_extra=REQUEST_BODY,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 503),
)
async def create_document(
    knowledge_base_id: str, request: Request, tenant: AdminDep
) -> DocumentPublic | UploadedFiles:
    """Take documents in; the `status` of each tells how its ingestion goes on.

    One document is answered with itself. Several files are answered one by one: with the document,
    or with what is wrong with the file, which holds up none of the others.
    """
    async with tenant.session() as session:
        await _check_knowledge_base(session, knowledge_base_id)
    uploads = await store_uploads(
        request, objects=tenant.services.objects, organization_id=tenant.organization_id
    )
    if len(uploads) == 1 and isinstance(uploads[0], Upload):
        return await _take_in(uploads[0], knowledge_base_id, tenant, seed=tenant.seed)
    items = []
    for number, upload in enumerate(uploads):
        if isinstance(upload, Refused):
            problem = upload.problem
        else:
            try:
                made = await _take_in(
                    upload, knowledge_base_id, tenant, seed=_seed(tenant.seed, number)
                )
            except Problem as error:
                problem = error
            else:
                items.append(UploadedFile(filename=upload.filename, document=made))
                continue
        items.append(UploadedFile(filename=upload.filename, problem=problem.details))
    if all(one.problem is not None and one.problem.status >= 500 for one in items):
        # An answer with a problem of ours for each would stay the answer to its Idempotency-Key.
        raise problem
    return UploadedFiles(items=items)


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
        document = await find_document(session, knowledge_base_id, document_id)
    return DocumentPublic.model_validate(document)


@router.patch("/{document_id}", responses=documented(401, 403, 404, 412, 422, 503))
async def update_document(
    knowledge_base_id: str,
    document_id: str,
    body: DocumentUpdate,
    tenant: AdminDep,
    precondition: PreconditionDep,
) -> DocumentPublic:
    """Change its title. Its content is changed at `…/content`."""
    async with tenant.session() as session:
        document = await find_document(session, knowledge_base_id, document_id, lock=True)
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
        document = await find_document(session, knowledge_base_id, document_id, lock=True)
        precondition.check(document.revision)
        # Within the transaction: without an engine that answers, nothing is changed.
        await stop_ingestions(tenant.services.temporal, [document.id])
        await _delete(session, document, tenant)
    await _forget(document, tenant)


@router.post("/{document_id}/retry", status_code=202, responses=documented(401, 403, 404, 503))
async def retry_document(
    knowledge_base_id: str, document_id: str, tenant: AdminDep
) -> DocumentPublic:
    """Ingest a document once more that has failed, or that has come to a standstill.

    What was embedded before is not paid for again.
    """
    async with tenant.session() as session:
        document = await find_document(session, knowledge_base_id, document_id, lock=True)
        if document.status == "ready":
            raise Problem(409, "It is ready: there is nothing to try again.", kind="not-failed")
        changes = {"status": "pending", "error": None}
        after = DocumentPublic.model_validate(
            await documents.update(session, document, changes=changes)
        )
        # Also one that was pending, and is: what was done is to start it.
        await tenant.record(session, action="document.retry", resource_id=after.id, after=after)
        # Within the transaction: without an engine that answers, nothing is changed.
        await start_ingestion(tenant.services.temporal, document, again=True)
    return after


async def _take_in(
    upload: Upload, knowledge_base_id: str, tenant: Tenant, *, seed: str
) -> DocumentPublic:
    """The document of stored bytes, with its ingestion; a problem leaves nothing of it behind."""
    try:
        async with tenant.session() as session:
            # Again: a large upload takes its time.
            await _check_knowledge_base(session, knowledge_base_id)
            document = await _create(
                session, _pending(upload, KnowledgeBaseId(knowledge_base_id), tenant, seed), tenant
            )
    except Exception:
        await forget_contents(tenant, [upload.content_sha256])
        raise
    try:
        await start_ingestion(tenant.services.temporal, document)
    except Problem:
        async with tenant.session() as session:
            await _delete(session, document, tenant)
        await _forget(document, tenant)
        raise
    return DocumentPublic.model_validate(document)


def _seed(seed: str, number: int) -> str:
    """Of the document of each file: the same again when the request is run again."""
    return str(ULID.from_int(int(ULID.from_str(seed)) + number))


def _pending(
    upload: Upload, knowledge_base_id: KnowledgeBaseId, tenant: Tenant, seed: str
) -> Document:
    return Document(
        id=documents.new_document_id(seed),
        organization_id=tenant.organization_id,
        knowledge_base_id=knowledge_base_id,
        **upload._asdict() | {"title": upload.title or upload.filename or "Untitled"},
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
    contents = {document.content_sha256, document.active_sha256 or document.content_sha256}
    await forget_contents(tenant, contents)


async def find_document(
    session: AsyncSession, knowledge_base_id: str, document_id: str, *, lock: bool = False
) -> Document:
    """The document of the knowledge base, or a problem."""
    document = await documents.get(
        session, document_id, knowledge_base_id=knowledge_base_id, lock=lock
    )
    if document is None:
        raise not_found("document")
    return document


async def _check_knowledge_base(session: AsyncSession, knowledge_base_id: str) -> None:
    if await knowledge_bases.get(session, knowledge_base_id) is None:
        raise not_found("knowledge base")
