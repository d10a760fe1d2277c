"""Errors as the Graph API words them: one envelope, branched on by `code`."""

import secrets
from typing import Any

from local.simulator.error_codes import kind_of

ERRORS_PAGE = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


class ControlError(Exception):
    """A refusal of the control API, answered as `{"detail": …, "errors": […]}`."""

    def __init__(
        self, status: int, detail: str, *, errors: list[dict[str, str]] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors or []


class GraphError(Exception):
    """A refusal with Meta's code; `envelope` is the exact body and `status` its HTTP status."""

    def __init__(
        self,
        code: int,
        *,
        details: str | None = None,
        message: str | None = None,
        kind: str = "OAuthException",
        subcode: int | None = None,
        status: int | None = None,
    ) -> None:
        known = kind_of(code)
        self.code = code
        self.details = details
        self.message = message or f"(#{code}) {known.title}"
        self.kind = kind
        self.subcode = subcode
        self.status = status or known.status
        super().__init__(self.message)

    def envelope(self) -> dict[str, Any]:
        error: dict[str, Any] = {"message": self.message, "type": self.kind, "code": self.code}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.details is not None:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        error["fbtrace_id"] = "A" + secrets.token_urlsafe(16)
        return {"error": error}


def invalid_token() -> GraphError:
    return GraphError(190, message="Invalid OAuth access token - Cannot parse access token")


def unknown_object(object_id: str, *, method: str) -> GraphError:
    """What Graph answers for an object that is not there or that the token may not see."""
    return GraphError(
        100,
        message=(
            f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, "
            "cannot be loaded due to missing permissions, or does not support this operation. "
            "Please read the Graph API documentation at "
            "https://developers.facebook.com/docs/graph-api"
        ),
        kind="GraphMethodException",
        subcode=33,
    )


def status_error(code: int, *, details: str | None = None) -> dict[str, Any]:
    """The element of `statuses[].errors` for a message that failed after it was accepted."""
    title = kind_of(code).title
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details or title},
        "href": ERRORS_PAGE,
    }


def inbound_error(code: int, *, title: str, details: str) -> dict[str, Any]:
    """The element of `messages[].errors` for what a person sent and Meta does not hand over."""
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details},
    }
