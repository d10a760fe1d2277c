"""The error codes that the simulator can answer with.

Codes, HTTP statuses and titles follow Meta's "Cloud API error codes" page (statuses: March 2026);
what a code means for a business, and whether it comes at once or later, is said in our words.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

When = Literal["at once", "later", "either"]


class ErrorKind(BaseModel):
    """One code. `when`: in the answer to the send, in a `failed` status, or in either."""

    model_config = ConfigDict(frozen=True)

    status: int
    title: str
    meaning: str
    when: When


def _kind(status: int, title: str, meaning: str, when: When = "at once") -> ErrorKind:
    return ErrorKind(status=status, title=title, meaning=meaning, when=when)


ERROR_CODES: dict[int, ErrorKind] = {
    0: _kind(401, "AuthException", "The token was withdrawn."),
    1: _kind(400, "API Unknown", "A bad request, or a fault at Meta: it may have been sent."),
    2: _kind(503, "API Service", "Meta is down or overloaded."),
    3: _kind(500, "API Method", "The app lacks a capability."),
    4: _kind(400, "API Too Many Calls", "The app has made too many calls this hour."),
    10: _kind(403, "Permission Denied", "A permission was not granted or taken away."),
    33: _kind(400, "Parameter value is not valid", "The business number was deleted."),
    100: _kind(400, "Invalid parameter", "The request has a wrong parameter."),
    190: _kind(401, "Access token has expired", "A new token is needed."),
    200: _kind(403, "API Permission", "A permission was not granted or taken away."),
    368: _kind(
        403, "Temporarily blocked for policies violations", "The account is restricted.", "either"
    ),
    80007: _kind(400, "Rate limit issues", "The account has made too many calls."),
    130403: _kind(400, "Business blocked this user", "Unblock the person first.", "either"),
    130429: _kind(400, "Rate limit hit", "The number sends faster than it may."),
    130472: _kind(
        400, "User's number is part of an experiment", "Meta holds marketing back.", "later"
    ),
    130497: _kind(
        403,
        "Business account is restricted from messaging users in this country",
        "This country is closed to the business.",
        "either",
    ),
    131000: _kind(500, "Something went wrong", "A fault at Meta: it may have been sent.", "either"),
    131005: _kind(403, "Access denied", "A permission is missing."),
    131008: _kind(400, "Required parameter is missing", "The request lacks something."),
    131009: _kind(400, "Parameter value is not valid", "A value of the request is wrong."),
    131016: _kind(500, "Service unavailable", "A service at Meta is down.", "either"),
    131021: _kind(400, "Recipient cannot be sender", "The number writes to itself.", "either"),
    131026: _kind(
        400, "Message undeliverable", "No WhatsApp there, or a version too old.", "later"
    ),
    131030: _kind(
        400, "Recipient not in allowed list", "A test number may reach five people only."
    ),
    131031: _kind(403, "Account has been locked", "The account broke a policy.", "either"),
    131037: _kind(
        400, "Display name needs approval", "The number's name is not approved.", "either"
    ),
    131042: _kind(
        400, "Business eligibility payment issue", "The account cannot be charged.", "either"
    ),
    131045: _kind(500, "Incorrect certificate", "The number is not registered.", "either"),
    131047: _kind(
        400, "Re-engagement message", "The 24-hour window is closed: send a template.", "either"
    ),
    131048: _kind(400, "Spam rate limit hit", "Too many people blocked the number.", "either"),
    131049: _kind(
        400, "Meta chose not to deliver", "This person got enough marketing: wait a day.", "later"
    ),
    131050: _kind(
        400, "User stopped marketing messages", "The person wants no marketing.", "later"
    ),
    131051: _kind(400, "Unsupported message type", "This kind cannot be sent.", "either"),
    131052: _kind(400, "Media download error", "The person's file cannot be fetched.", "later"),
    131053: _kind(400, "Media upload error", "The file is of a wrong kind or size.", "either"),
    131055: _kind(400, "Method not allowed", "Only marketing templates may go this way."),
    131056: _kind(
        400,
        "(Business Account, Consumer Account) pair rate limit hit",
        "Too many messages to this one person.",
        "either",
    ),
    131057: _kind(
        500, "Account in maintenance mode", "The number's throughput is being raised.", "either"
    ),
    131061: _kind(
        400,
        "Template has a max price; use /marketing_messages",
        "The template needs another endpoint.",
    ),
    131062: _kind(
        400,
        "BSUID recipients not supported for this message",
        "Codes for logging in need a phone number.",
    ),
    131063: _kind(
        400,
        "Marketing templates disabled on Cloud API",
        "Marketing needs another endpoint.",
        "either",
    ),
    131064: _kind(
        400,
        "Messaging limit due to template misclassification",
        "Templates were in a wrong category.",
        "either",
    ),
    132000: _kind(400, "Template param count mismatch", "Too few or too many parameters."),
    132001: _kind(404, "Template does not exist", "No such name, or not in this language."),
    132005: _kind(400, "Template hydrated text too long", "Filled in, the text is too long."),
    132007: _kind(400, "Template format character policy violated", "The template breaks a rule."),
    132012: _kind(400, "Template parameter format mismatch", "A parameter is of a wrong kind."),
    132015: _kind(400, "Template is paused", "People disliked it: wait until Meta lifts it."),
    132016: _kind(400, "Template is disabled", "It was paused too often: make another."),
    132068: _kind(400, "Flow is blocked", "The flow must be mended."),
    132069: _kind(400, "Flow is throttled", "The flow may be sent ten times an hour."),
    133000: _kind(500, "Incomplete deregistration", "Deregister the number again."),
    133004: _kind(503, "Server temporarily unavailable", "Registration is down."),
    133005: _kind(400, "Two-step PIN mismatch", "The PIN was wrong."),
    133006: _kind(400, "Phone number re-verification needed", "Verify the number again."),
    133008: _kind(400, "Too many PIN guesses", "Wait before the next guess."),
    133009: _kind(400, "PIN guessed too fast", "Wait before the next guess."),
    133010: _kind(400, "Phone number not registered", "Register the number."),
    133015: _kind(400, "Wait before re-registering", "The number was deleted a moment ago."),
    133016: _kind(400, "Register/deregister rate limit", "The number is locked for a while."),
    134011: _kind(500, "Payments terms not accepted", "Accept the terms.", "either"),
    135000: _kind(400, "Generic user error", "The shape of the request is wrong.", "either"),
    137000: _kind(400, "Recipient identity key hash mismatch", "The person registered anew."),
}
UNKNOWN = _kind(400, "Unknown error", "A code that is not on the list.")


def kind_of(code: int) -> ErrorKind:
    return ERROR_CODES.get(code, UNKNOWN)
