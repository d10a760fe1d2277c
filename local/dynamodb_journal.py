"""Makes the DynamoDB emulator durable: every write is in a file before it is acknowledged.

The emulator keeps its tables in memory and saves them on a clean stop only. Here each write leaves
a line in a journal first, and a start replays the journal. What is written down is the outcome, not
the request: an `UpdateItem` becomes a `PutItem` of the item that it led to, conditions are gone. So
replay depends neither on the clock (items that expired in between) nor on conditions that only held
at the time, and the compacted form of a journal is a journal itself: tables, then items.

A line is `[account, region, [[action, request], …]]`, in DynamoDB's own JSON. It is handed to the
operating system before the answer goes out, so it outlives a killed process; it is not forced to
disk.
"""

import json
import logging
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, Self

Request = dict[str, Any]
Response = tuple[int, dict[str, str], bytes | str]
Scope = tuple[str, str]
"""AWS account and region."""


class Emulator(Protocol):
    """What the journal needs of the emulator; tables are those of the current scope."""

    async def handle(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, list[str]],
    ) -> Response:
        """The answer to a DynamoDB request."""

    def scope(self) -> Scope:
        """Of the request that is being handled."""

    def enter(self, scope: Scope) -> AbstractContextManager[Any]:
        """Make it the scope of what is done inside the block."""

    def items(self, table: str) -> Iterable[Request]:
        """Everything that is in a table; good while other requests are handled."""

    def restore(self, table: str, item: Request) -> None:
        """Put back an item that was in the table before: it is not validated again."""


TARGET = "DynamoDB_20120810."
READS = ("Get", "BatchGet", "TransactGet", "Query", "Scan", "List", "Describe")
"""How the names of the actions begin that change nothing."""
UNSUPPORTED = frozenset({"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"})
"""PartiQL names its items in a language of its own; Parley does not use it, so it is refused."""

COMPACT_BYTES = 16 * 2**20
"""A journal is compacted when it is larger than this and twice its last compacted size."""

logger = logging.getLogger("dynamodb.journal")


class JournalDamaged(Exception):
    """A line in the middle of the journal cannot be read; nothing after it can be trusted."""


