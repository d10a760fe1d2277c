import hashlib
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from adapters.objects.objects import Objects, open_objects
from contracts.ids import OrganizationId
from local.aws import AwsServer
from settings import Settings

ORGANIZATION, STRANGER = OrganizationId("org_1"), OrganizationId("org_2")


@pytest.fixture
async def objects(
    aws: AwsServer, new_table_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Objects]:
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    settings = Settings(
        _env_file=None,
        aws_endpoint_url_s3=aws.endpoint_url,
        aws_region=aws.region,
        parley_s3_bucket=new_table_name(),
    )
    async with open_objects(settings) as objects:
        yield objects


async def test_a_bucket_is_made_once(objects: Objects) -> None:
    assert not await objects.is_ready()

    await objects.ensure_bucket()
    await objects.ensure_bucket()

    assert await objects.is_ready()


@pytest.mark.parametrize("data", [b"", b"hello", bytes(range(256)) * 4_000])
async def test_a_file_comes_back_by_its_hash(objects: Objects, data: bytes) -> None:
    await objects.ensure_bucket()

    sha256 = await objects.put(ORGANIZATION, data, media_type="application/pdf")

    assert sha256 == hashlib.sha256(data).hexdigest()
    assert await objects.put(ORGANIZATION, data, media_type="application/pdf") == sha256
    assert await objects.get(ORGANIZATION, sha256) == data
    assert await objects.exists(ORGANIZATION, sha256)


async def test_another_organisation_does_not_have_it(objects: Objects) -> None:
    await objects.ensure_bucket()
    sha256 = await objects.put(ORGANIZATION, b"mine", media_type="text/plain")

    assert await objects.get(STRANGER, sha256) is None
    assert not await objects.exists(STRANGER, sha256)
    await objects.delete(STRANGER, sha256)
    assert await objects.exists(ORGANIZATION, sha256)


async def test_what_is_deleted_is_gone(objects: Objects) -> None:
    await objects.ensure_bucket()
    sha256 = await objects.put(ORGANIZATION, b"old", media_type="text/plain")

    await objects.delete(ORGANIZATION, sha256)
    await objects.delete(ORGANIZATION, sha256)

    assert await objects.get(ORGANIZATION, sha256) is None


async def test_a_presigned_address_reads_the_file_with_its_type(objects: Objects) -> None:
    await objects.ensure_bucket()
    sha256 = await objects.put(ORGANIZATION, b"read me", media_type="text/markdown")

    url = await objects.presigned_url(ORGANIZATION, sha256, expires_seconds=60)

    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.get(url)
    assert (response.status_code, response.content) == (200, b"read me")
    assert response.headers["content-type"] == "text/markdown"


@pytest.mark.parametrize("sha256", ["", "../org_2/x", "A" * 64, "a" * 63])
async def test_what_is_no_hash_is_refused(objects: Objects, sha256: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        await objects.get(ORGANIZATION, sha256)


async def test_an_organisations_files_and_half_done_uploads_go_and_others_stay(
    objects: Objects,
) -> None:
    await objects.ensure_bucket()
    organization, other = OrganizationId("org_erased"), OrganizationId("org_erased_not")
    for number in range(3):
        await objects.put(organization, f"{number}".encode(), media_type="text/plain")
    kept = await objects.put(other, b"kept", media_type="text/plain")
    await objects._client.create_multipart_upload(
        Bucket=objects._bucket, Key=f"{organization}/half"
    )

    assert await objects.delete_organization(organization) == 4

    assert await objects.delete_organization(organization) == 0
    assert await objects.get(other, kept) == b"kept"


@pytest.mark.parametrize("nobody", ["", "/"])
async def test_without_an_organisation_nothing_is_removed(objects: Objects, nobody: str) -> None:
    with pytest.raises(ValueError, match="organisation"):
        await objects.delete_organization(OrganizationId(nobody))
