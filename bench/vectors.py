"""Where an HNSW index begins to pay off in pgvector, and what it misses.

Three organisations with 1,000, 10,000 and 100,000 passages share the table, as they do in
production. Each is searched both ways, through the product's own statements and under its row-level
security; what comparing every vector finds is what the index is held against.

python -m bench.vectors
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import fmean
from typing import Any, Final

import numpy as np
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.database import Database
from adapters.postgres.tables import Document, KnowledgeBase, Organization
from adapters.vectors.index import EmbeddingSpace
from adapters.vectors.pgvector import WIDER, VectorSearch
from bench.figures import quantile
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, PassageId
from local.ports import free_port
from local.postgres import PostgresServer, postgres_part
from local.process import PartProcess
from migrations import upgrade

SIZES: Final = (1_000, 10_000, 100_000)
SPACE: Final = EmbeddingSpace("bench", 384)
LIMIT: Final = 30
"""Hits of a search, as the retriever asks for them."""
RECALL_AT: Final = 10
OF_DOCUMENT: Final = 100
"""Passages of a document."""
COPIED: Final = 5_000

_TOPICS, _FACTORS = 300, 48
"""Texts are about few things and differ in few ways, so their vectors lie in few directions."""


class Vectors:
    """Unit vectors in clumps, like those of texts."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)
        self._directions = self._random.normal(size=(_FACTORS, SPACE.dimension)) / _FACTORS**0.5
        self._topics = self._random.normal(size=(_TOPICS, _FACTORS))

    def some(self, count: int) -> list[list[float]]:
        topics = self._topics[self._random.integers(0, _TOPICS, count)]
        factors = topics + self._random.normal(size=(count, _FACTORS)) * 0.6
        raw = factors @ self._directions
        raw += self._random.normal(size=raw.shape) * 0.05
        unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        found: list[list[float]] = unit.astype(np.float32).tolist()
        return found


async def main(*, queries: int) -> None:
    vectors = Vectors()
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as directory:
        Path(directory).chmod(0o755)  # noqa: ASYNC240 - nothing else runs
        async with _database(Path(directory)) as database:
            for size in SIZES:
                await _fill(database, size, vectors)
            print(f"the index was built in {await _build_index(database):.0f} s")
            table = Table("passages", "way", "p50 ms", "p95 ms", f"recall@{RECALL_AT}")
            for size in SIZES:
                for row in await _measure(database, size, vectors.some(queries)):
                    table.add_row(f"{size:,}", *row)
    Console().print(table)


async def _measure(
    database: Database, size: int, queries: Sequence[list[float]]
) -> list[tuple[str, ...]]:
    exact, slow = await _search(database, size, queries, indexed=False)
    near, fast = await _search(database, size, queries, indexed=True)
    recall = fmean(
        len(set(truth) & set(found)) / len(truth) for truth, found in zip(exact, near, strict=True)
    )
    return [
        (way, f"{quantile(seconds, 0.5)}", f"{quantile(seconds, 0.95)}", f"{share:.3f}")
        for way, seconds, share in (("one by one", slow, 1.0), ("HNSW", fast, recall))
    ]


async def _search(
    database: Database, size: int, queries: Sequence[list[float]], *, indexed: bool
) -> tuple[list[list[PassageId]], list[float]]:
    """The nearest of each query, and how long each took."""
    scope = {"knowledge_base_ids": [KnowledgeBaseId(f"kb_{size}")]}
    found: list[list[PassageId]] = []
    seconds: list[float] = []
    async with database.tenant(OrganizationId(f"org_{size}")) as session:
        connection = await session.connection()
        for query in queries:
            search = VectorSearch(SPACE, scope, [query], LIMIT, indexed=indexed)
            began = time.perf_counter()
            [hits] = await search.hits(connection, window=WIDER * LIMIT)
            seconds.append(time.perf_counter() - began)
            found.append(list(hits)[:RECALL_AT])
    return found, seconds