class DurableDynamoDB:
    """The emulator's request handler, with a journal. `open` it, then call `handle` in its place.

    The handler finishes each request before it starts another (the emulator is one event loop and
    its actions are synchronous), so the journal has the writes in the order of their effect.
    """

    def __init__(
        self,
        path: Path,
        *,
        emulator: Emulator,
    ) -> None:
        self._path = path
        self._emulator = emulator
        self._definitions: dict[Scope, list[tuple[str, Request]]] = {}
        """Per account and region: what made the tables that exist now, in order."""
        self._file = -1
        self._size = 0
        self._compacted_size = 0

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        emulator: Emulator,
    ) -> Self:
        """Replay the journal at `path` into the emulator, compact it, and open it for writing.

        Args:
            path: the journal; made when missing.
            emulator: empty; what is in the journal is put into it.

        Raises:
            JournalDamaged: a line other than the last one cannot be read.
        """
        journal = cls(path, emulator=emulator)
        path.parent.mkdir(parents=True, exist_ok=True)
        await journal._replay()
        await journal._remove_expired()
        await journal._compact()
        return journal

    async def handle(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, list[str]],
    ) -> Response:
        """Answer a request; a write that is answered with 200 is in the journal."""
        action = headers.get("x-amz-target", "").removeprefix(TARGET)
        if action in UNSUPPORTED:
            return _problem("UnknownOperationException", f"{action} is not offered here.")
        response = await self._emulator.handle(method, path, headers, body, query_params)
        if response[0] == 200 and not action.startswith(READS):
            request = json.loads(body)
            outcome = await self._outcome(action, request, response)
            self._remember(self._emulator.scope(), outcome)
            self._append([*self._emulator.scope(), outcome])
            if self._size > max(COMPACT_BYTES, 2 * self._compacted_size):
                await self._compact()
        return response

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    # What a write led to

    async def _outcome(
        self, action: str, request: Request, response: Response
    ) -> list[tuple[str, Request]]:
        """Unconditional requests that lead to the same state, whatever it was before."""
        match action:
            case "PutItem":
                return [_put(request["TableName"], request["Item"])]
            case "DeleteItem":
                return [_delete(request["TableName"], request["Key"])]
            case "UpdateItem":
                return [await self._current(request["TableName"], request["Key"])]
            case "BatchWriteItem":
                skipped = json.loads(response[2]).get("UnprocessedItems", {})
                return [
                    _put(table, entry["PutRequest"]["Item"])
                    if "PutRequest" in entry
                    else _delete(table, entry["DeleteRequest"]["Key"])
                    for table, entries in request["RequestItems"].items()
                    for entry in entries
                    if entry not in skipped.get(table, [])
                ]
            case "TransactWriteItems":
                return [
                    outcome
                    for entry in request["TransactItems"]
                    for kind, part in entry.items()
                    if kind != "ConditionCheck"
                    for outcome in await self._outcome(f"{kind}Item", part, response)
                ]
            case _:
                return [(action, request)]

    async def _current(self, table: str, key: Request) -> tuple[str, Request]:
        answer = await self._ask(
            "GetItem", {"TableName": table, "Key": key, "ConsistentRead": True}
        )
        return _put(table, answer["Item"]) if "Item" in answer else _delete(table, key)

    def _remember(self, scope: Scope, outcome: Iterable[tuple[str, Request]]) -> None:
        """Keep what defines the tables of now, so that compaction can write it down again."""
        definitions = self._definitions.setdefault(scope, [])
        for action, request in outcome:
            if action == "DeleteTable":
                gone = request["TableName"]
                definitions[:] = [d for d in definitions if d[1].get("TableName") != gone]
            elif action not in {"PutItem", "DeleteItem"}:
                definitions.append((action, request))

    # The file

    def _append(self, line: Any) -> None:
        """Hand one line to the operating system, whole or not at all."""
        data = _encode(line)
        try:
            written = os.write(self._file, data)
            if written != len(data):
                raise OSError(
                    f"only {written} of {len(data)} bytes of the journal could be written"
                )
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)

    async def _replay(self) -> None:
        started = time.monotonic()
        count = 0
        for scope, outcome in self._read():
            with self._emulator.enter(scope):
                for action, request in outcome:
                    if action == "PutItem":
                        self._emulator.restore(request["TableName"], request["Item"])
                    else:
                        await self._ask(action, request)
            self._remember(scope, outcome)
            count += 1
        logger.info("replayed %d lines in %.2f s", count, time.monotonic() - started)

    def _read(self) -> Iterable[tuple[Scope, list[tuple[str, Request]]]]:
        if not self._path.exists():
            return
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    # Killed while it wrote this line: nobody was told that it is kept.
                    logger.warning("dropped the unfinished last line %d", number)
                    return
                try:
                    account, region, outcome = json.loads(line)
                except ValueError as error:
                    raise JournalDamaged(f"{self._path} cannot be read at line {number}") from error
                yield (account, region), [(action, request) for action, request in outcome]

    async def _compact(self) -> None:
        """Write what is there now to a new file and put it in the old one's place, in one step."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            for scope, definitions in self._definitions.items():
                if definitions:
                    file.write(_encode([*scope, definitions]))
                with self._emulator.enter(scope):
                    for table in _tables(definitions):
                        for item in self._emulator.items(table):
                            file.write(_encode([*scope, [_put(table, item)]]))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        self.close()
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        self._size = self._compacted_size = self._path.stat().st_size

    async def _remove_expired(self) -> None:
        """Delete what has expired: it may have been deleted already, and must not come back."""
        now = time.time()
        for scope, definitions in self._definitions.items():
            expiry = {
                request["TableName"]: request["TimeToLiveSpecification"]
                for action, request in definitions
                if action == "UpdateTimeToLive"
            }
            with self._emulator.enter(scope):
                for table, specification in expiry.items():
                    if not specification["Enabled"]:
                        continue
                    key = await self._key_names(table)
                    attribute = specification["AttributeName"]
                    gone = [
                        {name: item[name] for name in key}
                        for item in self._emulator.items(table)
                        if float(item.get(attribute, {}).get("N", "inf")) <= now
                    ]
                    for item_key in gone:
                        await self._ask(*_delete(table, item_key))

    async def _key_names(self, table: str) -> list[str]:
        description = await self._ask("DescribeTable", {"TableName": table})
        return [part["AttributeName"] for part in description["Table"]["KeySchema"]]

    async def _ask(self, action: str, request: Mapping[str, Any]) -> Any:
        """Send a request of our own to the emulator, in the current account and region."""
        headers = {"x-amz-target": TARGET + action}
        status, _, body = await self._emulator.handle(
            "POST", "/", headers, json.dumps(request).encode(), {}
        )
        if status != 200:
            raise JournalDamaged(f"the emulator refused a {action} of the journal: {body!r}")
        return json.loads(body)


def _tables(definitions: Iterable[tuple[str, Request]]) -> list[str]:
    return [request["TableName"] for action, request in definitions if action == "CreateTable"]


def _put(table: str, item: Request) -> tuple[str, Request]:
    return "PutItem", {"TableName": table, "Item": item}


def _delete(table: str, key: Request) -> tuple[str, Request]:
    return "DeleteItem", {"TableName": table, "Key": key}


def _encode(line: Any) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _problem(kind: str, message: str) -> Response:
    body = json.dumps({"__type": kind, "message": message})
    return 400, {"Content-Type": "application/x-amz-json-1.0"}, body
