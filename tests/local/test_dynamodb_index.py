"""The emulator answers through its indexes exactly what it answers without them."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ministack.core.responses import request_scope
from ministack.services import dynamodb as emulator

from local.dynamodb_index import IndexedEmulator
from local.dynamodb_order import Order
from local.dynamodb_range import key_condition

TABLE = "things"
ACCOUNTS = count(1)
"""Each history has two of its own: one with indexes, one without."""

Object = dict[str, Any]
Ask = Callable[[str, Object], Awaitable[tuple[int, Object]]]

# Few, so that they meet: values that are equal, that begin with one another, that are the last.
TEXTS = st.sampled_from(
    ["\x00", "a", "a/b", "ab", "a\U0010ffff", "a\U0010ffffb", "b", "\U0010ffff"]
)
# As they are stored: the emulator takes 1.5 and 1.50 for two keys, and then stores both as 1.5.
NUMBERS = st.sampled_from(["0", "1", "-1", "10", "9", "1.5", "100"])
BYTES = st.sampled_from(["AA==", "AAE=", "AQ==", "/w==", "/wA=", "gA=="])
VALUES = {"S": TEXTS, "N": NUMBERS, "B": BYTES}


def value(kind: str) -> st.SearchStrategy[Object]:
    return VALUES[kind].map(lambda content: {kind: content})


def partition(kind: str) -> st.SearchStrategy[Object]:
    """One of few, so that there is something in them."""
    few = {"S": ["a", "a", "a", "b"], "N": ["1", "1", "1", "2"], "B": ["AA==", "AA==", "/w=="]}[
        kind
    ]
    return st.sampled_from(few).map(lambda content: {kind: content})


class Shape:
    """A table: the types of its keys, and its indexes by their names."""

    def __init__(self, *, key: str, sort: str | None, other: dict[str, str]) -> None:
        self.sort = sort
        self.types: dict[str, str] = {
            "pk": key,
            "gp": other["gp"],
            "gs": other["gs"],
            "status": "S",
        }
        if sort is not None:
            self.types["sk"] = sort
        self.key = ["pk", "sk"] if sort else ["pk"]
        self.indexes: dict[str | None, list[str]] = {
            None: self.key,
            "by_both": ["gp", "gs"],
            "by_partition": ["gp"],
            "added": ["status", "gs"],
        }
        if sort is not None:
            self.indexes["local"] = ["pk", "gs"]

    def __repr__(self) -> str:
        return f"Shape({self.types})"

    def definitions(self, *, late: bool) -> list[Object]:
        return [
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in self.types.items()
            if late or name != "status"
        ]

    def index(self, name: str) -> Object:
        projection: Object = {"ProjectionType": "ALL"}
        if name == "by_partition":
            projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n"]}
        return {
            "IndexName": name,
            "KeySchema": schema(self.indexes[name]),
            "Projection": projection,
        }

    def creation(self) -> Object:
        request: Object = {
            "TableName": TABLE,
            "KeySchema": schema(self.key),
            "AttributeDefinitions": self.definitions(late=False),
            "GlobalSecondaryIndexes": [self.index("by_both"), self.index("by_partition")],
            "BillingMode": "PAY_PER_REQUEST",
        }
        if self.sort is not None:
            request["LocalSecondaryIndexes"] = [self.index("local")]
        return request


def schema(names: list[str]) -> list[Object]:
    kinds = ("HASH", "RANGE")
    return [
        {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, kinds, strict=False)
    ]


SHAPES = st.builds(
    lambda key, sort, gp, gs: Shape(key=key, sort=sort, other={"gp": gp, "gs": gs}),
    st.sampled_from("SNB"), st.sampled_from(["S", "S", "S", "N", "B", None]),
    st.sampled_from("SN"), st.sampled_from("SSNB"),
)  # fmt: skip


@st.composite
def keys(draw: st.DrawFn, shape: Shape) -> Object:
    key = {"pk": draw(partition(shape.types["pk"]))}
    if shape.sort is not None:
        key["sk"] = draw(value(shape.sort))
    return key


@st.composite
def items(draw: st.DrawFn, shape: Shape) -> Object:
    item: Object = draw(keys(shape))
    for name, strategy in {
        "gp": partition(shape.types["gp"]),
        "gs": value(shape.types["gs"]),
        "status": partition("S"),
        "n": value("N"),
        "expires": st.sampled_from(["1", "99999999999"]).map(lambda at: {"N": at}),
    }.items():
        if draw(st.integers(0, 3)):
            item[name] = draw(strategy)
    return item


@st.composite
def update(draw: st.DrawFn, shape: Shape) -> Object:
    attribute = draw(st.sampled_from(["gp", "gs", "n"]))
    request: Object = {
        "TableName": TABLE,
        "Key": draw(keys(shape)),
        "UpdateExpression": "REMOVE #a",
        "ExpressionAttributeNames": {"#a": attribute},
    }
    if draw(st.booleans()):
        # A transaction takes index keys of any type, and those are not to be found by conditions.
        kind = draw(st.sampled_from([shape.types.get(attribute, "N")] * 3 + ["S", "N"]))
        request["UpdateExpression"] = "SET #a = :v"
        request["ExpressionAttributeValues"] = {":v": draw(value(kind))}
    return request


@st.composite
def writes(draw: st.DrawFn, shape: Shape) -> tuple[str, Object]:
    match draw(st.sampled_from(["put", "put", "put", "delete", "update", "batch", "transaction"])):
        case "put":
            return "PutItem", {"TableName": TABLE, "Item": draw(items(shape))}
        case "delete":
            return "DeleteItem", {"TableName": TABLE, "Key": draw(keys(shape))}
        case "update":
            return "UpdateItem", draw(update(shape))
        case "batch":
            puts = [{"PutRequest": {"Item": one}} for one in draw(st.lists(items(shape)))]
            deletes = [{"DeleteRequest": {"Key": one}} for one in draw(st.lists(keys(shape)))]
            return "BatchWriteItem", {"RequestItems": {TABLE: puts + deletes}}
        case _:
            put = {"Put": {"TableName": TABLE, "Item": draw(items(shape))}}
            delete = {"Delete": {"TableName": TABLE, "Key": draw(keys(shape))}}
            change = {"Update": draw(update(shape))}
            some = draw(st.lists(st.sampled_from([put, delete, change]), min_size=1, max_size=3))
            return "TransactWriteItems", {"TransactItems": some}


RANGES = [
    "{s} = :a",
    "{s} < :a",
    "{s} <= :a",
    "{s} > :a",
    "{s} >= :a",
    "{s} BETWEEN :a AND :b",
    "begins_with({s}, :a)",
]
CONDITIONS = RANGES * 2 + [
    "({s} between :a and :b)", ":a < {s}", "{s} = :a OR {s} = :b",
    "({s} = :a", "{s} <> :a", "begins_with({s}, :missing)", "{s} > :a AND {s} < :b", "n = :a",
]  # fmt: skip


@st.composite
def queries(draw: st.DrawFn, shape: Shape) -> Object:
    index = draw(st.sampled_from([*shape.indexes] * 3 + ["unknown"]))
    names = shape.indexes.get(index, ["pk"])
    condition, aliases = "#p = :p", {"#p": names[0]}
    if draw(st.integers(0, 3)) == 0:
        # `status` is a reserved word, which is found out when an item is looked at.
        condition, aliases = f"{names[0]} = :p", {}
    values: Object = {":p": draw(partition(shape.types[names[0]]))}
    if len(names) == 2 and draw(st.booleans()):
        form = draw(st.sampled_from(CONDITIONS))
        condition = f"{condition} AND {form.format(s='#s')}"
        aliases |= {"#s": names[1]} if "{s}" in form else {}
        kind = draw(st.sampled_from([shape.types[names[1]]] * 9 + ["S", "N"]))
        values |= {f":{each}": draw(value(kind)) for each in "ab" if f":{each}" in form}
    request: Object = {
        "TableName": TABLE,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": aliases,
        "ExpressionAttributeValues": values,
    }
    if index is not None:
        request["IndexName"] = index
    if draw(st.booleans()):
        request["ScanIndexForward"] = draw(st.booleans())
    if draw(st.booleans()):
        request["Limit"] = draw(st.integers(0, 4))
    if draw(st.booleans()):
        request["FilterExpression"] = "attribute_exists(n)"
    if draw(st.integers(0, 9)) == 0:
        request["ExclusiveStartKey"] = draw(items(shape))
    if draw(st.integers(0, 9)) == 0:
        request["Select"] = "COUNT"
    return request


@st.composite
def steps(draw: st.DrawFn, shape: Shape) -> tuple[str, Object]:
    rarely = draw(st.integers(0, 20)) == 0
    match draw(
        st.sampled_from(["write"] * 6 + ["query"] * 4 + ["expiry", "index"] + ["again"] * rarely)
    ):
        case "write":
            return draw(writes(shape))
        case "query":
            return "Query", draw(queries(shape))
        case "index":
            added = {"Create": shape.index("added")}
            removed = {"Delete": {"IndexName": draw(st.sampled_from(["added", "by_both"]))}}
            return "UpdateTable", {
                "TableName": TABLE,
                "AttributeDefinitions": shape.definitions(late=True),
                "GlobalSecondaryIndexUpdates": [draw(st.sampled_from([added, removed]))],
            }
        case "again":
            return "CreateTable" if draw(st.booleans()) else "DeleteTable", shape.creation()
        case _:
            return "expiry", {}


@st.composite
def histories(draw: st.DrawFn) -> tuple[Shape, list[tuple[str, Object]]]:
    shape = draw(SHAPES)
    puts = items(shape).map(lambda item: ("PutItem", {"TableName": TABLE, "Item": item}))
    # Queries in between make the orders that the later steps have to keep.
    asked = queries(shape).map(lambda request: ("Query", request))
    filled = draw(st.lists(puts, min_size=8, max_size=20))
    early = draw(st.lists(asked, max_size=4))
    between = draw(st.lists(steps(shape), max_size=15))
    return shape, [*filled, *early, *between, *draw(st.lists(asked, min_size=3, max_size=8))]


def in_account(handler: Any, account: int) -> Ask:
    async def ask(action: str, request: Object) -> tuple[int, Object]:
        with request_scope(f"{account:012d}", "us-east-1"):
            headers = {"x-amz-target": f"DynamoDB_20120810.{action}"}
            # What is written is kept as it was parsed: each side parses for itself.
            status, _, body = await handler("POST", "/", headers, json.dumps(request).encode(), {})
        return status, json.loads(body)

    return ask


def expire(account: int) -> None:
    """What the emulator's own thread does each minute: it takes out of the table what expired."""
    table = emulator._tables.get_scoped(f"{account:012d}", "us-east-1", TABLE)
    if table is None:
        return
    for partition, content in list(table["items"].items()):
        for sort, item in list(content.items()):
            if float(item.get("expires", {}).get("N", "inf")) <= time.time():
                del content[sort]
        if not content:
            del table["items"][partition]


