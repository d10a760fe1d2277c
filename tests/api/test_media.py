"""Files in the transcript, as operators see them."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from anyio import SpooledTemporaryFile
from fastapi import FastAPI
from ulid import ULID

from adapters.dynamodb.media import MessageMedia
from adapters.dynamodb.messages import StoredFile
from api.services import Services
from contracts.conversation import (
    ConversationRef,
    InboundMessage,
    InboundRecord,
    MediaReference,
    RecordInbound,
)
from contracts.ids import (
    ChannelId,
    MessageId,
    OrganizationId,
    PersonId,
    TurnId,
    conversation_id,
)
from tests.api.conftest import Organization

NOW = datetime.now(UTC)
CONTENT = b"the bytes of a file"


async def arrive(
    app: FastAPI, organization: Organization, *, mime_type: str, stored: bool = True
) -> ConversationRef:
    services: Services = app.state.services
    channel, person = ChannelId(f"chn_{ULID()}"), PersonId(f"wau_{ULID()}")
    ref = ConversationRef(
        organization_id=OrganizationId(organization.id),
        channel_id=channel,
        person_id=person,
        conversation_id=conversation_id(channel, person),
    )
    record = InboundRecord(
        message_id=MessageId(f"msg_{ULID()}"),
        message=InboundMessage(
            whatsapp_message_id=f"wamid.{ULID()}",
            type="document",
            reply="acknowledge",
            text="[document: precios añó.pdf]",
            media=MediaReference(
                media_id="4711", mime_type="text/claimed", sha256="told", filename="precios añó.pdf"
            ),
            sent_at=NOW,
        ),
    )
    await services.conversations.record_inbound(
        RecordInbound(
            conversation=ref, turn_id=TurnId(f"turn_{ULID()}"), messages=[record], opening=True
        )
    )
    if stored:
        sha256 = hashlib.sha256(CONTENT).hexdigest()
        async with SpooledTemporaryFile[bytes]() as file:
            await file.write(CONTENT)
            await file.seek(0)
            await services.objects.put_file(
                ref.organization_id, file, sha256=sha256, media_type=mime_type, person_id=person
            )
        await MessageMedia(services.table).keep_file(
            ref,
            record.message_id,
            StoredFile(sha256=sha256, mime_type=mime_type, size_bytes=len(CONTENT)),
        )
    return ref


async def media_of(organization: Organization, ref: ConversationRef) -> dict[str, Any]:
    path = f"{organization.path}/conversations/{ref.conversation_id}/messages"
    (message,) = (await organization.viewer.get(path)).json()["items"]
    media: dict[str, Any] = message["media"]
    return media


async def test_a_stored_file_has_an_address_for_a_while(app: FastAPI, ours: Organization) -> None:
    media = await media_of(ours, await arrive(app, ours, mime_type="application/pdf"))
    expires_at = datetime.fromisoformat(media.pop("url_expires_at"))
    assert timedelta(minutes=14) < expires_at - datetime.now(UTC) <= timedelta(minutes=15)
    async with httpx.AsyncClient(trust_env=False) as browser:
        response = await browser.get(media.pop("url"))
    assert response.content == CONTENT
    assert response.headers["content-type"] == "application/pdf"
    disposition = "attachment; filename*=UTF-8''precios%20a%C3%B1%C3%B3.pdf"
    assert response.headers["content-disposition"] == disposition
    # Nothing of Meta's: neither the id nor what it told.
    assert media == {
        "mime_type": "application/pdf",
        "filename": "precios añó.pdf",
        "size_bytes": len(CONTENT),
        "voice": False,
    }


async def test_a_picture_is_shown(app: FastAPI, ours: Organization) -> None:
    media = await media_of(ours, await arrive(app, ours, mime_type="image/png"))
    async with httpx.AsyncClient(trust_env=False) as browser:
        response = await browser.get(media["url"])
    assert response.headers["content-disposition"].startswith("inline;")


async def test_what_is_not_stored_has_no_address(app: FastAPI, ours: Organization) -> None:
    ref = await arrive(app, ours, mime_type="", stored=False)
    media = await media_of(ours, ref)
    assert (media["mime_type"], media["size_bytes"]) == ("text/claimed", None)
    assert (media["url"], media["url_expires_at"]) == (None, None)


async def test_an_export_names_files_without_addresses(app: FastAPI, ours: Organization) -> None:
    ref = await arrive(app, ours, mime_type="image/png")
    path = f"{ours.path}/conversations/{ref.conversation_id}/export"
    (message,) = (await ours.viewer.get(path)).json()["messages"]
    assert message["media"]["size_bytes"] == len(CONTENT)
    assert message["media"]["url"] is None
    assert "4711" not in str(message)
