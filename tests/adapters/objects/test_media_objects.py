"""What people send is theirs: it comes and goes apart from documents and from what others sent."""

import hashlib
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from anyio import SpooledTemporaryFile

from adapters.objects.objects import Objects, open_objects
from contracts.ids import OrganizationId, PersonId
from local.aws import AwsServer
from settings import Settings

ORGANIZATION, STRANGER = OrganizationId("org_1"), OrganizationId("org_2")
LUCIA, OMAR = PersonId("wau_1"), PersonId("wau_2")
PICTURE = b"a picture"
SHA256 = hashlib.sha256(PICTURE).hexdigest()


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
        parley_s3_public_url=aws.endpoint_url.replace("127.0.0.1", "localhost"),
    )
    async with open_objects(settings) as objects:
        await objects.ensure_bucket()
        yield objects


async def send(objects: Objects, person: PersonId, *, to: OrganizationId = ORGANIZATION) -> None:
    async with SpooledTemporaryFile[bytes]() as file:
        await file.write(PICTURE)
        await file.seek(0)
        await objects.put_file(to, file, sha256=SHA256, media_type="image/png", person_id=person)


async def test_it_is_the_persons_alone(objects: Objects) -> None:
    await send(objects, LUCIA)
    assert await objects.get(ORGANIZATION, SHA256, person_id=LUCIA) == PICTURE
    assert await objects.get(ORGANIZATION, SHA256, person_id=OMAR) is None
    assert await objects.get(STRANGER, SHA256, person_id=LUCIA) is None
    assert await objects.get(ORGANIZATION, SHA256) is None


async def test_what_is_the_same_as_anothers_stays_when_one_is_removed(objects: Objects) -> None:
    await objects.put(ORGANIZATION, PICTURE, media_type="image/png")
    await send(objects, LUCIA)
    await send(objects, OMAR)
    await send(objects, LUCIA, to=STRANGER)

    assert await objects.delete_person(ORGANIZATION, LUCIA) == 1
    assert await objects.delete_person(ORGANIZATION, LUCIA) == 0

    assert await objects.get(ORGANIZATION, SHA256, person_id=LUCIA) is None
    assert await objects.get(ORGANIZATION, SHA256, person_id=OMAR) == PICTURE
    assert await objects.get(ORGANIZATION, SHA256) == PICTURE
    assert await objects.get(STRANGER, SHA256, person_id=LUCIA) == PICTURE


async def test_a_person_whose_id_begins_like_anothers_keeps_theirs(objects: Objects) -> None:
    await send(objects, PersonId("wau_10"))
    await objects.delete_person(ORGANIZATION, LUCIA)
    assert await objects.get(ORGANIZATION, SHA256, person_id=PersonId("wau_10")) == PICTURE


async def test_it_goes_with_the_organisation(objects: Objects) -> None:
    await send(objects, LUCIA)
    assert await objects.delete_organization(ORGANIZATION) == 1
    assert await objects.get(ORGANIZATION, SHA256, person_id=LUCIA) is None


@pytest.mark.parametrize("person", ["", "wau_1/", "../org_2"])
async def test_what_is_no_persons_id_leads_nowhere(objects: Objects, person: str) -> None:
    with pytest.raises(ValueError, match="person"):
        await objects.delete_person(ORGANIZATION, PersonId(person))


async def test_a_link_says_how_the_file_is_to_be_shown(objects: Objects) -> None:
    await send(objects, LUCIA)
    url = await objects.presigned_url(
        ORGANIZATION, SHA256, expires_seconds=60, person_id=LUCIA, disposition="attachment"
    )
    assert url.startswith("http://localhost:")
    async with httpx.AsyncClient(trust_env=False) as http:
        response = await http.get(url)
    assert response.content == PICTURE
    assert response.headers["content-type"] == "image/png"
    assert response.headers["content-disposition"] == "attachment"
