"""What `parley run` starts: the product, and what the settings don't point at outside."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pydantic import SecretStr

from local.aws import AwsServer, aws_part
from local.ports import LOOPBACK, free_port
from local.postgres import PostgresServer, postgres_part
from local.process import Part, Probe, nothing, plain_environment
from local.temporal_server import TemporalServer, temporal_part
from settings import Settings

CHAT_MODEL = "offline-extractive-v1"
EMBEDDING_MODEL = "multilingual-e5-small"
ERASURE_SETTLE_SECONDS = "5"
"""On one machine, what is under way lands sooner than it may across a network."""
OTHER_CREDENTIALS = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")
"""A developer's own AWS variables that the SDK would mix with the embedded credentials."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The parts to run and what a person or the demo needs to know of them."""

    parts: list[Part]
    ports: dict[str, int]
    """Port that each setting names, of the parts that are to be started."""
    api_url: str
    admin_key: str
    app_secret: str
    verify_token: str
    simulator_access_token: str
    simulator_url: str | None
    temporal_ui_url: str | None
    model_url: str | None
    """Of the offline model; `None` when a real one answers."""
    addresses: dict[str, str]
    """Where each embedded service listens, by name; no credentials in it."""


@dataclass(kw_only=True)
class _Draft:
    """What the embedded services add up to: parts, variables for the product, what to print."""

    logs: Path
    environment: dict[str, str]
    parts: list[Part] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def plan_stack(
    settings: Settings,
    *,
    data_dir: Path,
    kept: Mapping[str, str],
    environment: Mapping[str, str],
) -> Stack:
    """Decide what to start: what the environment or `.env` sets is used as it is.

    Args:
        settings: the validated settings.
        data_dir: absolute directory of the embedded services' data and of all logs.
        kept: secrets of this data directory (`local.kept_secrets`).
        environment: what the product's processes inherit.
    """
    api_url = f"http://{LOOPBACK}:{settings.parley_api_port}"
    draft = _Draft(logs=data_dir / "logs", environment=dict(environment))
    draft.environment.setdefault("PARLEY_PUBLIC_URL", api_url)
    draft.ports["PARLEY_API_PORT"] = settings.parley_api_port

    admin_key = _secret(settings.parley_admin_key, "PARLEY_ADMIN_KEY", kept, draft)
    codec_token = _secret(settings.parley_codec_token, "PARLEY_CODEC_TOKEN", kept, draft)
    _secret(_first(settings.parley_secret_keys), "PARLEY_SECRET_KEYS", kept, draft)
    app_secret = _secret(_first(settings.whatsapp_app_secret), "WHATSAPP_APP_SECRET", kept, draft)
    verify_token = _secret(settings.whatsapp_verify_token, "WHATSAPP_VERIFY_TOKEN", kept, draft)

    given = settings.model_fields_set
    if "parley_erasure_settle_seconds" not in given:
        draft.environment["PARLEY_ERASURE_SETTLE_SECONDS"] = ERASURE_SETTLE_SECONDS
    if "parley_webhooks_to_private_addresses" not in given:
        draft.environment["PARLEY_WEBHOOKS_TO_PRIVATE_ADDRESSES"] = "true"
    if "parley_sources_from_private_addresses" not in given:
        draft.environment["PARLEY_SOURCES_FROM_PRIVATE_ADDRESSES"] = "true"
    if "database_url" not in given:
        _embed_postgres(draft, data_dir=data_dir, password=kept["POSTGRES_PASSWORD"])
    if not {"aws_endpoint_url_dynamodb", "aws_endpoint_url_s3"} <= given:
        _embed_aws(draft, data_dir=data_dir, given=given)
    temporal_ui_url = settings.parley_temporal_ui_url
    if "temporal_address" not in given:
        codec = f"{api_url}/temporal/codec/{codec_token}"
        temporal_ui_url = _embed_temporal(
            draft, settings=settings, data_dir=data_dir, codec_endpoint=codec
        )
    model_url = None
    if not {"openai_base_url", "openai_api_key"} & given:
        model_url = _embed_model(draft, settings=settings)
    simulator_url = None
    if "whatsapp_graph_url" not in given:
        simulator_url = _embed_simulator(
            draft, settings=settings, data_dir=data_dir, temporal_ui_url=temporal_ui_url
        )
    _add_product(draft, api_url=api_url)
    return Stack(
        parts=draft.parts,
        ports=draft.ports,
        api_url=api_url,
        admin_key=admin_key,
        app_secret=app_secret,
        verify_token=verify_token,
        simulator_access_token=kept["SIMULATOR_ACCESS_TOKEN"],
        simulator_url=simulator_url,
        temporal_ui_url=temporal_ui_url,
        model_url=model_url,
        addresses=draft.addresses,
    )


def _secret(chosen: SecretStr | None, name: str, kept: Mapping[str, str], draft: _Draft) -> str:
    """The setting's value, or the kept one, which the product's processes then get."""
    if chosen is not None:
        return chosen.get_secret_value()
    draft.environment[name] = kept[name]
    return kept[name]


def _first(chosen: list[SecretStr]) -> SecretStr | None:
    return chosen[0] if chosen else None


