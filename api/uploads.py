"""What a client sends as a document: a file in a form, or a title and a text in JSON."""

import hashlib
import mimetypes
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

from adapters.objects.objects import Objects
from api.problems import Problem, invalid
from api.schemas.knowledge import DocumentContent, DocumentFromText
from contracts.ids import OrganizationId

LARGEST_FILE: Final = 100 * 1024 * 1024
"""What the parser takes: a larger file would be accepted only to fail."""
LONGEST_NAME: Final = 200
MOST_FILES: Final = 50
"""In one request. Each may be in memory up to a megabyte, and on disk beyond."""
MOST_FIELDS: Final = 10
PIECE_BYTES: Final = 1024 * 1024
TEXT_TYPE: Final = "text/markdown"


def _request_body(model: type[BaseModel], file: dict[str, Any]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": model.model_json_schema(ref_template="#/components/schemas/{model}"),
                    "example": {
                        "title": "Opening hours",
                        "text": "# Opening hours\n\nMonday to Friday, 9:00 to 18:00.",
                    },
                },
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {"file": file, "title": {"type": "string"}},
                    },
                    "example": {"file": "(the bytes of the file)", "title": "Price list"},
                },
            },
        }
    }


_FILE: Final[dict[str, Any]] = {"type": "string", "format": "binary"}
REQUEST_BODY: Final = _request_body(
    DocumentFromText,
    _FILE
    | {
        "description": f"Up to 100 MB. The part may be there up to {MOST_FILES} times, for as many "
        "documents, in at most 1 GB; each gets its file's name as its title."
    },
)
"""OpenAPI's description of what makes documents, in both forms."""
CONTENT_BODY: Final = _request_body(DocumentContent, _FILE)
"""OpenAPI's description of what replaces a document's content."""


class Upload(NamedTuple):
    """A document whose bytes are stored."""

    title: str | None
    """As it was sent; None: it has none of its own."""
    filename: str | None
    media_type: str
    size_bytes: int
    content_sha256: str


class Refused(NamedTuple):
    """A file among several that is no document."""

    filename: str | None
    problem: Problem


async def store_uploads(
    request: Request, *, objects: Objects, organization_id: OrganizationId
) -> list[Upload | Refused]:
    """Store the documents in the request; a problem says what is wrong with it.

    Of several files, one that is no document refuses none of the others. A file is kept on disk
    while it comes in and leaves in parts: memory does not grow with it.
    """
    if _is_json(request):
        return [await _from_json(request, DocumentFromText, objects, organization_id)]
    async with request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS) as form:
        files = [each for each in form.getlist("file") if isinstance(each, UploadFile)]
        title = _title(form.get("title"))
        if not files:
            raise invalid("file", "send each document as a file in the form field `file`")
        if len(files) == 1:
            return [await _store(files[0], title, objects, organization_id)]
        if title is not None:
            raise invalid("title", "a title goes with one file; several are called by their names")
        stored: list[Upload | Refused] = []
        for file in files:
            try:
                stored.append(await _store(file, None, objects, organization_id))
            except Problem as problem:
                stored.append(Refused(_filename(file), problem))
        return stored


async def store_content(
    request: Request, *, objects: Objects, organization_id: OrganizationId
) -> Upload:
    """Store the one file or text in the request; a problem says what is wrong with it."""
    if _is_json(request):
        return await _from_json(request, DocumentContent, objects, organization_id)
    async with request.form(max_files=1, max_fields=MOST_FIELDS) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise invalid("file", "send the new content as a file in the form field `file`")
        return await _store(file, _title(form.get("title")), objects, organization_id)


def _is_json(request: Request) -> bool:
    match request.headers.get("content-type", "").partition(";")[0].strip().lower():
        case "application/json":
            return True
        case "multipart/form-data":
            return False
        case other:
            raise Problem(
                415,
                "Send a document as multipart/form-data with the field `file`, or as "
                f"application/json with `title` and `text`. This came as {other[:80]!a}.",
            )


async def _from_json(
    request: Request,
    model: type[DocumentFromText] | type[DocumentContent],
    objects: Objects,
    organization_id: OrganizationId,
) -> Upload:
    try:
        body = model.model_validate(await request.json())
    except ValidationError as error:
        problems = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(problems) from None
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not valid JSON in UTF-8.") from None
    content = body.text.encode()
    sha256 = await objects.put(organization_id, content, media_type=TEXT_TYPE)
    return Upload(body.title, None, TEXT_TYPE, len(content), sha256)


async def _store(
    file: UploadFile, title: str | None, objects: Objects, organization_id: OrganizationId
) -> Upload:
    if not file.size:
        raise invalid("file", "the file is empty")
    if file.size > LARGEST_FILE:
        raise Problem(413, "A document may have at most 100 MB.")
    filename = _filename(file)
    declared = _plain(file.content_type or "") or "application/octet-stream"
    upload = Upload(
        title=title,
        filename=filename,
        media_type=mimetypes.guess_type(filename or "")[0] or declared,
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


def _filename(file: UploadFile) -> str | None:
    return _plain(PurePosixPath((file.filename or "").replace("\\", "/")).name) or None


def _title(given: object) -> str | None:
    return (_plain(given) if isinstance(given, str) else "") or None


def _plain(name: str) -> str:
    """A name as it can be stored and shown: printable, trimmed, of bearable length."""
    encodable = name.encode("utf-8", "replace").decode()
    printable = "".join(character for character in encodable if character.isprintable())
    return printable.strip()[:LONGEST_NAME]
