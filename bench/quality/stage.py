"""What is measured, running: PostgreSQL with its schema, a model server, the real retriever."""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from adapters.dynamodb.shared_vectors import SharedVectors
from adapters.knowledge import Knowledge, open_knowledge
from adapters.openai.chat import ChatModels, ModelServer
from adapters.postgres.database import Database
from bench.quality.embedding_cache import KeptVectors, create_app
from bench.quality.library import Library
from contracts.ids import OrganizationId
from local.ports import LOOPBACK, free_port
from local.process import Part, plain_environment
from local.stack import CHAT_MODEL, EMBEDDING_MODEL, answers
from migrations import upgrade
from settings import Settings
from tests.http_server import serving
from tests.servers import make_directory, running, running_postgres


class NothingShared(SharedVectors):
    """No other process asks, so nothing is kept for one."""

    def __init__(self) -> None:
        """There is no table behind it."""

    async def get(
        self,
        organization_id: OrganizationId,  # noqa: ARG002 - nothing is kept for anybody
        *,
        model: str,  # noqa: ARG002
        digests: Sequence[str],  # noqa: ARG002
    ) -> dict[str, bytes]:
        return {}

    async def put(
        self, organization_id: OrganizationId, *, model: str, vectors: Mapping[str, bytes]
    ) -> None:
        pass


@dataclass(frozen=True)
class Stage:
    database: Database
    knowledge: Knowledge
    """Its vectors are kept on disk."""
    uncached: Knowledge
    """The same without the cache, for how long things take."""
    library: Library
    models: ChatModels
    chat_model: str
    embedding_model: str
    prompt_tokens: int


@asynccontextmanager
async def running_stage(cache: Path) -> AsyncIterator[Stage]:
    """Everything started and migrated, nothing in it yet; gone at the end, but for `cache`.

    A model server in the settings (`OPENAI_API_KEY`) takes the place of the offline model.
    """
    directory = make_directory()
    settings = Settings()
    async with running_postgres(directory) as server, _model_settings(settings, directory) as model:
        url = server.url()
        await upgrade(url)
        # Never an outside index: what a run writes there would stay.
        settings = settings.model_copy(
            update={**model, "database_url": url, "vector_store": "pgvector"}
        )
        kept = KeptVectors(cache / "vectors.sqlite")
        database = Database(url)
        try:
            async with open_stage(settings, database, kept) as stage:
                yield stage
        finally:
            await database.close()
            kept.close()


@asynccontextmanager
async def open_stage(
    settings: Settings, database: Database, kept: KeptVectors
) -> AsyncIterator[Stage]:
    """A stage on a migrated database and the model server of the settings."""
    key = settings.parley_embedding_api_key or settings.openai_api_key
    application = create_app(
        kept,
        upstream=settings.parley_embedding_base_url or settings.openai_base_url,
        api_key=key.get_secret_value() if key else "none",
    )
    models = ChatModels(
        ModelServer(base_url=settings.openai_base_url, api_key=settings.openai_api_key)
    )
    try:
        async with (
            serving(application) as cached,
            open_knowledge(
                settings.model_copy(update={"parley_embedding_base_url": f"{cached}/v1"}),
                database,
                shared=NothingShared(),
            ) as knowledge,
            open_knowledge(settings, database, shared=NothingShared()) as uncached,
        ):
            yield Stage(
                database=database,
                knowledge=knowledge,
                uncached=uncached,
                library=await Library.open(database, knowledge),
                models=models,
                chat_model=settings.parley_chat_model,
                embedding_model=settings.parley_embedding_model,
                prompt_tokens=settings.parley_prompt_tokens,
            )
    finally:
        await models.close()


@asynccontextmanager
async def _model_settings(
    settings: Settings, directory: Path
) -> AsyncIterator[Mapping[str, object]]:
    """None of their own where a model server is named; otherwise the offline model's."""
    if "openai_api_key" in settings.model_fields_set:
        yield {}
        return
    port = free_port()
    url = f"http://{LOOPBACK}:{port}/v1"
    part = Part(
        name="model",
        command=(sys.executable, "-m", "local.model", "--port", str(port)),
        environment=plain_environment(),
        probe=answers(f"{url}/models"),
        log_file=directory / "model.log",
    )
    async with running(part):
        yield {
            "openai_base_url": url,
            "openai_api_key": SecretStr("offline"),
            "parley_chat_model": CHAT_MODEL,
            "parley_embedding_model": EMBEDDING_MODEL,
        }
