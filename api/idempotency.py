"""`Idempotency-Key`: a creating request that is sent again has its effect once, and one answer.

Two requests are the same when API key, `Idempotency-Key`, method, path and body are. The first
one's answer is kept sealed for a day, because it may hold a secret. What happens when a process
dies in the middle is told in `adapters/dynamodb/idempotency.py`.
"""

import hashlib
import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

from fastapi import Header, Request, Response
from starlette.datastructures import UploadFile
from ulid import ULID

from adapters.dynamodb.idempotency import Finished, InProgress, RequestKey, Reused, Started
from adapters.dynamodb.values import utc_now
from adapters.keyring import KeyRing, SealError
from api import problems
from api.authentication import Principal
from api.problems import Problem, invalid
from api.services import Services
from api.uploads import MOST_FIELDS, MOST_FILES, PIECE_BYTES
from contracts.model import Contract
from telemetry import get_logger

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotent-Replayed"
RETRY_SECONDS: Final = "2"
LONGEST_KEY: Final = 255
KEPT_HEADERS: Final = ("content-type", "etag", "location")
PATTERN: Final = "^[!-~]+$"

_VISIBLE: Final = re.compile(PATTERN)
_log = get_logger(__name__)


class KeptAnswer(Contract):
    """An answer as it is sealed."""

    status: int
    headers: dict[str, str]
    body: str


async def documented_header(
    idempotency_key: Annotated[
        str | None,
        Header(
            alias=HEADER,
            min_length=1,
            max_length=LONGEST_KEY,
            pattern=PATTERN,
            description="Any name for this request, e.g. a UUID. Sent again within 24 hours with "
            "the same name, path and body, it is not run again but answered as the first time, "
            f"with `{REPLAYED_HEADER}: true`.",
        ),
    ] = None,
) -> None:
    """Describes the header to OpenAPI; a dependency of every creating route."""


async def run_once(
    request: Request,
    handler: Handler,
    *,
    principal: Principal,
    services: Services,
    reads_forms: bool,
) -> Response:
    """Answer the request; with an `Idempotency-Key`, whatever it does is done once.

    Args:
        reads_forms: the handler takes `multipart/form-data`; otherwise such a body stays bytes.
    """
    name = _key_of(request)
    if name is None:
        request.state.seed = str(ULID())
        return await handler(request)
    key = RequestKey(
        organization_id=principal.organization_id, api_key_id=principal.key_id, name=name
    )
    try:
        fingerprint = await _fingerprint(request, reads_forms=reads_forms)
        return await _run_once(request, handler, key, fingerprint, services)
    finally:
        await request.close()


async def _run_once(
    request: Request, handler: Handler, key: RequestKey, fingerprint: str, services: Services
) -> Response:
    claim = await services.idempotency.claim(key, fingerprint=fingerprint, now=utc_now())
    match claim:
        case Finished():
            return _replay(claim.answer, key, services.keyring)
        case InProgress():
            raise _in_progress()
        case Reused():
            raise Problem(
                409,
                "This Idempotency-Key was used for another request: path and body must be the "
                "same. Send this request with a key of its own.",
                kind="idempotency-key-reused",
            )
    request.state.seed = claim.seed
    return await _run(request, handler, key, claim, services)


async def _run(
    request: Request, handler: Handler, key: RequestKey, claim: Started, services: Services
) -> Response:
    records = services.idempotency
    try:
        response = await handler(request)
    except Exception as error:
        answer = await problems.answer(request, error)
        if answer is None:
            await _try(records.release(key, owner=claim.owner))
            raise
        response = answer
    if response.status_code < 300:
        kept = _seal(response, key, services.keyring)
        finished = await _try(records.finish(key, owner=claim.owner, answer=kept))
        if finished is False:
            # It took longer than its lease, and another process runs it now: what that one
            # answers counts, also where it is a new secret.
            raise _in_progress()
    elif response.status_code < 500 and not claim.again:
        await _try(records.forget(key, owner=claim.owner, now=utc_now()))
    else:
        # What an earlier run has created must be found by the next one.
        await _try(records.release(key, owner=claim.owner))
    return response


async def _try(step: Coroutine[Any, Any, bool | None]) -> bool | None:
    """The request has run by now: its answer stands. None when the step failed."""
    try:
        return await step
    except Exception as error:
        _log.warning("idempotency_record_left", error=type(error).__name__)
        return None


def _key_of(request: Request) -> str | None:
    names = request.headers.getlist(HEADER)
    if not names:
        return None
    if len(names) > 1 or len(names[0]) > LONGEST_KEY or not _VISIBLE.match(names[0]):
        raise invalid(
            HEADER,
            f"send one key of 1 to {LONGEST_KEY} visible ASCII characters",
            location="header",
        )
    return names[0]


async def _fingerprint(request: Request, *, reads_forms: bool) -> str:
    digest = hashlib.sha256()
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    _add(digest, request.method.encode())
    _add(digest, str(request.url.path).encode(errors="surrogatepass"))
    _add(digest, request.url.query.encode(errors="surrogatepass"))
    if reads_forms and content_type == "multipart/form-data":
        # By its parts: the boundary between them is another one each time.
        form = await request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS)
        for name, value in form.multi_items():
            _add(digest, name.encode(errors="surrogatepass"))
            if isinstance(value, UploadFile):
                _add(digest, (value.filename or "").encode(errors="surrogatepass"))
                _add(digest, (value.content_type or "").encode(errors="surrogatepass"))
                _add(digest, await _digest_of(value))
            else:
                _add(digest, value.encode(errors="surrogatepass"))
    else:
        _add(digest, await request.body())
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", part: bytes) -> None:
    """With its length, so that no two sequences of parts look alike."""
    digest.update(len(part).to_bytes(8, "big") + part)


async def _digest_of(file: UploadFile) -> bytes:
    digest = hashlib.sha256()
    while piece := await file.read(PIECE_BYTES):
        digest.update(piece)
    await file.seek(0)
    return digest.digest()


def _seal(response: Response, key: RequestKey, keyring: KeyRing) -> bytes:
    answer = KeptAnswer(
        status=response.status_code,
        headers={name: response.headers[name] for name in KEPT_HEADERS if name in response.headers},
        body=bytes(response.body).decode(),
    )
    return keyring.seal(answer.model_dump_json().encode(), context=_context(key))


def _replay(sealed: bytes, key: RequestKey, keyring: KeyRing) -> Response:
    try:
        answer = KeptAnswer.model_validate_json(keyring.open(sealed, context=_context(key)))
    except SealError:
        raise Problem(
            409,
            "This request has been carried out, but its answer was sealed with a key that is gone. "
            "List what it was to create.",
            kind="idempotency-answer-lost",
        ) from None
    return Response(
        answer.body, status_code=answer.status, headers=answer.headers | {REPLAYED_HEADER: "true"}
    )


def _context(key: RequestKey) -> str:
    return f"idempotency:{key.organization_id or 'platform'}:{key.api_key_id}:{key.name}"


def _in_progress() -> Problem:
    return Problem(
        409,
        "A request with this Idempotency-Key is still being carried out. Send it again in a moment "
        "to get its answer.",
        kind="request-in-progress",
        headers={"Retry-After": RETRY_SECONDS},
    )
