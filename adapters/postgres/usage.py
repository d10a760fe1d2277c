"""What has been rolled up: usage by quarters of an hour, and up to when it is final."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import DateTime, bindparam, func, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.tables import Organization, UsageMetric, UsageRollup
from contracts.ids import OrganizationId
from domain.usage import LEVELS, Cell
from domain.usage_periods import PeriodCell, Periods

LEVEL_REPEATED: Final = timedelta(days=1)
"""A level that stays as it is is written down again after so long."""

_DUE = text("""
SELECT organization.id
FROM organizations AS organization
LEFT JOIN usage_rollups AS rollup ON rollup.organization_id = organization.id
WHERE organization.deleting_at IS NULL
  AND organization.created_at < :until
  AND (rollup.rolled_until IS NULL OR rollup.rolled_until < :until)
  AND organization.id > :after
ORDER BY organization.id
LIMIT :limit
""")

_SUMS = text("""
SELECT width_bucket(quarter, :boundaries), channel_id, model, metric, CAST(sum(value) AS bigint)
FROM usage_metrics
WHERE quarter >= :start AND quarter < :end AND NOT metric = ANY(:levels)
GROUP BY 1, 2, 3, 4
""").bindparams(bindparam("boundaries", type_=ARRAY(DateTime(timezone=True))))

_UPSERT: Final = """
INSERT INTO usage_metrics AS stored (organization_id, quarter, channel_id, model, metric, value)
VALUES (:organization_id, :quarter, :channel_id, :model, :metric, :value)
ON CONFLICT (organization_id, quarter, channel_id, model, metric) DO UPDATE"""
_LARGER: Final = "greatest(stored.value, excluded.value)"
_LATEST: Final = "excluded.value"

_LEVELS = text("""
SELECT
  (SELECT count(*) FROM documents),
  (SELECT coalesce(sum(chunk_count), 0) FROM documents WHERE active_version IS NOT NULL),
  (SELECT coalesce(sum(size_bytes), 0) FROM (
    SELECT DISTINCT ON (content_sha256) size_bytes FROM documents ORDER BY content_sha256
  ) AS content)
""")


@dataclass(frozen=True)
class RollUpState:
    created_at: datetime
    rolled_until: datetime | None
    """Quarters before it are final; None: nothing was ever rolled up."""


async def due(
    session: AsyncSession, *, until: datetime, after: str, limit: int
) -> list[OrganizationId]:
    """Organisations with final quarters that are not rolled up yet, by id; the platform's to ask.

    Those that are being deleted are left out.
    """
    rows = await (await session.connection()).execute(
        _DUE, {"until": until, "after": after, "limit": limit}
    )
    return [OrganizationId(row[0]) for row in rows]


async def state(session: AsyncSession, organization_id: OrganizationId) -> RollUpState | None:
    """How far the roll-up is; None when the organisation is gone."""
    row = (
        await session.exec(
            select(Organization.created_at, UsageRollup.rolled_until)
            .join(UsageRollup, col(UsageRollup.organization_id) == Organization.id, isouter=True)
            .where(Organization.id == organization_id)
        )
    ).first()
    return None if row is None else RollUpState(*row)


async def record(
    session: AsyncSession,
    organization_id: OrganizationId,
    amounts: Mapping[Cell, int],
    *,
    rolled_until: datetime,
) -> None:
    """Write quarters down and how far they go, both or neither. Again, it changes nothing.

    A number never falls: what was counted stays counted when a conversation is erased later.
    """
    await _upsert(session, organization_id, amounts, kept=_LARGER)
    progress = insert(UsageRollup).values(
        organization_id=organization_id, rolled_until=rolled_until
    )
    await (await session.connection()).execute(
        progress.on_conflict_do_update(
            index_elements=["organization_id"],
            set_={
                "rolled_until": func.greatest(
                    UsageRollup.rolled_until, progress.excluded.rolled_until
                )
            },
        )
    )


async def levels(session: AsyncSession) -> dict[str, int]:
    """What the tenant keeps now: documents, passages that can be found, bytes of its files.

    Documents of the same content share a file, which counts once.
    """
    row = (await (await session.connection()).execute(_LEVELS)).one()
    return {metric: int(value) for metric, value in zip(LEVELS, row, strict=True)}


async def record_levels(
    session: AsyncSession,
    organization_id: OrganizationId,
    measured: Mapping[str, int],
    *,
    quarter: datetime,
) -> None:
    """Write down the levels that are not what was written last, within a day."""
    known = await levels_between(session, quarter - LEVEL_REPEATED, quarter + timedelta(seconds=1))
    changed = {
        Cell(quarter, None, None, metric): value
        for metric, value in measured.items()
        if not known[metric] or known[metric][-1][1] != value
    }
    await _upsert(session, organization_id, changed, kept=_LATEST)


async def levels_between(
    session: AsyncSession, start: datetime, end: datetime
) -> dict[str, list[tuple[datetime, int]]]:
    """What was measured when, oldest first."""
    rows = await session.exec(
        select(UsageMetric.metric, UsageMetric.quarter, UsageMetric.value)
        .where(
            col(UsageMetric.metric).in_(LEVELS),
            UsageMetric.quarter >= start,
            UsageMetric.quarter < end,
        )
        .order_by(col(UsageMetric.quarter))
    )
    found: dict[str, list[tuple[datetime, int]]] = {metric: [] for metric in LEVELS}
    for metric, quarter, value in rows:
        found[metric].append((quarter.astimezone(UTC), value))
    return found


async def sums(session: AsyncSession, periods: Periods, *, until: datetime) -> Counter[PeriodCell]:
    """What the quarters before `until` come to by period, channel, model and metric."""
    rows = await (await session.connection()).execute(
        _SUMS,
        {
            "boundaries": periods.boundaries,
            "start": periods.start,
            "end": min(until, periods.end),
            "levels": list(LEVELS),
        },
    )
    return Counter({(number - 1, *about): value for number, *about, value in rows})


async def _upsert(
    session: AsyncSession,
    organization_id: OrganizationId,
    amounts: Mapping[Cell, int],
    *,
    kept: str,
) -> None:
    """Write rows; of what is there already and what comes, `kept` says which stays."""
    if not amounts:
        return
    await (await session.connection()).execute(
        text(f"{_UPSERT} SET value = {kept}"),
        # In one order everywhere, so that two who write the same rows wait for one another.
        [
            {"organization_id": organization_id, **cell._asdict(), "value": value}
            for cell, value in sorted(amounts.items(), key=repr)
        ],
    )
