"""What a client sends as a document: a file in a form, or a title and a text in JSON."""

import hashlib
import mimetypes
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from adapters.objects.objects import Objects
from api.problems import Problem, invalid
from api.schemas.knowledge import DocumentFromText
from contracts.ids import OrganizationId

LARGEST_FILE: Final = 32 * 1024 * 1024
"""What the parser takes: a larger file would be accepted only to fail."""
LONGEST_NAME: Final = 200
MOST_FILES: Final = 1
MOST_FIELDS: Final = 10
PIECE_BYTES: Final = 1024 * 1024
TEXT_TYPE: Final = "text/markdown"

REQUEST_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": DocumentFromText.model_json_schema(
                    ref_template="#/components/schemas/{model}"
                ),
                "example": {
                    "title": "Opening hours",
                    "text": "# Opening hours\n\nMonday to Friday, 9:00 to 18:00.",
                },
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "title": {"type": "string"},
                    },
                },
                "example": {"file": "(the bytes of the file)", "title": "Price list"},
            },
        },
    }
}
"""OpenAPI's description of both forms."""


class Upload(NamedTuple):
    """A document whose bytes are stored."""

    title: str
    filename: str | None
    media_type: str
    size_bytes: int
    content_sha256: str


async def store_upload(
    request: Request, *, objects: Objects, organization_id: OrganizationId
) -> Upload:
    """Store the document in the request; a problem says what is wrong with it.

    A file is kept on disk while it comes in and leaves in parts: memory does not grow with it.
    """
    match request.headers.get("content-type", "").partition(";")[0].strip().lower():
        case "application/json":
            return await _from_json(request, objects, organization_id)
        case "multipart/form-data":
            return await _from_form(request, objects, organization_id)
        case other:
            raise Problem(
                415,
                "Send a document as multipart/form-data with the field `file`, or as "
                f"application/json with `title` and `text`. This came as {other[:80]!a}.",
            )


async def _from_json(request: Request, objects: Objects, organization_id: OrganizationId) -> Upload:
    try:
        body = DocumentFromText.model_validate(await request.json())
    except ValidationError as error:
        problems = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(problems) from None
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not valid JSON in UTF-8.") from None
    content = body.text.encode()
    sha256 = await objects.put(organization_id, content, media_type=TEXT_TYPE)
    return Upload(body.title, None, TEXT_TYPE, len(content), sha256)


async def _from_form(request: Request, objects: Objects, organization_id: OrganizationId) -> Upload:
    async with request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS) as form:
        file, title = form.get("file"), form.get("title")
        if not isinstance(file, UploadFile):
            raise invalid("file", "send the document as a file in the form field `file`")
        if not file.size:
            raise invalid("file", "the file is empty")
        if file.size > LARGEST_FILE:
            raise Problem(413, "A document may have at most 32 MB.")
        filename = _plain(PurePosixPath((file.filename or "").replace("\\", "/")).name)
        declared = _plain(file.content_type or "") or "application/octet-stream"
        upload = Upload(
            title=(_plain(title) if isinstance(title, str) else "") or filename or "Untitled",
            filename=filename or None,
            media_type=mimetypes.guess_type(filename)[0] or declared,
            size_bytes=file.size,
            content_sha256=await _sha256(file),
        )
        await file.seek(0)
        await objects.put_file(
            organization_id, file, sha256=upload.content_sha256, media_type=upload.media_type
        )
        return upload


async def _sha256(file: UploadFile) -> str:
    digest = hashlib.sha256()
    while chunk := await file.read(PIECE_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _plain(name: str) -> str:
    """A name as it can be stored and shown: printable, trimmed, of bearable length."""
    encodable = name.encode("utf-8", "replace").decode()
    printable = "".join(character for character in encodable if character.isprintable())
    return printable.strip()[:LONGEST_NAME]
