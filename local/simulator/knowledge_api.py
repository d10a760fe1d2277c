"""What a number's assistant answers from, as its administrator sees it: documents and their state.

Like the operator's view, the page asks the simulator and the simulator asks Parley's API.
"""

import asyncio
import re
from typing import Final

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from local.simulator.errors import ControlError
from local.simulator.graph_api import GraphResponse
from local.simulator.parley import Parley
from local.simulator.requests import known_desk, known_number
from local.simulator.wire import JsonObject
from local.simulator.world import World

NEWEST_DOCUMENTS: Final = 100
ID = r"[A-Za-z0-9_]{1,64}"


def knowledge_router(world: World) -> APIRouter:
    router = APIRouter(prefix="/simulator/knowledge", tags=["Knowledge"])

    @router.get("/{phone_number_id}")
    async def look(phone_number_id: str) -> Response:
        """`available` is false where no key was given: that is no error. The newest documents of
        each knowledge base that the number's assistant reads."""
        known_number(world, phone_number_id)
        if world.desks.get(phone_number_id) is None:
            return GraphResponse({"available": False})
        parley = _at(phone_number_id)
        ids = await _knowledge_bases(parley)
        found = await asyncio.gather(*(_knowledge_base(parley, one) for one in ids))
        return GraphResponse({"available": True, "knowledge_bases": found})

    @router.post("/{phone_number_id}/{knowledge_base_id}/documents", status_code=202)
    async def upload(phone_number_id: str, knowledge_base_id: str, request: Request) -> Response:
        """One file, the form's `file`."""
        parley = _at(phone_number_id)
        path = _documents(knowledge_base_id)
        async with request.form(max_files=1, max_fields=1) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise ControlError(422, "The form has no file.")
            document = await parley.upload(
                path,
                filename=file.filename or "document",
                file=file.file,
                media_type=file.content_type or "application/octet-stream",
            )
        return GraphResponse(document, status_code=202)

    @router.delete("/{phone_number_id}/{knowledge_base_id}/documents/{document_id}")
    async def delete(phone_number_id: str, knowledge_base_id: str, document_id: str) -> Response:
        await _at(phone_number_id).delete(f"{_documents(knowledge_base_id)}/{_id(document_id)}")
        return GraphResponse({"deleted": True})

    @router.get("/{phone_number_id}/documents/{document_id}")
    async def open_document(phone_number_id: str, document_id: str) -> Response:
        """Leads to the document's file, wherever it is among what the assistant reads."""
        parley = _at(phone_number_id)
        for knowledge_base_id in await _knowledge_bases(parley):
            path = f"{_documents(knowledge_base_id)}/{_id(document_id)}/content"
            if (address := await parley.address_of(path)) is not None:
                return RedirectResponse(address)
        raise ControlError(404, "The document is no longer there.")

    def _at(phone_number_id: str) -> Parley:
        desk = known_desk(world, phone_number_id)
        return Parley(world.http, desk, phone_number_id=phone_number_id)

    return router


async def _knowledge_bases(parley: Parley) -> list[str]:
    channel = await parley.channel()
    if channel is None or not channel.get("assistant_id"):
        return []
    assistant = await parley.get(f"assistants/{channel['assistant_id']}")
    return [str(one) for one in assistant.get("knowledge_base_ids", [])]


async def _knowledge_base(parley: Parley, knowledge_base_id: str) -> JsonObject:
    found, documents = await asyncio.gather(
        parley.get(f"knowledge-bases/{knowledge_base_id}"),
        parley.get(_documents(knowledge_base_id), limit=str(NEWEST_DOCUMENTS)),
    )
    return {
        "id": found["id"],
        "name": found["name"],
        "documents": documents.get("items", []),
        "has_more": bool(documents.get("next_cursor")),
    }


def _documents(knowledge_base_id: str) -> str:
    return f"knowledge-bases/{_id(knowledge_base_id)}/documents"


def _id(value: str) -> str:
    """It becomes part of a path that is asked with a key."""
    if re.fullmatch(ID, value) is None:
        raise ControlError(422, "That is no id.")
    return value
