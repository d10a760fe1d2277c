"""`…/documents/{document_id}/content`"""

from typing import Final
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse

from adapters.postgres import documents
from adapters.postgres.tables import Document
from api.dependencies import AdminDep, ViewerDep
from api.document_ingestion import start_ingestion
from api.document_removal import forget_contents
from api.preconditions import PreconditionDep
from api.problems import documented
from api.routers.documents import find_document
from api.routing import ResourceRouter
from api.schemas.knowledge import DocumentPublic
from api.uploads import CONTENT_BODY, Upload, store_content

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/knowledge-bases/{knowledge_base_id}/documents",
    tags=["documents"],
)

ADDRESS_SECONDS: Final = 300
"""Of the signed address, which whoever has it can open."""

SHOWN: Final = frozenset({"application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp"})
PLAIN: Final = frozenset({"text/plain", "text/markdown", "text/csv"})
"""Shown as plain text. A page or an SVG could run scripts where the files are: both are saved."""


@router.get(
    "/{document_id}/content",
    status_code=307,
    response_class=RedirectResponse,
    responses=documented(401, 404, 503),
)
async def get_content(
    knowledge_base_id: str, document_id: str, tenant: ViewerDep
) -> RedirectResponse:
    """The file as it was uploaded last, at a signed address that is good for five minutes."""
    async with tenant.session() as session:
        document = await find_document(session, knowledge_base_id, document_id)
    shown, media_type = _as_shown(document.media_type)
    name = document.filename or document.title
    url = await tenant.services.objects.presigned_url(
        tenant.organization_id,
        document.content_sha256,
        expires_seconds=ADDRESS_SECONDS,
        disposition=f"{shown}; filename*=UTF-8''{quote(name, safe='')}",
        media_type=media_type,
    )
    return RedirectResponse(url, status_code=307, headers={"Cache-Control": "no-store"})


@router.put(
    "/{document_id}/content",
    status_code=202,
    openapi_extra=CONTENT_BODY,
    responses=documented(400, 401, 403, 404, 412, 413, 415, 422, 503),
)
async def replace_content(
    knowledge_base_id: str,
    document_id: str,
    request: Request,
    tenant: AdminDep,
    precondition: PreconditionDep,
) -> DocumentPublic:
    """Replace its content. The old one is searched until the new one is ready, or if it fails."""
    async with tenant.session() as session:
        precondition.check((await find_document(session, knowledge_base_id, document_id)).revision)
    upload = await store_content(
        request, objects=tenant.services.objects, organization_id=tenant.organization_id
    )
    try:
        async with tenant.session() as session:
            document = await find_document(session, knowledge_base_id, document_id, lock=True)
            precondition.check(document.revision)
            replaced = document.content_sha256
            before = DocumentPublic.model_validate(document)
            after = DocumentPublic.model_validate(
                await documents.update(session, document, changes=_changes(upload, document))
            )
            await tenant.record(
                session, action="document.replace", resource_id=after.id, before=before, after=after
            )
            # Within the transaction: without an engine that answers, nothing is changed.
            await start_ingestion(tenant.services.temporal, document, again=True)
    except Exception:
        await forget_contents(tenant, [upload.content_sha256])
        raise
    # Unless it is searched, which keeps it until the new one is switched on.
    await forget_contents(tenant, [replaced])
    return after


def _changes(upload: Upload, document: Document) -> dict[str, object]:
    return upload._asdict() | {
        "title": upload.title or document.title,
        "status": "pending",
        "error": None,
        "warnings": [],
    }


def _as_shown(media_type: str) -> tuple[str, str]:
    """`Content-Disposition` and `Content-Type` with which a stranger's file does no harm."""
    kind = media_type.partition(";")[0].strip().lower()
    if kind in SHOWN:
        return "inline", kind
    if kind in PLAIN:
        return "inline", "text/plain; charset=utf-8"
    return "attachment", "application/octet-stream"
