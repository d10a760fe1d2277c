"""Files by their content, each organisation's under its own prefix.

What people send is under a prefix of the person's own there, even if it is the same as a document
or as what somebody else has sent: so whatever is erased, nothing else goes with it.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, cast

import aioboto3
from aiobotocore.config import AioConfig
from boto3.s3.transfer import TransferConfig as S3TransferConfig
from botocore.exceptions import ClientError

from contracts.ids import OrganizationId, PersonId
from settings import Settings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.literals import BucketLocationConstraintType

_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_SHA256_DIGITS: Final = 64
_PART_BYTES: Final = 8 * 1024 * 1024


class ReadableFile(Protocol):
    """What is read of a file: Starlette's `UploadFile` is one."""

    async def read(self, size: int = -1, /) -> bytes: ...


class Objects:
    """Puts files and gets them back by the SHA-256 of their bytes."""

    def __init__(
        self,
        client: "S3Client",
        bucket: str,
        *,
        region: str,
        signer: "S3Client | None" = None,
    ) -> None:
        """
        Args:
            signer: signs addresses, when browsers reach the store by another one than this process.
        """
        self._client = client
        self._signer = signer or client
        self._bucket = bucket
        self._region = region

    async def ensure_bucket(self) -> None:
        """Create the bucket if it is not there. Safe to repeat."""
        try:
            # us-east-1 is the one region that must not be named (S3's CreateBucket).
            if self._region == "us-east-1":
                await self._client.create_bucket(Bucket=self._bucket)
            else:
                region = cast("BucketLocationConstraintType", self._region)
                await self._client.create_bucket(
                    Bucket=self._bucket, CreateBucketConfiguration={"LocationConstraint": region}
                )
        except ClientError as error:
            # `BucketAlreadyExists` is somebody else's bucket: that one is an error.
            if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                raise

    async def is_ready(self) -> bool:
        """Whether the bucket is there: what a readiness check asks."""
        try:
            await self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] in {*_MISSING, "NoSuchBucket"}:
                return False
            raise
        return True

    async def put(self, organization_id: OrganizationId, data: bytes, *, media_type: str) -> str:
        """Store a file; its SHA-256 in hex, by which it is found. Equal files are stored once."""
        sha256 = hashlib.sha256(data).hexdigest()
        await self._client.put_object(
            Bucket=self._bucket,
            Key=_key(organization_id, sha256),
            Body=data,
            ContentType=media_type,
        )
        return sha256

    async def put_file(
        self,
        organization_id: OrganizationId,
        file: ReadableFile,
        *,
        sha256: str,
        media_type: str,
        person_id: PersonId | None = None,
    ) -> None:
        """Store a file of any size from its present position on, in parts, some of them at a time.

        Args:
            file: is read once.
            sha256: of what is read, in hex; the caller has computed it.
            person_id: who sent it; None: it is the organisation's own.
        """
        await self._client.upload_fileobj(
            cast("BinaryIO", file),
            self._bucket,
            _path(organization_id, sha256, person_id),
            ExtraArgs={"ContentType": media_type},
            Config=S3TransferConfig(
                multipart_chunksize=_PART_BYTES,
                multipart_threshold=_PART_BYTES,
                max_concurrency=2,
                max_io_queue=2,
            ),
        )

    async def get(
        self,
        organization_id: OrganizationId,
        sha256: str,
        *,
        person_id: PersonId | None = None,
    ) -> bytes | None:
        """The file, when this organisation (or that person of it) has one with that hash."""
        try:
            response = await self._client.get_object(
                Bucket=self._bucket, Key=_path(organization_id, sha256, person_id)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
        async with response["Body"] as body:
            return await body.read()

    async def exists(self, organization_id: OrganizationId, sha256: str) -> bool:
        try:
            await self._client.head_object(Bucket=self._bucket, Key=_key(organization_id, sha256))
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return False
            raise
        return True

    async def delete(self, organization_id: OrganizationId, sha256: str) -> None:
        """Remove the file; nothing happens when there is none."""
        await self._client.delete_object(Bucket=self._bucket, Key=_key(organization_id, sha256))

    async def delete_organization(self, organization_id: OrganizationId) -> int:
        """Remove everything under the organisation's prefix, half-done uploads too; how much."""
        return await self._delete_all(_prefix(organization_id))

    async def delete_person(self, organization_id: OrganizationId, person_id: PersonId) -> int:
        """Remove everything that the person has sent; how much."""
        return await self._delete_all(_prefix_of_person(organization_id, person_id))

    async def _delete_all(self, prefix: str) -> int:
        removed = 0
        while keys := await self._listed(prefix):
            await self._client.delete_objects(
                Bucket=self._bucket,
                Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True},
            )
            removed += len(keys)
        while uploads := await self._unfinished(prefix):
            for key, upload_id in uploads:
                await self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=upload_id
                )
            removed += len(uploads)
        return removed

    async def _listed(self, prefix: str) -> list[str]:
        """Up to 1,000 keys, as many as one deletion takes."""
        response = await self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix)
        return [found["Key"] for found in response.get("Contents", []) if "Key" in found]

    async def _unfinished(self, prefix: str) -> list[tuple[str, str]]:
        response = await self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=prefix)
        return [
            (found["Key"], found["UploadId"])
            for found in response.get("Uploads", [])
            if "Key" in found and "UploadId" in found
        ]

    async def presigned_url(
        self,
        organization_id: OrganizationId,
        sha256: str,
        *,
        expires_seconds: int,
        person_id: PersonId | None = None,
        disposition: str | None = None,
        media_type: str | None = None,
    ) -> str:
        """An address from which anybody who has it can read the file until it expires.

        Asks nobody, so it does not tell whether there is such a file.

        Args:
            disposition: value of `Content-Disposition` that the file comes with.
            media_type: value of `Content-Type`, in place of the one it was stored with: equal files
                are stored once, whatever they were called.
        """
        params = {"Bucket": self._bucket, "Key": _path(organization_id, sha256, person_id)}
        if disposition is not None:
            params["ResponseContentDisposition"] = disposition
        if media_type is not None:
            params["ResponseContentType"] = media_type
        return await self._signer.generate_presigned_url(
            "get_object", Params=params, ExpiresIn=expires_seconds
        )


