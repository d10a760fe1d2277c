"""A table of the DynamoDB emulator whose items are in order, in each index that is queried.

The emulator keeps a table's items as partition key → sort key → item. `TableItems` is such a
dictionary and sees every change to it, whoever makes it, so that nothing can be forgotten: single
writes, transactions, batches, expiry. Orders are made when they are first asked for.
"""

import copy
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ministack.services import dynamodb as emulator
from sortedcontainers import SortedDict

Item = dict[str, Any]
Place = tuple[Any, ...]
"""Where an item stands in its partition: sort key, then the table's keys, which make it unique."""


class _Top:
    """Greater than every value of a key."""

    def __lt__(self, _: object) -> bool:
        return False

    def __gt__(self, other: object) -> bool:
        return other is not self


TOP = _Top()


class Range(NamedTuple):
    """Places between two others. `(value,)` is before all places that begin with the value, and
    `(value, TOP)` after all of them."""

    low: Place | None = None
    high: Place | None = None

    def after(self, place: Place) -> "Range":
        """What of it comes after a place, or after all that begin with it."""
        low = (*place, TOP)
        return Range(low if self.low is None else max(self.low, low), self.high)

    def before(self, place: Place) -> "Range":
        return Range(self.low, place if self.high is None else min(self.high, place))


class Order(NamedTuple):
    """How the emulator orders a table or an index: by these attributes, of these types."""

    partition: str
    sort: str | None
    attributes: tuple[tuple[str, str], ...]
    """The sort key, then the table's keys: the order among equals."""
    key: tuple[str, ...]
    """The table's keys."""

    @classmethod
    def of(cls, table: Mapping[str, Any], index_name: str | None) -> "Order":
        partition, sort, _ = emulator._resolve_index_keys(table, index_name)
        key = tuple(name for name in (table["pk_name"], table["sk_name"]) if name)
        return cls(partition, sort, tuple(emulator._index_order_keys(table, sort)), key)

    @property
    def names(self) -> set[str]:
        """All attributes that a key of this order has."""
        return {self.partition, *(name for name, _ in self.attributes)}

    def holds(self, item: Item) -> bool:
        """Whether the item is in the index: it may lack the index's keys."""
        return self.partition in item and (self.sort is None or self.sort in item)

    def partition_of(self, item: Item) -> str:
        return str(emulator._extract_key_val(item[self.partition]))

    def cursor(self, key: Item) -> Place:
        """The beginning of the place of the item with these keys."""
        return tuple(emulator._index_order_value(key, *each) for each in self.attributes)

    def place(self, item: Item) -> Place:
        # The text of the keys at the end: values of unlike texts may be equal ("AA==" and "AB==").
        texts = (emulator._extract_key_val(item.get(name)) for name in self.key)
        return (*self.cursor(item), *texts)


class Ordered:
    """The items of one partition, in order."""

    def __init__(self, order: Order, items: Iterable[Item]) -> None:
        self._order = order
        self._items: SortedDict[Place, Item] = SortedDict(
            {order.place(item): item for item in items}
        )

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Item) -> None:
        self._items[self._order.place(item)] = item

    def remove(self, item: Item) -> None:
        del self._items[self._order.place(item)]

    def walk(self, between: Range, *, forward: bool) -> Iterator[Item]:
        """The items of a range, from its beginning or from its end; valid until the next change."""
        for place in self._items.irange(between.low, between.high, reverse=not forward):
            yield self._items[place]


class Index:
    """A secondary index: its partitions, each in order."""

    def __init__(self, order: Order, items: Iterable[Item]) -> None:
        self._order = order
        partitions: defaultdict[str, list[Item]] = defaultdict(list)
        for item in items:
            if order.holds(item):
                partitions[order.partition_of(item)].append(item)
        self._partitions = {name: Ordered(order, found) for name, found in partitions.items()}

    def partition(self, name: str) -> Ordered | None:
        return self._partitions.get(name)

    def replace(self, old: Item | None, new: Item | None) -> None:
        if old is not None and self._order.holds(old):
            name = self._order.partition_of(old)
            self._partitions[name].remove(old)
            if not self._partitions[name]:
                del self._partitions[name]
        if new is not None and self._order.holds(new):
            name = self._order.partition_of(new)
            if name not in self._partitions:
                self._partitions[name] = Ordered(self._order, ())
            self._partitions[name].add(new)


class TableItems(dict[str, "Partition"]):
    """The items of a table, as the emulator expects to find them."""

    def __init__(self, table: Mapping[str, Any], items: Mapping[str, Mapping[str, Item]]) -> None:
        super().__init__()
        self.count = 0
        self._order = Order.of(table, None)
        self._indexes: dict[Order, Index] = {}
        for partition, content in items.items():
            for sort, item in content.items():
                self[partition][sort] = item

    def __missing__(self, partition: str) -> "Partition":
        made = self[partition] = Partition(self)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {name: copy.deepcopy(content, memo) for name, content in self.items()}

    def ordered(self, order: Order, partition: str) -> Ordered | None:
        """A partition of the table or of an index; None when it is empty."""
        if order == self._order:
            found = self.get(partition)
            return found.ordered(order) if found else None
        if order not in self._indexes:
            everything = (item for content in self.values() for item in content.values())
            self._indexes[order] = Index(order, everything)
        return self._indexes[order].partition(partition)

    def keep_indexes(self, orders: Iterable[Order]) -> None:
        """Forget the indexes that the table has no more."""
        self._indexes = {o: self._indexes[o] for o in orders if o in self._indexes}

    def changed(self, old: Item | None, new: Item | None) -> None:
        self.count += (new is not None) - (old is not None)
        for index in self._indexes.values():
            index.replace(old, new)


class Partition(dict[str, Item]):
    """The items of a partition by their sort keys; each change is told to the table."""

    def __init__(self, table: TableItems) -> None:
        super().__init__()
        self._table = table
        self._ordered: Ordered | None = None

    def __setitem__(self, sort: str, item: Item) -> None:
        old = self.get(sort)
        super().__setitem__(sort, item)
        self._changed(old, item)

    def __delitem__(self, sort: str) -> None:
        old = self[sort]
        super().__delitem__(sort)
        self._changed(old, None)

    def pop(self, sort: str, *default: Any) -> Any:
        if sort not in self:
            return super().pop(sort, *default)
        old = self[sort]
        del self[sort]
        return old

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {sort: copy.deepcopy(item, memo) for sort, item in self.items()}

    def ordered(self, order: Order) -> Ordered:
        if self._ordered is None:
            self._ordered = Ordered(order, self.values())
        return self._ordered

    def _changed(self, old: Item | None, new: Item | None) -> None:
        if self._ordered is not None:
            if old is not None:
                self._ordered.remove(old)
            if new is not None:
                self._ordered.add(new)
        self._table.changed(old, new)