async def outcome(ask: Ask, action: str, request: Object) -> Any:
    try:
        status, body = await ask(action, request)
    except Exception as error:
        return type(error)
    if action in {"CreateTable", "DeleteTable", "UpdateTable"}:
        return status
    return status, body


async def all_pages(ask: Ask, request: Object) -> list[Any]:
    """What is found by following `LastEvaluatedKey`, page by page."""
    pages = []
    while True:
        pages.append(await outcome(ask, "Query", request))
        match pages[-1]:
            case (200, {"LastEvaluatedKey": last}) if len(pages) < 50:
                request = {**request, "ExclusiveStartKey": last}
            case _:
                return pages


async def assert_alike(shape: Shape, followed: list[tuple[str, Object]]) -> None:
    """Follow a history with indexes and without; every answer is the same."""
    indexed_account, plain_account = next(ACCOUNTS), next(ACCOUNTS)
    indexed = in_account(IndexedEmulator().handle, indexed_account)
    plain = in_account(emulator.handle_request, plain_account)
    for action, request in [("CreateTable", shape.creation()), *followed]:
        if action == "expiry":
            expire(indexed_account)
            expire(plain_account)
        elif action == "Query":
            assert await all_pages(indexed, request) == await all_pages(plain, request)
        else:
            answers = [await outcome(ask, action, request) for ask in (indexed, plain)]
            assert answers[0] == answers[1]
    described = [await ask("DescribeTable", {"TableName": TABLE}) for ask in (indexed, plain)]
    if described[0][0] == 200 and all(action != "expiry" for action, _ in followed):
        assert described[0][1]["Table"]["ItemCount"] == described[1][1]["Table"]["ItemCount"]
    await indexed("DeleteTable", {"TableName": TABLE})
    await plain("DeleteTable", {"TableName": TABLE})


