"""Settings of every process: read from the environment and `.env`, validated once at the start.

Names follow the ecosystem where it has one already; `.env.example` lists and explains all of them.
"""

import json
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.pricing import ModelPrice
from domain.prompt_budget import PROMPT_TOKENS

MINIMUM_SECRET_LENGTH = 32
"""Characters of a key-ring entry: 32 of hex alone are 128 bits."""


class SettingsError(Exception):
    """One sentence per problem, each naming the setting and what to do."""


class Settings(BaseSettings):
    """What a process needs to know about its surroundings. Secrets never appear in its `repr`."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    # PostgreSQL
    database_url: str = "postgresql+asyncpg://parley:parley@127.0.0.1:5432/parley"

    # Temporal: names as in its environment configuration
    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    temporal_api_key: SecretStr | None = None
    temporal_tls: bool | None = None
    temporal_tls_server_ca_cert_path: str | None = None
    temporal_tls_server_ca_cert_data: str | None = None
    temporal_tls_client_cert_path: str | None = None
    temporal_tls_client_cert_data: str | None = None
    temporal_tls_client_key_path: str | None = None
    temporal_tls_client_key_data: SecretStr | None = None
    temporal_tls_server_name: str | None = None

    # DynamoDB and S3: credentials and region are read by the AWS SDK itself
    aws_endpoint_url_dynamodb: str | None = None
    aws_endpoint_url_s3: str | None = None
    aws_region: str = "us-east-1"
    parley_dynamodb_table: str = "parley"
    parley_s3_bucket: str = "parley"
    parley_s3_public_url: str | None = None

    # OpenAI-compatible model server
    openai_api_key: SecretStr | None = None
    openai_base_url: str = "https://api.openai.com/v1"
    parley_chat_model: str = "gpt-5-mini"
    parley_prompt_tokens: int = Field(default=PROMPT_TOKENS, ge=2_000, le=1_000_000)
    """Of what a model is told in one turn, its rules and the messages it answers included."""
    parley_embedding_model: str = "text-embedding-3-small"
    parley_embedding_models: Annotated[list[str], NoDecode] = Field(default_factory=list)
    """Models that a knowledge base may have instead, at the same server."""
    parley_embedding_base_url: str | None = None
    parley_embedding_api_key: SecretStr | None = None
    parley_embedding_tokens_per_minute: int | None = Field(default=None, ge=1_000)
    """The platform's quota at the provider of embeddings; unset: no limit."""
    parley_embedding_share: float = Field(default=0.5, gt=0, le=1)
    """Of that quota, what documents of one organisation may take."""
    parley_transcription_model: str = "gpt-4o-mini-transcribe"
    parley_transcription_base_url: str | None = None
    parley_transcription_api_key: SecretStr | None = None
    parley_vision: Literal["on", "off"] = "on"
    """Whether the chat model is shown pictures."""

    # Vectors
    vector_store: Literal["pinecone", "pgvector"] | None = None
    pinecone_api_key: SecretStr | None = None
    pinecone_index: str = Field(
        default="parley", max_length=45, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
    )
    """Of the first embedding space; the others' names begin with it."""
    pinecone_controller_host: str | None = None

    # WhatsApp
    whatsapp_graph_url: str = "https://graph.facebook.com"
    whatsapp_graph_version: str = "v24.0"
    whatsapp_app_secret: Annotated[list[SecretStr], NoDecode] = Field(default_factory=list)
    """App secrets that may have signed a delivery; several while one is being rotated."""
    whatsapp_verify_token: SecretStr | None = None

    # Parley
    parley_admin_key: SecretStr | None = None
    parley_secret_keys: Annotated[list[SecretStr], NoDecode] = Field(default_factory=list)
    parley_api_host: str = "127.0.0.1"
    parley_api_port: int = Field(default=8000, ge=1, le=65535)
    parley_simulator_port: int = Field(default=8100, ge=1, le=65535)
    parley_temporal_port: int = Field(default=7233, ge=1, le=65535)
    parley_temporal_ui_port: int = Field(default=8233, ge=1, le=65535)
    parley_temporal_ui_url: str = "http://127.0.0.1:8233"
    parley_codec_token: SecretStr | None = None
    """Lets Temporal's Web UI decode payloads: a path segment of the codec server's address."""
    parley_api_requests_per_minute: int = Field(default=3000, ge=1)
    """Of each API key that has no limit of its own."""
    parley_public_url: str = "http://127.0.0.1:8000"
    parley_data_dir: str = ".parley"
    parley_log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    parley_log_format: Literal["json", "console"] = "json"
    parley_worker_metrics_port: int | None = Field(default=None, ge=1, le=65535)
    parley_uncertain_send_seconds: float = Field(default=30, gt=0, le=3600)
    """How long an ambiguous send waits for a status webhook before the policy decides."""
    parley_uncertain_send_policy: Literal["resend", "leave"] = "resend"
    parley_erasure_settle_seconds: float = Field(default=30, ge=0, le=3600)
    """How long an erasure waits, several times, for what was under way to land."""
    parley_webhooks_to_private_addresses: bool = False
    """Events also go to addresses in our own network and without TLS: for local development."""
    parley_sources_from_private_addresses: bool = False
    """Sources may be in our own network: for local development."""
    parley_s3_source_buckets: Annotated[list[str], NoDecode] = Field(default_factory=list)
    """Buckets that sources may read: `name` for what is under each organisation's own prefix there,
    `name:organisation` for all of it."""
    parley_model_prices: Annotated[dict[str, ModelPrice], NoDecode] = Field(default_factory=dict)
    """USD per million tokens, by model; they go before the prices that Parley knows."""

    @field_validator(
        "whatsapp_app_secret",
        "parley_secret_keys",
        "parley_embedding_models",
        "parley_s3_source_buckets",
        mode="before",
    )
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("parley_model_prices", mode="before")
    @classmethod
    def _read_json(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError(
                'must be JSON such as {"my-model": {"input": 0.25, "cached_input": 0.025, '
                '"output": 2}}, in USD per million tokens'
            ) from None

    @field_validator("database_url")
    @classmethod
    def _use_asyncpg(cls, value: str) -> str:
        for scheme in ("postgresql://", "postgres://"):
            if value.startswith(scheme):
                value = "postgresql+asyncpg://" + value.removeprefix(scheme)
        if not value.startswith("postgresql+asyncpg://"):
            raise ValueError(
                "must be a PostgreSQL address: postgresql+asyncpg://user:password@host/db"
            )
        return value

    @field_validator("parley_secret_keys")
    @classmethod
    def _secrets_are_long(cls, value: list[SecretStr]) -> list[SecretStr]:
        if any(len(key.get_secret_value()) < MINIMUM_SECRET_LENGTH for key in value):
            raise ValueError(
                f"each key needs at least {MINIMUM_SECRET_LENGTH} characters; "
                "make one with: openssl rand -hex 32"
            )
        return value

    @model_validator(mode="after")
    def _pinecone_has_a_key(self) -> "Settings":
        if self.vector_store == "pinecone" and self.pinecone_api_key is None:
            raise ValueError("VECTOR_STORE is pinecone, so PINECONE_API_KEY must be set")
        return self

    @property
    def resolved_vector_store(self) -> Literal["pinecone", "pgvector"]:
        if self.vector_store is not None:
            return self.vector_store
        return "pinecone" if self.pinecone_api_key is not None else "pgvector"

    def require_secret_keys(self) -> list[str]:
        """The key ring, newest first. Without one nothing that holds a secret may start."""
        if not self.parley_secret_keys:
            raise SettingsError(
                "PARLEY_SECRET_KEYS is not set: it encrypts stored credentials and Temporal "
                "payloads. Make a key with: openssl rand -hex 32"
            )
        return [key.get_secret_value() for key in self.parley_secret_keys]


def load_settings() -> Settings:
    """Read and validate the settings; a `SettingsError` has one sentence per problem."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(problem) for problem in error.errors())) from None


def _sentence(problem: object) -> str:
    assert isinstance(problem, dict)  # noqa: S101 - narrows pydantic's TypedDict for the type checker
    message = str(problem["msg"]).removeprefix("Value error, ")
    name = ".".join(str(part) for part in problem["loc"]).upper()
    return f"{name}: {message}." if name else f"{message}."
