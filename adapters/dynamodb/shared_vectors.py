"""Vectors of questions that any process has had embedded, kept for a week.

A convenience: what goes wrong here is told by an exception of DynamoDB's, and whoever asks goes on
without.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from adapters.dynamodb import keys
from adapters.dynamodb.table import Table
from contracts.ids import OrganizationId

KEPT: Final = timedelta(days=7)


class SharedVectors:
    def __init__(self, table: Table) -> None:
        self._table = table

    async def get(
        self, organization_id: OrganizationId, *, model: str, digests: Sequence[str]
    ) -> dict[str, bytes]:
        """Those that are known, by digest, in one round trip.

        Args:
            model: vectors of any other are never returned.
            digests: SHA-256 of the exact inputs, in hex; at most 100.
        """
        by_key = {keys.query_embedding(organization_id, model, one): one for one in digests}
        items = await self._table.get_many(list(by_key))
        now = int(time.time())
        # DynamoDB removes what has expired within days, not at once.
        return {
            by_key[key]: item["vector"] for key, item in items.items() if item["expires_at"] > now
        }

    async def put(
        self, organization_id: OrganizationId, *, model: str, vectors: Mapping[str, bytes]
    ) -> None:
        """Keep vectors (32-bit floats, little-endian) by the digest of their input."""
        expires_at = int(time.time() + KEPT.total_seconds())
        for digest, vector in vectors.items():
            await self._table.put(
                keys.query_embedding(organization_id, model, digest),
                {"vector": vector, "expires_at": expires_at},
            )
