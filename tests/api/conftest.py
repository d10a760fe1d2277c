"""The whole application on real servers, spoken to over HTTP."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from api.app import create_app
from local.aws import AwsServer
from local.temporal_server import TemporalServer
from migrations.everything import migrate_everything
from settings import Settings

ADMIN_KEY = "the bootstrap key of these tests"
CODEC_TOKEN = "the token of the codec server"
APP_SECRET = "the app secret of the platform's Meta app"
VERIFY_TOKEN = "the verify token of the platform's Meta app"


class Organization(NamedTuple):
    """An organisation with a client for each role."""

    id: str
    admin: httpx.AsyncClient
    operator: httpx.AsyncClient
    viewer: httpx.AsyncClient

    @property
    def path(self) -> str:
        return f"/v1/organizations/{self.id}"


@pytest.fixture(scope="module")
def aws_environment(aws: AwsServer) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment().items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def settings(
    database_url: str,
    aws: AwsServer,
    aws_environment: None,  # noqa: ARG001 - the AWS SDK reads its credentials there
    temporal_server: TemporalServer,
    new_table_name: Callable[[], str],
) -> Settings:
    return Settings(
        _env_file=None,
        database_url=database_url,
        temporal_address=temporal_server.address,
        temporal_namespace=temporal_server.namespace,
        aws_endpoint_url_dynamodb=aws.endpoint_url,
        aws_endpoint_url_s3=aws.endpoint_url,
        aws_region=aws.region,
        parley_dynamodb_table=new_table_name(),
        parley_s3_bucket=new_table_name(),
        parley_secret_keys=[SecretStr("the key ring of these tests, and of no other")],
        parley_admin_key=SecretStr(ADMIN_KEY),
        parley_codec_token=SecretStr(CODEC_TOKEN),
        parley_temporal_ui_url="http://127.0.0.1:8233",
        whatsapp_app_secret=[SecretStr(APP_SECRET), SecretStr("the one before")],
        whatsapp_verify_token=SecretStr(VERIFY_TOKEN),
        parley_public_url="https://parley.example",
        # Nobody answers there: what asks the Graph API brings its own.
        whatsapp_graph_url="http://127.0.0.1:1",
        # Nobody embeds: searches go by words.
        parley_embedding_base_url="http://127.0.0.1:1",
        parley_embedding_models=["another-model"],
        parley_erasure_settle_seconds=0.3,
    )


@pytest.fixture(scope="module")
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    await migrate_everything(settings, patience_seconds=10)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(scope="module")
async def connect(app: FastAPI) -> AsyncIterator[Callable[[str | None], httpx.AsyncClient]]:
    """Makes a client that sends this key."""
    clients: list[httpx.AsyncClient] = []

    def make(key: str | None) -> httpx.AsyncClient:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://parley.test", headers=headers
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture(scope="module")
def platform(connect: Callable[[str | None], httpx.AsyncClient]) -> httpx.AsyncClient:
    return connect(ADMIN_KEY)


@pytest.fixture(scope="module")
def stranger(connect: Callable[[str | None], httpx.AsyncClient]) -> httpx.AsyncClient:
    return connect(None)


@pytest.fixture
async def ours(
    platform: httpx.AsyncClient, connect: Callable[[str | None], httpx.AsyncClient]
) -> Organization:
    return await make_organization(platform, connect, name="Ours")


@pytest.fixture
async def theirs(
    platform: httpx.AsyncClient, connect: Callable[[str | None], httpx.AsyncClient]
) -> Organization:
    return await make_organization(platform, connect, name="Theirs")


async def make_organization(
    platform: httpx.AsyncClient,
    connect: Callable[[str | None], httpx.AsyncClient],
    *,
    name: str,
) -> Organization:
    organization = await created(platform, "/v1/organizations", name=name)
    keys = f"/v1/organizations/{organization['id']}/api-keys"

    async def client(role: str) -> httpx.AsyncClient:
        return connect((await created(platform, keys, name=role, role=role))["secret"])

    return Organization(
        organization["id"], await client("admin"), await client("operator"), await client("viewer")
    )


async def created(
    client: httpx.AsyncClient, path: str, *, status: int = 201, **body: Any
) -> dict[str, Any]:
    response = await client.post(path, json=body)
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


def check_problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """The answer is a problem of this status; its members."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["type"].startswith("urn:parley:problem:")
    assert problem["status"] == status
    assert problem["detail"]
    return problem
