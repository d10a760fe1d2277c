"""Puts indexes in front of the DynamoDB emulator, so that a query costs what it returns.

By itself the emulator goes through the whole table for a query of an index, sorts the whole
partition for any query, and counts all partitions after each write. Here the tables keep their
items in order (`local/dynamodb_order.py`). A query is answered by the emulator itself, from a table
that holds only the items that can matter to it: validation, conditions, filters, projection and
pages stay the emulator's.

Import it after the emulator's settings are in the environment: the emulator reads them then.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import dynamodb as emulator
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal

from local.dynamodb_order import Item, Order, Range, TableItems
from local.dynamodb_range import key_condition

Table = dict[str, Any]
Response = tuple[int, dict[str, str], bytes | str]

ITEM_WRITES = frozenset(
    {"PutItem", "DeleteItem", "UpdateItem", "BatchWriteItem", "TransactWriteItems"}
)
ITEM_READS = frozenset({"GetItem", "BatchGetItem", "TransactGetItems", "Scan"})

MEAN_ITEM_BYTES = 200
"""What the emulator takes an item for when it tells a table's size."""

_count_partitions = emulator._update_counts


class Query(BaseModel):
    """What decides which items a query can return; what it returns of them is left out."""

    model_config = ConfigDict(strict=True, frozen=True, alias_generator=to_pascal)

    table_name: str
    index_name: str | None = None
    key_condition_expression: str
    expression_attribute_names: dict[str, str] = Field(default_factory=dict)
    expression_attribute_values: dict[str, dict[str, Any]] = Field(default_factory=dict)
    exclusive_start_key: dict[str, dict[str, Any]] | None = None
    scan_index_forward: bool = True
    limit: int | None = Field(default=None, gt=0)


class IndexedEmulator:
    """The emulator of this process; there is one, so there is one of these."""

    def __init__(self) -> None:
        emulator._update_counts = _update_counts

    async def handle(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, list[str]],
    ) -> Response:
        """The emulator's answer to a DynamoDB request. Takes the place of its own handler."""
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        request = (method, path, headers, body, query_params)
        if action in ITEM_READS:
            return await _emulated(*request)
        if action in ITEM_WRITES:
            # A thread of the emulator's removes expired items; it holds this lock meanwhile.
            with emulator._lock:
                return await _emulated(*request)
        if action == "Query":
            with emulator._lock, _only_candidates(body):
                return await _emulated(*request)
        response = await _emulated(*request)
        for table in emulator._tables.values():
            _indexed(table).keep_indexes(_orders(table))
        return response

    def scope(self) -> tuple[str, str]:
        """Account and region of the request that is being handled."""
        return get_account_id(), get_region()

    def enter(self, scope: tuple[str, str]) -> AbstractContextManager[Any]:
        """Handle requests of an account and region inside the block."""
        entered: AbstractContextManager[Any] = request_scope(*scope)
        return entered

    def items(self, table: str) -> list[Item]:
        """Everything that is in a table now."""
        with emulator._lock:
            partitions = emulator._tables[table]["items"].values()
            return [item for partition in partitions for item in partition.values()]

    def restore(self, table: str, item: Item) -> None:
        """Put an item into a table without validating it."""
        with emulator._lock:
            found = emulator._tables[table]
            partition, sort, _ = emulator._resolve_table_key_values(found, item, True)
            found["items"][partition][sort] = item
            _update_counts(found)


async def _emulated(*request: Any) -> Response:
    response: Response = await emulator.handle_request(*request)
    return response


@contextmanager
def _only_candidates(body: bytes) -> Iterator[None]:
    """The queried table holds nothing but what the query can return, until the block ends."""
    try:
        query = Query.model_validate_json(body)
    except ValidationError:
        # Refused by the emulator, or of an older kind that it answers the slow way.
        yield
        return
    table = emulator._tables.get(query.table_name)
    found = None if table is None else _candidates(query, table)
    if found is None:
        yield
        return
    partition, items = found
    emulator._tables[query.table_name] = {
        **table,
        "items": {partition: {str(number): item for number, item in enumerate(items)}},
    }
    try:
        yield
    finally:
        emulator._tables[query.table_name] = table


def _candidates(query: Query, table: Table) -> tuple[str, list[Item]] | None:
    """The partition and its items that can matter; None when the query names no partition."""
    order = Order.of(table, query.index_name)
    names, values = query.expression_attribute_names, query.expression_attribute_values
    partition = emulator._extract_pk_from_condition(
        query.key_condition_expression, values, names, order.partition
    )
    if not isinstance(partition, str):
        return None
    ordered = _indexed(table).ordered(order, partition)
    if ordered is None:
        return partition, []
    condition = key_condition(
        query.key_condition_expression, order=order, names=names, values=values
    )
    if condition is None:
        return partition, list(ordered.walk(Range(), forward=True))
    between, forward = condition.places, query.scan_index_forward
    start = query.exclusive_start_key
    if start is not None and order.names <= start.keys():
        place = order.cursor(start)
        between = between.after(place) if forward else between.before(place)
    fulfilling = filter(condition.is_typed, ordered.walk(between, forward=forward))
    items = list(islice(fulfilling, query.limit))
    # The emulator finds fault with some conditions only when there is an item to try them on.
    return partition, items or list(islice(ordered.walk(Range(), forward=True), 1))


def _indexed(table: Table) -> TableItems:
    items = table["items"]
    if not isinstance(items, TableItems):
        items = table["items"] = TableItems(table, items)
    return items


def _orders(table: Table) -> list[Order]:
    kinds = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
    indexes = [index["IndexName"] for kind in kinds for index in table.get(kind) or ()]
    return [Order.of(table, name) for name in indexes]


def _update_counts(table: Table) -> None:
    if not isinstance(table["items"], TableItems):
        _count_partitions(table)
        return
    table["ItemCount"] = table["items"].count
    table["TableSizeBytes"] = table["ItemCount"] * MEAN_ITEM_BYTES
