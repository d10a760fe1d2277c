"""What the Graph API's answers about a WhatsApp number mean to the person who connects it.

Meta's own messages are not passed on: they may quote the access token.
"""

from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from contracts.model import Contract
from domain.graph_errors import Verdict

ProblemCode = Literal[
    "token_invalid",
    "token_unreadable",
    "permission_missing",
    "number_unknown",
    "number_not_registered",
    "number_of_another_account",
    "display_phone_number_differs",
    "account_unknown",
    "account_restricted",
    "not_subscribed",
    "refused",
    "rate_limited",
    "unreachable",
]
Question = Literal["number", "account", "subscription"]
"""What Graph was asked about."""
ChannelField = Literal["access_token", "phone_number_id", "waba_id", "display_phone_number"]

_INCONCLUSIVE: Final = frozenset({"rate_limited", "unreachable"})
_TOKEN: Final = frozenset({0, 102, 190, 463, 467})
_PERMISSION: Final = frozenset({3, 10, 131005, *range(200, 300)})
_UNKNOWN_OBJECT: Final = frozenset({33, 100, 803})
_RESTRICTED: Final = frozenset({368, 131031})
_RATE: Final = frozenset({4, 17, 32, 613, 80007, 80008, 130429})
ON_CLOUD_API: Final = "CLOUD_API"


class VerificationProblem(Contract):
    """One thing that is wrong, and what to do."""

    field: ChannelField | None = Field(description="The field of the channel to look at.")
    code: ProblemCode
    meta_code: int | None = Field(default=None, description="Meta's error code, where it gave one.")
    detail: str = Field(description="What is wrong and what to do.")


class Verification(Contract):
    """What the Graph API said when it was last asked about the channel."""

    status: Literal["verified", "failed", "unreachable", "unverified"] = Field(
        default="unverified",
        description="`verified`: the token sees the number, the number is the account's and has "
        "the display number given, and the app is subscribed to the account's webhooks. `failed`: "
        "`problems` say what to do. `unreachable`: Meta did not answer. `unverified`: not asked "
        "since the channel was last changed.",
    )
    checked_at: datetime | None = None
    subscribed: bool = Field(
        default=False, description="The app of the token gets the account's webhooks."
    )
    display_phone_number: str | None = Field(default=None, description="As Meta has it.")
    verified_name: str | None = Field(default=None, description="What people see in WhatsApp.")
    quality_rating: str | None = Field(default=None, examples=["GREEN"])
    problems: list[VerificationProblem] = Field(default_factory=list)


class NumberFacts(Contract):
    """A number as the Graph API shows it; what it did not tell is None."""

    display_phone_number: str | None = None
    verified_name: str | None = None
    quality_rating: str | None = None
    platform_type: str | None = None


def conclude(
    facts: NumberFacts | None,
    problems: list[VerificationProblem],
    *,
    subscribed: bool,
    checked_at: datetime,
) -> Verification:
    """The outcome of asking; every problem once, and one that Meta named outweighs its silence."""
    distinct = list({(one.field, one.code): one for one in problems}.values())
    status: Literal["verified", "failed", "unreachable"] = "verified"
    if distinct:
        inconclusive = all(one.code in _INCONCLUSIVE for one in distinct)
        status = "unreachable" if inconclusive else "failed"
    told = facts or NumberFacts()
    return Verification(
        status=status,
        checked_at=checked_at,
        subscribed=subscribed,
        display_phone_number=told.display_phone_number,
        verified_name=told.verified_name,
        quality_rating=told.quality_rating,
        problems=distinct,
    )


def problems_of_number(
    facts: NumberFacts, *, display_phone_number: str
) -> list[VerificationProblem]:
    """What is wrong with a number that the token sees."""
    problems = []
    if facts.platform_type not in (None, ON_CLOUD_API):
        problems.append(
            VerificationProblem(
                field="phone_number_id",
                code="number_not_registered",
                detail="This number is not registered with the Cloud API, so it can neither send "
                "nor receive. Register it in WhatsApp Manager, or with POST "
                "/{phone_number_id}/register, then verify the channel again.",
            )
        )
    theirs = facts.display_phone_number
    if theirs is not None and _digits(theirs) != _digits(display_phone_number):
        problems.append(
            VerificationProblem(
                field="display_phone_number",
                code="display_phone_number_differs",
                detail=f"Meta has {theirs} for this phone_number_id. Correct display_phone_number; "
                "if another number was meant, its phone_number_id is another one, too.",
            )
        )
    return problems


