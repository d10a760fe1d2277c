"""Errors as the Graph API words them: one envelope, branched on by `code`.

Codes, HTTP statuses and titles follow Meta's "Cloud API error codes" page (statuses: March 2026).
"""

import secrets
from typing import Any

ERROR_CODES: dict[int, tuple[int, str]] = {
    0: (401, "AuthException"),
    1: (400, "API Unknown"),
    2: (503, "API Service"),
    3: (500, "API Method"),
    4: (400, "API Too Many Calls"),
    10: (403, "Permission Denied"),
    33: (400, "Parameter value is not valid"),
    100: (400, "Invalid parameter"),
    190: (401, "Access token has expired"),
    200: (403, "API Permission"),
    368: (403, "Temporarily blocked for policies violations"),
    80007: (400, "Rate limit issues"),
    130403: (400, "Business blocked this user"),
    130429: (400, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    130497: (403, "Business account is restricted from messaging users in this country"),
    131000: (500, "Something went wrong"),
    131005: (403, "Access denied"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131016: (500, "Service unavailable"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131030: (400, "Recipient not in allowed list"),
    131031: (403, "Account has been locked"),
    131037: (400, "Display name needs approval"),
    131042: (400, "Business eligibility payment issue"),
    131045: (500, "Incorrect certificate"),
    131047: (400, "Re-engagement message"),
    131048: (400, "Spam rate limit hit"),
    131049: (400, "Meta chose not to deliver"),
    131050: (400, "User stopped marketing messages"),
    131051: (400, "Unsupported message type"),
    131052: (400, "Media download error"),
    131053: (400, "Media upload error"),
    131055: (400, "Method not allowed"),
    131056: (400, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: (500, "Account in maintenance mode"),
    131061: (400, "Template has a max price; use /marketing_messages"),
    131062: (400, "BSUID recipients not supported for this message"),
    131063: (400, "Marketing templates disabled on Cloud API"),
    131064: (400, "Messaging limit due to template misclassification"),
    132000: (400, "Template param count mismatch"),
    132001: (404, "Template does not exist"),
    132005: (400, "Template hydrated text too long"),
    132007: (400, "Template format character policy violated"),
    132012: (400, "Template parameter format mismatch"),
    132015: (400, "Template is paused"),
    132016: (400, "Template is disabled"),
    132068: (400, "Flow is blocked"),
    132069: (400, "Flow is throttled"),
    133000: (500, "Incomplete deregistration"),
    133004: (503, "Server temporarily unavailable"),
    133005: (400, "Two-step PIN mismatch"),
    133006: (400, "Phone number re-verification needed"),
    133008: (400, "Too many PIN guesses"),
    133009: (400, "PIN guessed too fast"),
    133010: (400, "Phone number not registered"),
    133015: (400, "Wait before re-registering"),
    133016: (400, "Register/deregister rate limit"),
    134011: (500, "Payments terms not accepted"),
    135000: (400, "Generic user error"),
    137000: (400, "Recipient identity key hash mismatch"),
}
UNKNOWN_CODE = (400, "Unknown error")

ERRORS_PAGE = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


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
        known_status, title = ERROR_CODES.get(code, UNKNOWN_CODE)
        self.code = code
        self.details = details
        self.message = message or f"(#{code}) {title}"
        self.kind = kind
        self.subcode = subcode
        self.status = status or known_status
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
    title = ERROR_CODES.get(code, UNKNOWN_CODE)[1]
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details or title},
        "href": ERRORS_PAGE,
    }
