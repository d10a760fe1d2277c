"""What a source is made of, as a client sends it: checked, and stored where syncs find it."""

from typing import Any, Final, NamedTuple

from adapters.guarded_http import Refused, check_url
from adapters.sources.s3 import BucketRefused, check_bucket
from api.dependencies import Tenant
from api.problems import invalid
from api.schemas.sources import SourceCreate, SourceUpdate
from api.uploads import TEXT_TYPE
from domain.faq import FaqError, Pair, checked, read_faq, write_faq

JSON_TYPE: Final = "application/json"


class HandedIn(NamedTuple):
    content: bytes
    media_type: str


def check_settings(tenant: Tenant, type: str, settings: dict[str, Any]) -> None:
    """A problem when the source could not be read with these settings."""
    platform = tenant.services.settings
    if (url := settings.get("url")) is not None:
        try:
            check_url(
                url,
                allow_private=platform.parley_sources_from_private_addresses,
                allow_plain=True,
            )
        except Refused as refusal:
            raise invalid("url", str(refusal)) from None
    if type == "s3":
        try:
            check_bucket(
                platform,
                organization_id=tenant.organization_id,
                bucket=settings["bucket"],
                prefix=settings["prefix"],
            )
        except BucketRefused as refusal:
            raise invalid("bucket", str(refusal)) from None


def handed_in(type: str, body: SourceCreate | SourceUpdate) -> HandedIn | None:
    """The text or the questions in the body; a problem when those cannot be read."""
    if type == "text":
        return None if body.text is None else HandedIn(body.text.encode(), TEXT_TYPE)
    try:
        if body.questions is not None:
            pairs = checked(Pair(one.question, one.answer) for one in body.questions)
        elif body.text is not None:
            pairs = read_faq(body.text)
        else:
            return None
    except FaqError as error:
        field = "questions" if body.questions is not None else "text"
        raise invalid(field, str(error)) from None
    return HandedIn(write_faq(pairs).encode(), JSON_TYPE)


async def store(tenant: Tenant, content: HandedIn | None) -> str | None:
    """The hash under which it is kept; None when there is nothing to keep."""
    if content is None:
        return None
    return await tenant.services.objects.put(
        tenant.organization_id, content.content, media_type=content.media_type
    )
