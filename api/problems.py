"""Every error as RFC 9457 `application/problem+json`: a stable type, a detail that helps."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from temporalio.service import RPCError

from adapters.dynamodb.pages import InvalidCursor
from adapters.postgres.rows import CursorError
from telemetry import get_logger

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:parley:problem:"
RETRY_SECONDS: Final = "5"
_TITLES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}
"""Where Python's own phrase depends on its version (RFC 9110, section 15); a type must not."""

_log = get_logger(__name__)


class FieldProblem(BaseModel):
    """What is wrong with one field of the request."""

    location: str = Field(examples=["body"])
    field: str = Field(examples=["name"])
    detail: str = Field(examples=["Field required"])


class ProblemDetails(BaseModel):
    """RFC 9457."""

    type: str = Field(examples=["urn:parley:problem:not-found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(
        examples=["There is no such assistant. Check the id; the list shows those there are."]
    )
    errors: list[FieldProblem] | None = None


class Problem(Exception):
    """Raise it anywhere in a request; the client gets it as it is."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str | None = None,
        errors: list[FieldProblem] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            kind: last part of the problem's type; by default the status's own name.
        """
        super().__init__(detail)
        title = title_of(status)
        self.details = ProblemDetails(
            type=TYPE_PREFIX + (kind or title.lower().replace(" ", "-")),
            title=title,
            status=status,
            detail=detail,
            errors=errors,
        )
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        return JSONResponse(
            self.details.model_dump(exclude_none=True),
            status_code=self.details.status,
            headers=self.headers,
            media_type=MEDIA_TYPE,
        )


def title_of(status: int) -> str:
    return _TITLES.get(status) or HTTPStatus(status).phrase


def not_found(what: str) -> Problem:
    """Also for what belongs to somebody else: its existence is not told."""
    return Problem(404, f"There is no such {what}. Check the id; the list shows those there are.")


def nothing_here() -> Problem:
    """No route has the path."""
    return Problem(404, "There is nothing at this path. See /docs.")


def invalid(field: str, detail: str, *, location: str = "body") -> Problem:
    """One field of the request cannot be accepted."""
    return Problem(
        422,
        f"{field}: {detail}",
        kind="validation",
        errors=[FieldProblem(location=location, field=field, detail=detail)],
    )


def unavailable(what: str) -> Problem:
    return Problem(
        503,
        f"{what} did not answer. Nothing was changed; try again in a few seconds.",
        kind="dependency-unavailable",
        headers={"Retry-After": RETRY_SECONDS},
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these problems."""
    return {
        status: {
            "description": title_of(status),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
        for status in sorted(statuses)
    }


def install(app: FastAPI, *, routes: Sequence[BaseRoute]) -> None:
    """Answer every error of the application as a problem.

    Args:
        routes: all of them, to say what is allowed where something is not.
    """

    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return _http(request, error, routes)

    handlers: dict[Any, Any] = {
        Problem: _problem,
        HTTPException: http,
        RequestValidationError: _validation,
        CursorError: _cursor,
        InvalidCursor: _cursor,
        DBAPIError: _database,
        PoolTimeoutError: _database,
        ClientError: _aws,
        BotoCoreError: _aws,
        RPCError: _temporal,
        ConnectionError: _connection,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def answer(request: Request, error: Exception) -> Response | None:
    """What the application answers to the error; None when it is a fault of ours."""
    handlers = request.app.exception_handlers
    for kind in type(error).__mro__:
        if kind in handlers:
            response: Response = await handlers[kind](request, error)
            return response
    return None


async def _problem(_request: Request, error: Problem) -> JSONResponse:
    return error.response()


def _http(request: Request, error: HTTPException, routes: Sequence[BaseRoute]) -> JSONResponse:
    match error.status_code:
        case 404:
            return nothing_here().response()
        case 405:
            allowed = _allowed_methods(request, routes)
            detail = f"{request.method} is not allowed here. Allowed: {allowed}."
            return Problem(405, detail, headers={"Allow": allowed}).response()
        case 400:
            detail = "The body cannot be read: send it as its Content-Type says, JSON in UTF-8."
            return Problem(400, detail).response()
        case status:
            return Problem(status, str(error.detail), headers=error.headers).response()


def _allowed_methods(request: Request, routes: Sequence[BaseRoute]) -> str:
    """Of all routes at the path; the router itself names those of the first one only."""
    methods: set[str] = set()
    for route in routes:
        match, _scope = route.matches(request.scope)
        if match is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    return ", ".join(sorted(methods))


async def _validation(_request: Request, error: RequestValidationError) -> JSONResponse:
    errors = [_field_problem(one) for one in error.errors()]
    named = "; ".join(f"{e.field}: {e.detail}" if e.field else e.detail for e in errors[:5])
    detail = f"The request cannot be accepted. {named}"
    return Problem(422, detail, kind="validation", errors=errors).response()


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    location, *path = [str(part) for part in error["loc"]] or ["request"]
    if error["type"] == "json_invalid":
        return FieldProblem(location="body", field="", detail="The body is not valid JSON.")
    detail = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "not_storable":
        # Found by a look at the whole body, which knows where in it.
        path = [error["ctx"]["path"]]
    # Names of unknown fields are the client's own text: escaped, so that it can be answered.
    field = ".".join(path).encode("ascii", "backslashreplace").decode()
    return FieldProblem(location=location, field=field, detail=detail)


async def _cursor(_request: Request, _error: Exception) -> JSONResponse:
    detail = "not a cursor of this list; take next_cursor of the page before, or leave it out"
    return invalid("cursor", detail, location="query").response()


async def _database(_request: Request, error: DBAPIError | PoolTimeoutError) -> JSONResponse:
    state = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    match state[:2]:
        case "22":
            detail = "The request holds a value that cannot be stored."
            return Problem(422, detail, kind="validation").response()
        # Class 40: it gave way to another transaction that holds what it needs.
        case "23" | "40":
            detail = "The request collides with what another request has just changed. Try again."
            return Problem(409, detail).response()
        case "08" | "53" | "57" | "":
            _log.warning("dependency_failed", dependency="postgres", sqlstate=state)
            return unavailable("The database").response()
        case _:
            return unexpected(error).response()


async def _aws(_request: Request, error: Exception) -> JSONResponse:
    _log.warning("dependency_failed", dependency="aws", error=type(error).__name__)
    return unavailable("The storage of conversations or files").response()


async def _temporal(_request: Request, error: RPCError) -> JSONResponse:
    _log.warning("dependency_failed", dependency="temporal", status=error.status.name)
    return unavailable("The workflow engine").response()


async def _connection(_request: Request, error: ConnectionError) -> JSONResponse:
    _log.warning("dependency_failed", dependency="network", error=type(error).__name__)
    return unavailable("A server that this needs").response()


def unexpected(error: Exception) -> Problem:
    """A fault of ours: logged with where it happened, told to the client without."""
    # The traceback without the error's message, which may quote what a person wrote.
    _log.error("unexpected_error", error=type(error).__name__, where=_innermost(error))
    return Problem(
        500, "Parley failed unexpectedly. The X-Request-Id of this answer finds it in the logs."
    )


def _innermost(error: BaseException) -> str:
    trace = error.__traceback__
    frames = []
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " < ".join(reversed(frames[-8:]))