def problem_of_refusal(
    asked: Question, *, meta_code: int | None, verdict: Verdict
) -> VerificationProblem:
    """What an error of the Graph API means, by its code alone."""
    if meta_code in _TOKEN:
        return VerificationProblem(
            field="access_token",
            code="token_invalid",
            meta_code=meta_code,
            detail="Meta does not accept the access token: it has expired, was revoked, or is not "
            "complete. Make a new one (a system user's does not expire) and change access_token.",
        )
    if meta_code in _PERMISSION:
        return VerificationProblem(
            field="access_token",
            code="permission_missing",
            meta_code=meta_code,
            detail="The access token lacks a permission. Make one with "
            "whatsapp_business_messaging and whatsapp_business_management, for a system user to "
            "whom the WhatsApp Business Account is assigned, and change access_token.",
        )
    if meta_code in _RESTRICTED:
        return VerificationProblem(
            field="waba_id",
            code="account_restricted",
            meta_code=meta_code,
            detail="Meta has restricted this WhatsApp Business Account. Business Support Home "
            "(business.facebook.com) says why and takes appeals.",
        )
    if meta_code in _RATE or verdict is Verdict.BACK_OFF:
        return VerificationProblem(
            field=None,
            code="rate_limited",
            meta_code=meta_code,
            detail="Meta's hourly limit of such calls is reached. Verify the channel again later; "
            "its messages are not concerned.",
        )
    if verdict is Verdict.UNCERTAIN:
        return unreachable(meta_code)
    if meta_code in _UNKNOWN_OBJECT:
        return _unknown_object(asked, meta_code)
    return VerificationProblem(
        field=_FIELDS_OF_VERDICT.get(verdict, _FIELDS[asked]),
        code="refused",
        meta_code=meta_code,
        detail=f"Meta refused to answer ({_named(meta_code)}). Its list of error codes says what "
        "it means: developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes",
    )


def unreachable(meta_code: int | None = None) -> VerificationProblem:
    return VerificationProblem(
        field=None,
        code="unreachable",
        meta_code=meta_code,
        detail="The Graph API did not answer in time, so nothing is known yet. The channel is "
        "saved; verify it again in a minute. If that does not help, let the platform's "
        "administrator check WHATSAPP_GRAPH_URL and the way to it.",
    )


def token_unreadable() -> VerificationProblem:
    return VerificationProblem(
        field="access_token",
        code="token_unreadable",
        detail="The stored access token cannot be opened with the keys of PARLEY_SECRET_KEYS. "
        "Change access_token, or let the platform's administrator put the old key back.",
    )


def number_of_another_account() -> VerificationProblem:
    return VerificationProblem(
        field="waba_id",
        code="number_of_another_account",
        detail="The number exists, but not in this WhatsApp Business Account, so its messages "
        "would not arrive. Change waba_id to the account that WhatsApp Manager shows for it.",
    )


def not_subscribed() -> VerificationProblem:
    return VerificationProblem(
        field="waba_id",
        code="not_subscribed",
        detail="Meta took the subscription to the account's webhooks but does not list it, so "
        "messages may not arrive. Verify the channel again; if that does not help, subscribe the "
        "app to the account in the Meta app's WhatsApp settings.",
    )


_FIELDS_OF_VERDICT: Final[dict[Verdict, ChannelField]] = {
    Verdict.SENDER_BLOCKED: "access_token",
    Verdict.ACCOUNT_BLOCKED: "waba_id",
}
_FIELDS: Final[dict[Question, ChannelField]] = {
    "number": "phone_number_id",
    "account": "waba_id",
    "subscription": "waba_id",
}


def _unknown_object(asked: Question, meta_code: int | None) -> VerificationProblem:
    if asked == "number":
        return VerificationProblem(
            field="phone_number_id",
            code="number_unknown",
            meta_code=meta_code,
            detail="Meta shows this access token no number with this phone_number_id. Compare it "
            "with WhatsApp Manager (it is Meta's id of the number, not the number itself), and "
            "assign the number's account to the token's system user.",
        )
    return VerificationProblem(
        field="waba_id",
        code="account_unknown",
        meta_code=meta_code,
        detail="Meta shows this access token no WhatsApp Business Account with this waba_id. "
        "Compare it with WhatsApp Manager, and assign the account to the token's system user.",
    )


def _named(meta_code: int | None) -> str:
    return "without an error code" if meta_code is None else f"error code {meta_code}"


def _digits(phone_number: str) -> str:
    return "".join(character for character in phone_number if character.isdigit())