@asynccontextmanager
async def _database(directory: Path) -> AsyncIterator[Database]:
    server = PostgresServer(port=free_port(), password=SecretStr("bench-only"))
    part = postgres_part(
        server, data_dir=directory / "postgres", log_file=directory / "log", durable=False
    )
    process = await PartProcess.start(part)
    try:
        await process.wait_healthy(timeout=60)
        await server.ensure_database("bench")
        await upgrade(server.url("bench"))
        database = Database(server.url("bench"))
        async with database.engine.begin() as connection:
            # Built at the end, which takes a tenth of the time; by the owner, as the schema is.
            await connection.execute(text(f"DROP INDEX {_index()}"))
        yield database
        await database.close()
    finally:
        await process.stop()


async def _fill(database: Database, size: int, vectors: Vectors) -> None:
    organization, base = OrganizationId(f"org_{size}"), KnowledgeBaseId(f"kb_{size}")
    documents = [DocumentId(f"doc_{size}_{n}") for n in range(size // OF_DOCUMENT)]
    async with database.platform() as session:
        session.add(Organization(id=organization, name="Bench"))
        await session.flush()
        session.add(
            KnowledgeBase(
                id=base,
                organization_id=organization,
                name="Bench",
                embedding_model=SPACE.model,
                embedding_dimension=SPACE.dimension,
            )
        )
        await session.flush()
        session.add_all(
            Document(
                id=document,
                organization_id=organization,
                knowledge_base_id=base,
                title="Bench",
                media_type="text/plain",
                size_bytes=1,
                content_sha256="0",
                status="ready",
                active_version=1,
                chunk_count=OF_DOCUMENT,
            )
            for document in documents
        )
    for start in range(0, size, COPIED):
        count = min(COPIED, size - start)
        places = [divmod(n, OF_DOCUMENT) for n in range(start, start + count)]
        rows = [
            (f"psg_{size}_{document}_{position}", organization, base, documents[document], position)
            for document, position in places
        ]
        await _copy(database, rows, vectors.some(count))


async def _copy(
    database: Database, rows: Sequence[tuple[Any, ...]], vectors: Sequence[list[float]]
) -> None:
    async with database.platform() as session:
        connection = await session.connection()
        await connection.execute(
            text(
                "CREATE TEMPORARY TABLE incoming (id text, organization_id text, "
                "knowledge_base_id text, document_id text, position integer, embedding text) "
                "ON COMMIT DROP"
            )
        )
        records = [(*row, str(vector)) for row, vector in zip(rows, vectors, strict=True)]
        await (await _driver(connection)).copy_records_to_table("incoming", records=records)
        await connection.execute(
            text(
                "INSERT INTO passages (id, organization_id, knowledge_base_id, document_id, "
                "version, position, text, start_offset, end_offset) "
                "SELECT id, organization_id, knowledge_base_id, document_id, 1, position, "
                "repeat('words ', 100), 0, 600 FROM incoming"
            )
        )
        await connection.execute(
            text(
                "INSERT INTO passage_embeddings "
                "(passage_id, organization_id, knowledge_base_id, model, embedding) "
                "SELECT id, organization_id, knowledge_base_id, :model, embedding::vector "
                "FROM incoming"
            ),
            {"model": SPACE.model},
        )


async def _driver(connection: AsyncConnection) -> Any:
    return (await connection.get_raw_connection()).driver_connection


async def _build_index(database: Database) -> float:
    began = time.perf_counter()
    async with database.engine.begin() as connection:
        await connection.execute(text("SET LOCAL maintenance_work_mem = '600MB'"))
        await connection.execute(
            text(
                f"CREATE INDEX {_index()} ON passage_embeddings "
                f"USING hnsw ((embedding::vector({SPACE.dimension})) vector_cosine_ops) "
                f"WHERE dimension = {SPACE.dimension}"
            )
        )
        took = time.perf_counter() - began
        await connection.execute(text("ANALYZE"))
    return took


def _index() -> str:
    return f"ix_passage_embeddings_hnsw_{SPACE.dimension}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=60)
    asyncio.run(main(queries=parser.parse_args().queries))
