"""`/v1/organizations/{organization_id}/conversations`"""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Query
from fastapi.responses import StreamingResponse

from adapters.dynamodb.conversations import StoredConversation
from adapters.dynamodb.messages import StoredMessage
from adapters.postgres import person_facts
from api.dependencies import PlaceDep, Tenant, ViewerDep
from api.problems import documented, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing, Reference
from api.schemas.conversations import ConversationExport, ConversationPublic, MessagePublic
from contracts.conversation import ConversationStatus
from contracts.ids import ChannelId, ConversationId, PersonId, parties_of
from domain.media_types import PICTURES

ADDRESS_SECONDS: Final = 900
SHOWN: Final = PICTURES | {"image/gif"}

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/conversations", tags=["conversations"]
)


@router.get("", responses=documented(401, 404, 422, 503))
async def list_conversations(
    place: PlaceDep,
    tenant: ViewerDep,
    status: ConversationStatus | None = None,
    channel_id: Annotated[Reference | None, Query()] = None,
    whatsapp_user_id: Annotated[Reference | None, Query()] = None,
    waiting: Annotated[
        bool | None, Query(description="Only those that wait for a human; false: that do not.")
    ] = None,
) -> Listing[ConversationPublic]:
    """Newest activity first. A filtered page may be short and still have a next one."""
    page = await tenant.services.conversations.list(
        tenant.organization_id,
        limit=place.limit,
        cursor=place.cursor,
        status=status,
        channel_id=None if channel_id is None else ChannelId(channel_id),
        person_id=None if whatsapp_user_id is None else PersonId(whatsapp_user_id),
        waiting=waiting,
    )
    return Listing(
        items=[ConversationPublic.of(one) for one in page.items], next_cursor=page.next_cursor
    )


@router.get("/{conversation_id}", responses=documented(401, 404, 503))
async def get_conversation(conversation_id: str, tenant: ViewerDep) -> ConversationPublic:
    return ConversationPublic.of(await find_conversation(conversation_id, tenant))


@router.get("/{conversation_id}/messages", responses=documented(401, 404, 422, 503))
async def list_messages(
    conversation_id: str, place: PlaceDep, tenant: ViewerDep
) -> Listing[MessagePublic]:
    """What was said, newest first. Addresses of files are good for some minutes: ask anew later."""
    conversation = await find_conversation(conversation_id, tenant)
    page = await tenant.services.conversations.messages(
        tenant.organization_id, conversation.id, limit=place.limit, cursor=place.cursor
    )
    return Listing(
        items=[await _with_address(one, tenant) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get(
    "/{conversation_id}/export",
    response_model=ConversationExport,
    responses=documented(401, 404, 503),
)
async def export_conversation(conversation_id: str, tenant: ViewerDep) -> StreamingResponse:
    """The conversation with all of its messages, oldest first, as one JSON document to keep.

    It is sent as it is read, however long it is. What is cut off is not valid JSON. Files are named
    without addresses, which would not be good for long.
    """
    conversation = await find_conversation(conversation_id, tenant)
    pages = tenant.services.conversations.transcript(tenant.organization_id, conversation.id)
    # Read before the answer begins: a store that is down is still a 503.
    first: list[StoredMessage] = await anext(pages, [])
    summary = await tenant.services.summaries.get(tenant.organization_id, conversation.id)
    async with tenant.session() as session:
        facts = await person_facts.known(session, conversation.person_id)
    remembered = {
        "summary": summary.text if summary else None,
        "facts": [fact.statement for fact in facts],
    }
    return StreamingResponse(
        _export(conversation, remembered, first, pages),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{conversation.id}.json"'},
    )


async def _export(
    conversation: StoredConversation,
    remembered: Mapping[str, object],
    first: list[StoredMessage],
    rest: AsyncIterator[list[StoredMessage]],
) -> AsyncIterator[str]:
    yield f'{{"conversation":{ConversationPublic.of(conversation).model_dump_json()}'
    for name, value in remembered.items():
        yield f',"{name}":{json.dumps(value, ensure_ascii=False)}'
    yield ',"messages":['
    yield _joined(first)
    async for page in rest:
        yield "," + _joined(page)
    yield "]}"


def _joined(messages: list[StoredMessage]) -> str:
    return ",".join(MessagePublic.of(one).model_dump_json() for one in messages)


async def _with_address(message: StoredMessage, tenant: Tenant) -> MessagePublic:
    """Signing asks nobody, so that a page of files costs no more than one without."""
    if message.file is None or message.media is None:
        return MessagePublic.of(message)
    _, person_id = parties_of(message.conversation_id)
    expires_at = datetime.now(UTC) + timedelta(seconds=ADDRESS_SECONDS)
    url = await tenant.services.objects.presigned_url(
        tenant.organization_id,
        message.file.sha256,
        expires_seconds=ADDRESS_SECONDS,
        person_id=person_id,
        disposition=_disposition(message.file.mime_type, message.media.filename),
    )
    return MessagePublic.of(message, url=url, expires_at=expires_at)


def _disposition(mime_type: str, filename: str | None) -> str:
    """Pictures and recordings are shown; whatever else a stranger sent is only saved."""
    shown = mime_type in SHOWN or mime_type.startswith(("audio/", "video/"))
    name = f"; filename*=UTF-8''{quote(filename, safe='')}" if filename else ""
    return ("inline" if shown else "attachment") + name


async def find_conversation(conversation_id: str, tenant: Tenant) -> StoredConversation:
    """The organisation's conversation, or a problem."""
    try:
        parties_of(conversation_id)
    except ValueError:
        raise not_found("conversation") from None
    found = await tenant.services.conversations.get(
        tenant.organization_id, ConversationId(conversation_id)
    )
    if found is None:
        raise not_found("conversation")
    return found
