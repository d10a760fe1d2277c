"""Files in buckets of S3 that the platform's operator has opened to sources.

An organisation reads what is under its own id, or the buckets that were opened to it alone. The
platform's own bucket, where everybody's files are, is never read by a source.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from adapters.sources.items import (
    Fetched,
    ItemFailed,
    Known,
    Listed,
    Listing,
    NotFetched,
    SourceFailed,
    Writable,
)
from adapters.sources.pages import digest_of
from adapters.sources.web import MOST_BYTES
from contracts.ids import OrganizationId
from settings import Settings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

MOST_FILES: Final = 10_000
_PIECE: Final = 1024 * 1024


class BucketRefused(Exception):
    """The organisation may not read there. The message says what would be allowed."""


def check_bucket(
    settings: Settings, *, organization_id: OrganizationId, bucket: str, prefix: str
) -> None:
    """
    Raises:
        BucketRefused: a source of the organisation must not read it.
    """
    opened = settings.parley_s3_source_buckets
    if not opened:
        raise BucketRefused(
            "no bucket is open to sources here: the platform's operator opens them with "
            "PARLEY_S3_SOURCE_BUCKETS"
        )
    if bucket == settings.parley_s3_bucket or bucket not in _names(opened):
        raise BucketRefused("this bucket is not open to sources")
    if f"{bucket}:{organization_id}" in opened:
        return
    if bucket not in opened:
        raise BucketRefused("this bucket is not open to sources")
    if not prefix.startswith(f"{organization_id}/"):
        raise BucketRefused(f"in this bucket the prefix must begin with {organization_id}/")


def _names(opened: Iterable[str]) -> set[str]:
    return {entry.partition(":")[0] for entry in opened}


class S3Reader:
    def __init__(self, client: "S3Client", *, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    async def list(self) -> Listing:
        items: list[Listed] = []
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            async for page in pages:
                for found in page.get("Contents", []):
                    key = found.get("Key", "")
                    if key.endswith("/") or not found.get("Size"):
                        continue
                    if len(items) == MOST_FILES:
                        note = f"There are more than {MOST_FILES:,} files."
                        return Listing(items, complete=False, note=note)
                    items.append(Listed(key, title=_name(key)[:200], etag=found.get("ETag")))
        except (ClientError, BotoCoreError) as error:
            raise SourceFailed(f"The bucket cannot be read: {_code(error)}.") from None
        return Listing(items)

    async def fetch(
        self, item: Listed, known: Known | None, into: Writable
    ) -> Fetched | NotFetched:
        if known is not None and item.etag is not None and item.etag == known.etag:
            return NotFetched("unchanged")
        try:
            answer = await self._client.get_object(Bucket=self._bucket, Key=item.key)
            if answer["ContentLength"] > MOST_BYTES:
                raise ItemFailed(
                    f"It has more than {MOST_BYTES // 1024 // 1024} MB, which is the most."
                )
            body = answer["Body"]
            async with body:
                async for piece in body.iter_chunks(_PIECE):
                    await into.write(piece)
        except ClientError as error:
            if _code(error) in ("NoSuchKey", "404"):
                return NotFetched("gone", "The file is no longer there.")
            raise ItemFailed(f"The file cannot be read: {_code(error)}.", retryable=True) from None
        except BotoCoreError as error:
            raise ItemFailed(f"The file cannot be read: {_code(error)}.", retryable=True) from None
        return Fetched(
            title=_name(item.key)[:200],
            media_type=answer.get("ContentType", "application/octet-stream"),
            digest=await digest_of(into),
            filename=_name(item.key)[:200],
            etag=answer.get("ETag"),
        )


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _code(error: Exception) -> str:
    told = getattr(error, "response", {}).get("Error", {}).get("Code")
    return str(told or type(error).__name__)