@settings(deadline=None, max_examples=300)
@given(histories())
def test_any_history_is_answered_as_without_indexes(
    history: tuple[Shape, list[tuple[str, Object]]],
) -> None:
    asyncio.run(assert_alike(*history))


async def test_an_index_key_of_the_wrong_type_takes_nobodys_place_on_a_page() -> None:
    shape = Shape(key="S", sort="S", other={"gp": "S", "gs": "S"})
    items = [
        {"pk": {"S": "a"}, "sk": {"S": sort}, "gp": {"S": "p"}, "gs": key}
        for sort, key in {"1": {"N": "5"}, "2": {"S": "6"}, "3": {"S": "7"}}.items()
    ]
    query = {
        "TableName": TABLE,
        "IndexName": "by_both",
        "KeyConditionExpression": "gp = :p AND gs > :s",
        "ExpressionAttributeValues": {":p": {"S": "p"}, ":s": {"S": "1"}},
        "Limit": 1,
    }
    # Only a transaction takes such a key.
    puts = [{"Put": {"TableName": TABLE, "Item": item}} for item in items]
    await assert_alike(shape, [("TransactWriteItems", {"TransactItems": puts}), ("Query", query)])


@given(prefix=st.text("ab\uffff\U0010ffff", min_size=1), text=st.text("ab\uffff\U0010ffff"))
def test_the_range_of_a_beginning_holds_what_begins_with_it(prefix: str, text: str) -> None:
    condition = key_condition(
        "pk = :p AND begins_with(sk, :s)",
        order=Order("pk", "sk", (("sk", "S"), ("pk", "S")), ("pk", "sk")),
        names={},
        values={":p": {"S": "p"}, ":s": {"S": prefix}},
    )
    assert condition is not None
    low, high = condition.places
    assert low is not None
    assert (low <= (text,) and (high is None or (text,) < high)) == text.startswith(prefix)
