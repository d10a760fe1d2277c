"""Passages as Pinecone keeps them, within its limits.

Limits are those of Pinecone's "Database limits" page. They are looked at before anything is sent:
the server refuses a request as a whole, and says less about why.
"""

import json
import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from adapters.vectors.index import DocumentVersion, PassageVector, VectorIndexError
from adapters.vectors.pinecone_indexes import FIELD
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, PassageId

MAX_RECORDS: Final = 1000
MAX_REQUEST_BYTES: Final = 2_000_000
MAX_RESULTS: Final = 10_000
MAX_METADATA_BYTES: Final = 40_000
MAX_ID_LENGTH: Final = 512
MAX_VALUES: Final = 10_000
"""Of one `$in` or `$nin`."""

_PART_MARK: Final = "#"

Record = dict[str, Any]


def namespace_of(organization_id: OrganizationId) -> str:
    """The organisation's namespace: its opaque id. Never empty, for that would be everyone's."""
    if not organization_id.strip() or not _is_id(organization_id):
        raise ValueError("not an organisation's id")
    return organization_id


def records(version: DocumentVersion, vectors: Sequence[PassageVector]) -> list[Record]:
    """What is written of parts of passages. It carries no text: ids lead back to PostgreSQL.

    Raises:
        VectorIndexError: Pinecone would refuse one of them.
    """
    return [_checked(_record(version, vector)) for vector in vectors]


def passage_of(record_id: str) -> PassageId:
    """Which passage a record is of."""
    return PassageId(record_id.partition(_PART_MARK)[0])


def batches(items: Sequence[Record]) -> Iterator[list[Record]]:
    """As few requests as carry them."""
    batch: list[Record] = []
    # Brackets, commas and the name around the list take less than this.
    overhead, used = 100, 100
    for item in items:
        size = len(json.dumps(item)) + 2
        if batch and (len(batch) == MAX_RECORDS or used + size > MAX_REQUEST_BYTES):
            yield batch
            batch, used = [], overhead
        batch.append(item)
        used += size
    if batch:
        yield batch


def conditions(
    organization_id: OrganizationId,
    *,
    knowledge_base_ids: Collection[KnowledgeBaseId],
    hidden: Collection[tuple[DocumentId, int]],
) -> dict[str, Any]:
    """The filter of a search."""
    if len(knowledge_base_ids) > MAX_VALUES:
        raise VectorIndexError(
            f"More than {MAX_VALUES} knowledge bases cannot be searched at once.", retryable=False
        )
    found: dict[str, Any] = {
        "organization_id": {"$eq": organization_id},
        "knowledge_base_id": {"$in": sorted(knowledge_base_ids)},
    }
    if hidden:
        keys = sorted(_version_key(*each) for each in hidden)
        # What is beyond the limit is found, and dropped when it is read.
        found["version_key"] = {"$nin": keys[:MAX_VALUES]}
    return found


def _record(version: DocumentVersion, vector: PassageVector) -> Record:
    return {
        "_id": f"{vector.passage_id}{_PART_MARK}{vector.part}",
        FIELD: list(vector.vector),
        "organization_id": version.organization_id,
        "knowledge_base_id": version.knowledge_base_id,
        "document_id": version.document_id,
        "version": version.version,
        "version_key": _version_key(version.document_id, version.version),
        "position": vector.position,
    }


def _checked(record: Record) -> Record:
    if not _is_id(record["_id"]):
        raise _refused("its id is not 1 to 512 ASCII characters")
    if not any(record[FIELD]) or not all(map(math.isfinite, record[FIELD])):
        raise _refused("its vector is zero or not finite")
    metadata = {name: value for name, value in record.items() if name not in ("_id", FIELD)}
    if len(json.dumps(metadata).encode()) > MAX_METADATA_BYTES:
        raise _refused(f"its metadata is larger than {MAX_METADATA_BYTES} bytes")
    return record


def _refused(why: str) -> VectorIndexError:
    return VectorIndexError(f"Pinecone cannot keep a passage: {why}.", retryable=False)


def _is_id(value: str) -> bool:
    return value.isascii() and 0 < len(value) <= MAX_ID_LENGTH


def _version_key(document_id: DocumentId, version: int) -> str:
    return f"{document_id}#{version}"
