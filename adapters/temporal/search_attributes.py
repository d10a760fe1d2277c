"""The search attributes that operators filter workflows by, made known to a server."""

from typing import Final

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from contracts.names import SEARCH_ATTRIBUTES
from telemetry import get_logger

_NOT_OURS_TO_DO: Final = (
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.UNAUTHENTICATED,
    RPCStatusCode.UNIMPLEMENTED,
)
"""Temporal Cloud and locked-down servers leave it to their own tools."""


async def ensure_search_attributes(client: Client) -> bool:
    """Register what the namespace lacks. Safe to repeat, and beside others that do the same.

    Returns:
        Whether all of them are there. If the server does not let us, the log says what to do.
    """
    logger = get_logger("temporal")
    try:
        existing = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
        missing = {
            name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.upper()}")
            for name, kind in SEARCH_ATTRIBUTES.items()
            if name not in existing.custom_attributes
        }
        if missing:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
            )
    except RPCError as error:
        if error.status == RPCStatusCode.ALREADY_EXISTS:
            return True
        if error.status not in _NOT_OURS_TO_DO:
            raise
        logger.warning(
            "search_attributes_not_registered",
            status=error.status.name,
            namespace=client.namespace,
            attributes=sorted(SEARCH_ATTRIBUTES),
            hint="register them with: temporal operator search-attribute create",
        )
        return False
    return True
