"""What went wrong at Pinecone, in a sentence, and whether waiting helps."""

from typing import Final

from pinecone import (
    ApiError,
    ForbiddenError,
    PaymentRequiredError,
    PineconeError,
    PineconeTimeoutError,
    RateLimitError,
    ServiceError,
    UnauthorizedError,
)
from pinecone.errors.exceptions import PineconeConnectionError, ResponseParsingError

from adapters.vectors.index import VectorIndexError

MAX_RETRY_AFTER_SECONDS: Final = 300.0
"""A longer wish is left to the caller's own schedule."""

_RETRYABLE_STATUS: Final = frozenset([408, 409, 425])


def vector_index_error(error: PineconeError) -> VectorIndexError:
    """Translate what the Pinecone SDK raised."""
    match error:
        case RateLimitError():
            after = error.retry_after
            return VectorIndexError(
                "Pinecone is being asked too often.",
                retryable=True,
                retry_after=after if after and after <= MAX_RETRY_AFTER_SECONDS else None,
            )
        case UnauthorizedError() | ForbiddenError():
            return VectorIndexError(
                "Pinecone refused the API key or the project's quota is used up.", retryable=False
            )
        case PaymentRequiredError():
            return VectorIndexError("Pinecone asks for a payment method.", retryable=False)
        case ServiceError():
            return VectorIndexError(
                f"Pinecone failed with status {error.status_code}.", retryable=True
            )
        case ApiError():
            return VectorIndexError(
                f"Pinecone refused the request with status {error.status_code}.",
                retryable=error.status_code in _RETRYABLE_STATUS,
            )
        case PineconeTimeoutError() | PineconeConnectionError() | ResponseParsingError():
            return VectorIndexError("Pinecone could not be reached.", retryable=True)
        case _:
            return VectorIndexError("Pinecone's client refused the request.", retryable=False)
