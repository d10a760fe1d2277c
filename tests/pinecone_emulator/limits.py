"""What Pinecone refuses ("Database limits", "Manage index tags"): the reason, or None."""

import json
import re
from typing import Any, Final

MAX_RECORDS: Final = 1000
MAX_REQUEST_BYTES: Final = 2 * 1024 * 1024
MAX_METADATA_BYTES: Final = 40 * 1024
MAX_ID_LENGTH: Final = 512
MAX_NAMESPACE_LENGTH: Final = 512
MAX_TOP_K: Final = 10_000
MAX_FILTER_VALUES: Final = 10_000
MAX_INDEX_NAME_LENGTH: Final = 45
MAX_DIMENSION: Final = 20_000
MAX_INDEXES: Final = 20

_INDEX_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_TAG: Final = re.compile(r"[A-Za-z0-9;@_.+ -]{0,120}")


def refused_index(body: dict[str, Any]) -> str | None:
    name, [declared] = body["name"], body["schema"]["fields"].values()
    if not _INDEX_NAME.fullmatch(name) or len(name) > MAX_INDEX_NAME_LENGTH:
        return "Name must consist of at most 45 lower case alphanumeric characters or '-'"
    if not 1 <= declared["dimension"] <= MAX_DIMENSION:
        return f"Dimension must be between 1 and {MAX_DIMENSION}"
    if not all(_TAG.fullmatch(value) for value in (body.get("tags") or {}).values()):
        return "Tag values must be alphanumeric, ';', '@', '_', '-', '.', '+', or ' '"
    return None


def refused_namespace(namespace: str) -> str | None:
    if not namespace.strip() or not namespace.isascii() or len(namespace) > MAX_NAMESPACE_LENGTH:
        return "The namespace must have 1 to 512 ASCII characters"
    return None


def refused_write(documents: list[dict[str, Any]], *, dimension: int) -> str | None:
    if not 0 < len(documents) <= MAX_RECORDS:
        return f"The number of documents must be 1 to {MAX_RECORDS}"
    return next(
        (why for each in documents if (why := _refused_document(each, dimension)) is not None),
        None,
    )


def refused_search(body: dict[str, Any], *, dimension: int) -> str | None:
    if not 0 < body["top_k"] <= MAX_TOP_K:
        return f"top_k must be 1 to {MAX_TOP_K}"
    [clause] = body["score_by"]
    if len(clause["values"]) != dimension:
        return f"Vector dimension {len(clause['values'])} does not match {dimension}"
    return None


def refused_filter(condition: dict[str, Any]) -> str | None:
    for test in condition.values():
        for operator, operand in test.items():
            if operator in ("$in", "$nin") and len(operand) > MAX_FILTER_VALUES:
                return f"{operator} takes at most {MAX_FILTER_VALUES} values"
    return None


def _refused_document(document: dict[str, Any], dimension: int) -> str | None:
    metadata = {name: value for name, value in document.items() if name not in ("_id", "embedding")}
    vector = document.get("embedding", ())
    if not document["_id"].isascii() or not 0 < len(document["_id"]) <= MAX_ID_LENGTH:
        return "An id must have 1 to 512 ASCII characters"
    if len(vector) != dimension:
        return f"Vector dimension {len(vector)} does not match {dimension}"
    if not any(vector):
        return "Dense vectors must contain at least one non-zero value"
    if len(json.dumps(metadata)) > MAX_METADATA_BYTES:
        return "Metadata size is larger than 40960 bytes"
    if any(value is None or isinstance(value, dict) for value in metadata.values()):
        return "Metadata value must be a string, number, boolean or list of strings"
    return None
