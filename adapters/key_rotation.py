"""`parley rotate-keys`: every stored credential to the newest key; what still needs the others."""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from adapters.keyring import KeyRing
from adapters.postgres.database import Database
from adapters.postgres.key_rotation import RotationReport, rotate_keys
from adapters.postgres.sealed import sealed_columns
from settings import Settings

ANSWERS_KEPT: Final = timedelta(hours=24)
"""How long the answer to a request with an `Idempotency-Key` is kept, sealed."""


class RotationFailed(Exception):
    """One sentence: what is wrong, which setting to look at."""


class Outcome(NamedTuple):
    """Sentences for the operator."""

    done: list[str]
    problems: list[str]
    """One for each value that no key opens; none when all is well."""


async def rotate_stored_credentials(settings: Settings) -> Outcome:
    """Seal every stored credential with the newest key of the ring; safe to interrupt and repeat.

    Raises:
        RotationFailed: PostgreSQL does not answer, or refuses. What was done stays done.
        SettingsError: the key ring is missing.
    """
    keys = settings.require_secret_keys()
    database = Database(settings.database_url)
    try:
        report = await rotate_keys(database, KeyRing(keys))
    except (OSError, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
        raise RotationFailed(
            f"PostgreSQL does not answer, or refuses (DATABASE_URL): {reason}. "
            "What has been re-sealed stays so; run this again."
        ) from error
    finally:
        await database.close()
    now = datetime.now(UTC).replace(microsecond=0)
    return Outcome(
        done=[*_counted(report), *_what_needs_old_keys(report, older_keys=len(keys) - 1, now=now)],
        problems=[
            f"{sealed.table} {row_id}: {sealed.secret} cannot be opened with any key of "
            "PARLEY_SECRET_KEYS. Put its key back into the ring, or set the value anew."
            for sealed, row_id in report.unopenable
        ],
    )


def _counted(report: RotationReport) -> list[str]:
    return [
        f"{sealed.table}.{sealed.secret}: {report.resealed[sealed]} re-sealed, "
        f"{report.current[sealed]} on the newest key already."
        for columns in sealed_columns().values()
        for sealed in columns
    ]


def _what_needs_old_keys(report: RotationReport, *, older_keys: int, now: datetime) -> list[str]:
    if not older_keys:
        return ["The ring has one key: there is no old one to drop."]
    stored = (
        "PostgreSQL needs them for the values named as not opened."
        if report.unopenable
        else "PostgreSQL needs them no more, once a repetition of this re-seals nothing."
    )
    return [
        f"Keep the {older_keys} older of the {older_keys + 1} keys in PARLEY_SECRET_KEYS for now:",
        f"- {stored}",
        "- Answers kept for a repeated Idempotency-Key need them until "
        f"{(now + ANSWERS_KEPT).isoformat()}, if every api has had the new key in front by now.",
        "- Temporal needs them for running conversations, and for closed ones until the "
        "namespace's retention has passed: as long as this finds any,",
        f"""    temporal workflow list --query 'StartTime < "{now.isoformat()}"'""",
        "Then take them out of the ring and restart worker and api.",
    ]