def _embed_postgres(draft: _Draft, *, data_dir: Path, password: str) -> None:
    server = PostgresServer(port=free_port(), password=SecretStr(password))
    draft.parts.append(
        postgres_part(server, data_dir=data_dir / "postgres", log_file=draft.log("postgres"))
    )
    draft.environment["DATABASE_URL"] = server.url()
    draft.addresses["PostgreSQL"] = f"{server.host}:{server.port}"


def _embed_aws(draft: _Draft, *, data_dir: Path, given: set[str]) -> None:
    """One emulator for both services; one that the settings point elsewhere keeps its address."""
    server = AwsServer(port=free_port())
    draft.parts.append(aws_part(server, data_dir=data_dir / "aws", log_file=draft.log("aws")))
    both = not {"aws_endpoint_url_dynamodb", "aws_endpoint_url_s3"} & given
    for name, value in server.environment().items():
        if name.lower() in given:
            continue
        if both or name.startswith("AWS_ENDPOINT_URL"):
            draft.environment[name] = value
        else:
            draft.environment.setdefault(name, value)
    if both:
        for name in OTHER_CREDENTIALS:
            draft.environment.pop(name, None)
    draft.addresses["DynamoDB and S3"] = server.endpoint_url


def _embed_temporal(
    draft: _Draft, *, settings: Settings, data_dir: Path, codec_endpoint: str
) -> str:
    server = TemporalServer(
        port=settings.parley_temporal_port,
        http_port=free_port(),
        ui_port=settings.parley_temporal_ui_port,
        namespace=settings.temporal_namespace,
    )
    draft.parts.append(
        temporal_part(
            server,
            log_file=draft.log("temporal"),
            database_file=data_dir / "temporal" / "temporal.sqlite3",
            codec_endpoint=codec_endpoint,
        )
    )
    ui_url = f"http://{LOOPBACK}:{server.ui_port}"
    draft.ports["PARLEY_TEMPORAL_PORT"] = server.port
    draft.ports["PARLEY_TEMPORAL_UI_PORT"] = settings.parley_temporal_ui_port
    draft.environment["TEMPORAL_ADDRESS"] = server.address
    draft.environment["PARLEY_TEMPORAL_UI_URL"] = ui_url
    draft.addresses["Temporal"] = server.address
    return ui_url


def _embed_model(draft: _Draft, *, settings: Settings) -> str:
    port = free_port()
    url = f"http://{LOOPBACK}:{port}/v1"
    draft.parts.append(
        Part(
            name="model",
            command=(sys.executable, "-m", "local.model", "--port", str(port)),
            environment=plain_environment(),
            probe=answers(f"{url}/models"),
            log_file=draft.log("model"),
        )
    )
    given = settings.model_fields_set
    draft.environment |= {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "offline"}
    if "parley_chat_model" not in given:
        draft.environment["PARLEY_CHAT_MODEL"] = CHAT_MODEL
    if not {"parley_embedding_model", "parley_embedding_base_url"} & given:
        draft.environment["PARLEY_EMBEDDING_MODEL"] = EMBEDDING_MODEL
    draft.addresses["Offline model"] = url
    return url


def _embed_simulator(
    draft: _Draft, *, settings: Settings, data_dir: Path, temporal_ui_url: str
) -> str:
    port = settings.parley_simulator_port
    url = f"http://{LOOPBACK}:{port}"
    draft.parts.append(
        Part(
            name="simulator",
            command=(
                *(sys.executable, "-m", "local.simulator", "--port", str(port)),
                *("--data-dir", str(data_dir / "simulator")),
                *("--temporal-ui-url", temporal_ui_url),
            ),
            environment=plain_environment(),
            probe=answers(f"{url}/healthz"),
            log_file=draft.log("simulator"),
        )
    )
    draft.ports["PARLEY_SIMULATOR_PORT"] = port
    draft.environment["WHATSAPP_GRAPH_URL"] = url
    return url


def _add_product(draft: _Draft, *, api_url: str) -> None:
    """Migrations, then API and worker; the worker is up when the API finds everything ready."""
    services = {part.name for part in draft.parts}

    def product(name: str, *, needs: set[str], probe: Probe = nothing) -> Part:
        return Part(
            name=name,
            command=(sys.executable, "-m", "cli", name),
            environment=draft.environment,
            probe=probe,
            log_file=draft.log(name),
            needs=tuple(sorted(needs)),
            ends=name == "migrate",
        )

    draft.parts += [
        product("migrate", needs=services & {"postgres", "aws"}),
        product(
            "api",
            needs={"migrate"} | services & {"temporal"},
            probe=answers(f"{api_url}/healthz"),
        ),
        product(
            "worker",
            needs={"migrate"} | services & {"temporal", "model"},
            probe=answers(f"{api_url}/readyz"),
        ),
    ]


def answers(url: str) -> Probe:
    """A probe: a GET of `url` is answered with success."""

    async def probe() -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=4) as client:
            response = await client.get(url)
        if not response.is_success:
            raise ConnectionError(f"{url} answers {response.status_code}: {response.text[:300]}")

    return probe