@asynccontextmanager
async def open_objects(settings: Settings) -> AsyncIterator[Objects]:
    """The file store of this process, with one pool of connections until the block ends."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(s3_client(settings))
        public = settings.parley_s3_public_url
        yield Objects(
            store,
            settings.parley_s3_bucket,
            region=settings.aws_region,
            signer=None
            if public is None
            else await stack.enter_async_context(s3_client(settings, endpoint_url=public)),
        )


def s3_client(
    settings: Settings, *, endpoint_url: str | None = None
) -> AbstractAsyncContextManager["S3Client"]:
    """A client of S3, or of what stands in for it.

    Args:
        endpoint_url: where it is, if not where the settings say.
    """
    config = AioConfig(
        max_pool_connections=32,
        connect_timeout=2,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": 4},
        # Addresses would be signed by the old version 2, which newer regions do not know.
        signature_version="s3v4",
        # Emulators answer on one host, where a bucket cannot be a subdomain.
        s3={"addressing_style": "path" if settings.aws_endpoint_url_s3 else "auto"},
        tcp_keepalive=True,
    )
    return aioboto3.Session().client(
        "s3",
        region_name=settings.aws_region,
        endpoint_url=endpoint_url or settings.aws_endpoint_url_s3,
        config=config,
    )


def _key(organization_id: OrganizationId, sha256: str) -> str:
    if len(sha256) != _SHA256_DIGITS or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError("not a SHA-256 in hex")
    return f"{_prefix(organization_id)}{sha256}"


def _prefix(organization_id: OrganizationId) -> str:
    if not organization_id.strip("/"):
        raise ValueError("not an organisation's id")
    return f"{organization_id}/"


def _path(organization_id: OrganizationId, sha256: str, person_id: PersonId | None) -> str:
    key = _key(organization_id, sha256)
    if person_id is None:
        return key
    return f"{_prefix_of_person(organization_id, person_id)}{sha256}"


def _prefix_of_person(organization_id: OrganizationId, person_id: PersonId) -> str:
    if not person_id or "/" in person_id:
        raise ValueError("not a person's id")
    return f"{_prefix(organization_id)}people/{person_id}/"
