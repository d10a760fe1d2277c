"""`/v1/organizations/{organization_id}/usage`"""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import TypeAdapter, ValidationError

from adapters.postgres import organizations
from api.dependencies import Tenant, ViewerDep
from api.problems import documented, invalid, not_found
from api.routing import ResourceRouter
from api.schemas.usage import UsagePublic
from domain.usage_periods import (
    EARLIEST,
    LATEST,
    MAX_PERIODS,
    Granularity,
    TooManyPeriods,
    beginning_of,
    periods_between,
)

router = ResourceRouter(prefix="/v1/organizations/{organization_id}/usage", tags=["usage"])

_TIME = TypeAdapter(datetime)
_DATE = TypeAdapter(date)
_DESCRIPTION = (
    "RFC 3339 time with its offset (`2026-03-01T00:00:00Z`), or a date: midnight in the "
    "organisation's time zone."
)


@router.get("", responses=documented(401, 404, 422, 503))
async def get_usage(
    tenant: ViewerDep,
    start: Annotated[
        str | None,
        Query(
            alias="from",
            max_length=64,
            description=f"{_DESCRIPTION} By default the beginning of this month.",
            examples=["2026-03-01"],
        ),
    ] = None,
    end: Annotated[
        str | None,
        Query(
            alias="to",
            max_length=64,
            description=f"{_DESCRIPTION} Not included itself. By default now.",
            examples=["2026-04-01"],
        ),
    ] = None,
    granularity: Annotated[
        Granularity, Query(description="How long a bucket is, by the organisation's clock.")
    ] = "day",
) -> UsagePublic:
    """Messages, tokens, their cost and what is stored, in buckets of hours, days or months.

    Buckets are whole: the first begins at or before `from`, the last ends at or after `to`. Numbers
    are some seconds old at the most. Every total is the sum of its parts.
    """
    zone = await _zone(tenant)
    now = datetime.now(UTC)
    begins = _moment("from", start, zone) or beginning_of(
        now.astimezone(zone).date().replace(day=1), zone
    )
    ends = _moment("to", end, zone) or max(now, begins + timedelta(seconds=1))
    if ends <= begins:
        raise invalid("to", "must be later than `from`", location="query")
    try:
        periods = periods_between(begins, ends, zone=zone, granularity=granularity)
    except TooManyPeriods:
        raise invalid(
            "granularity",
            f"`from` and `to` are more than {MAX_PERIODS} buckets of a {granularity} apart: "
            "choose longer buckets, or ask for less at a time",
            location="query",
        ) from None
    try:
        report = await tenant.services.usage.report(tenant.organization_id, periods, now=now)
    except LookupError:
        raise not_found("organization") from None
    return UsagePublic.of(
        report, zone=zone, granularity=granularity, prices=tenant.services.usage.prices
    )


async def _zone(tenant: Tenant) -> ZoneInfo:
    async with tenant.session() as session:
        organization = await organizations.get(session, tenant.organization_id)
    if organization is None:
        raise not_found("organization")
    return ZoneInfo(organization.timezone)


def _moment(field: str, value: str | None, zone: ZoneInfo) -> datetime | None:
    if value is None:
        return None
    moment = _read(value, zone)
    if moment is None:
        raise invalid(
            field,
            "must be a date such as 2026-03-01, or a time with its offset such as "
            "2026-03-01T00:00:00Z",
            location="query",
        )
    if not EARLIEST <= moment <= LATEST:
        raise invalid(field, "must lie between the years 2000 and 2100", location="query")
    return moment


def _read(value: str, zone: ZoneInfo) -> datetime | None:
    # A plus sign that was not encoded arrives as a space.
    value = value.replace(" ", "+")
    try:
        if "T" not in value.upper():
            return beginning_of(_DATE.validate_strings(value), zone)
        moment = _TIME.validate_strings(value)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValidationError, OverflowError):
        return None
