"""Vectors that were paid for, kept with their document until no version needs them.

An answer of the provider is written here before anything is done with it. So whoever does a step
again, after a crash, a failure or a change of the document, pays only for inputs that are new.
"""

import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from adapters.postgres.database import Database
from adapters.postgres.ingestion import DocumentGone
from adapters.postgres.tables import KeptEmbedding
from contracts.ingestion import IngestDocument


@dataclass(frozen=True, slots=True)
class Kept:
    vector: list[float]
    request_tokens: int
    """Of the request with which it came; 0 for all but the first vector of a request."""
    made_for: int
    """Version of the document."""


class KeptEmbeddings:
    """Each method is one transaction of one organisation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(
        self,
        ref: IngestDocument,
        *,
        version: int,
        model: str,
        dimension: int | None,
        digests: Collection[bytes],
    ) -> dict[bytes, Kept]:
        """Those of the inputs whose vectors are there, by digest; noted as used by the version.

        Args:
            dimension: `None` when no vector of the knowledge base has been made yet.
            digests: SHA-256 of each exact input.
        """
        if dimension is None or not digests:
            return {}
        statement = (
            update(KeptEmbedding)
            .where(
                col(KeptEmbedding.document_id) == ref.document_id,
                col(KeptEmbedding.model) == model,
                col(KeptEmbedding.dimension) == dimension,
                col(KeptEmbedding.input_sha256).in_(digests),
            )
            .values(used_by=version)
            .returning(
                col(KeptEmbedding.input_sha256),
                col(KeptEmbedding.vector),
                col(KeptEmbedding.request_tokens),
                col(KeptEmbedding.made_for),
            )
        )
        async with self._database.tenant(ref.organization_id) as session:
            rows = await (await session.connection()).execute(statement)
            return {
                digest: Kept(_unpacked(vector), tokens, made_for)
                for digest, vector, tokens, made_for in rows
            }

    async def put(
        self,
        ref: IngestDocument,
        *,
        version: int,
        model: str,
        vectors: Mapping[bytes, Sequence[float]],
        request_tokens: int,
    ) -> None:
        """Keep the vectors of one answer, by the digest of their inputs, the first one first.

        Raises:
            DocumentGone: there is no document to keep them with.
        """
        rows = [
            {
                "organization_id": ref.organization_id,
                "document_id": ref.document_id,
                "model": model,
                "dimension": len(vector),
                "input_sha256": digest,
                "vector": _packed(vector),
                "request_tokens": 0 if number else request_tokens,
                "made_for": version,
                "used_by": version,
            }
            for number, (digest, vector) in enumerate(vectors.items())
        ]
        # Two batches may hold the same text; the first one's vector is as good.
        statement = insert(KeptEmbedding).on_conflict_do_nothing()
        try:
            async with self._database.tenant(ref.organization_id) as session:
                await (await session.connection()).execute(statement, rows)
        except IntegrityError as error:
            raise DocumentGone from error


def _packed(vector: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(vector)}f", *vector)


def _unpacked(vector: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))
