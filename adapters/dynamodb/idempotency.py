"""Requests that may be sent twice and must count once: who runs one, and what it was answered.

A request is claimed before it runs. Its claim holds a seed, which the ids of all that it creates
are made of, and a lease. When the process dies, the claim outlives its lease, and whoever sends the
request again takes it over with the same seed: what exists already is found, not made twice.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from ulid import ULID

from adapters.dynamodb import keys
from adapters.dynamodb.keys import Key
from adapters.dynamodb.table import ConditionFailed, Table
from contracts.ids import ApiKeyId, OrganizationId
from contracts.model import Contract

KEPT: Final = timedelta(hours=24)
LEASE: Final = timedelta(seconds=60)
"""Far longer than any request runs once its body has been read."""


class RequestKey(Contract):
    """What a client called its request. Another API key's request of that name is another one."""

    organization_id: OrganizationId | None
    """Of the API key; None for the platform's."""
    api_key_id: ApiKeyId
    name: str


class Started(Contract):
    """The request is yours to run."""

    seed: str
    """A ULID: what the request creates gets its ids from it."""
    owner: str
    again: bool
    """Somebody has run it before, and it is not known how far."""


class Finished(Contract):
    """It has been answered."""

    answer: bytes


class InProgress(Contract):
    """Somebody is running it."""


class Reused(Contract):
    """Another request has had this key."""


class IdempotencyRecords:
    def __init__(self, table: Table, *, lease: timedelta = LEASE) -> None:
        """
        Args:
            lease: after it, the process that runs a request counts as dead.
        """
        self._table = table
        self._lease = lease

    async def claim(
        self, request: RequestKey, *, fingerprint: str, now: datetime
    ) -> Started | Finished | InProgress | Reused:
        """Take the request on, unless it is answered or being run. One of many callers gets it.

        Args:
            fingerprint: of all that makes it this request and no other.
        """
        owner = str(ULID())
        values = {
            "fingerprint": fingerprint,
            "seed": str(ULID()),
            "owner": owner,
            "leased_until": self._leased_until(now),
            "expires_at": int((now + KEPT).timestamp()),
        }
        try:
            await self._table.put(
                _key(request),
                values,
                # DynamoDB removes what has expired in its own time.
                condition="attribute_not_exists(pk) OR expires_at <= :now",
                condition_values={"now": int(now.timestamp())},
            )
        except ConditionFailed as refusal:
            return await self._join(request, refusal.item or {}, fingerprint, owner, now)
        return Started(seed=values["seed"], owner=owner, again=False)

    async def _join(
        self,
        request: RequestKey,
        item: dict[str, Any],
        fingerprint: str,
        owner: str,
        now: datetime,
    ) -> Started | Finished | InProgress | Reused:
        if item.get("fingerprint") != fingerprint:
            return Reused()
        if "answer" in item:
            return Finished(answer=item["answer"])
        if item["leased_until"] > _milliseconds(now):
            return InProgress()
        try:
            await self._table.update(
                _key(request),
                "SET #owner = :owner, leased_until = :until",
                {"owner": owner, "until": self._leased_until(now), "before": item["owner"]},
                condition="#owner = :before AND attribute_not_exists(answer)",
                names=_NAMES,
            )
        except ConditionFailed:
            return InProgress()
        return Started(seed=item["seed"], owner=owner, again=True)

    async def finish(self, request: RequestKey, *, owner: str, answer: bytes) -> bool:
        """Keep the answer for whoever sends the request again; False when it was taken over."""
        return await self._while_owned(
            request, "SET answer = :answer REMOVE leased_until", {"answer": answer}, owner=owner
        )

    async def release(self, request: RequestKey, *, owner: str) -> None:
        """Let the request be run again at once, with the same seed: it may have had effects."""
        await self._while_owned(request, "SET leased_until = :ended", {"ended": 0}, owner=owner)

    async def forget(self, request: RequestKey, *, owner: str, now: datetime) -> None:
        """Give the key free for any request: this one had no effect."""
        # What has expired counts as absent, by any process's clock. DynamoDB removes it for good,
        # unless it expired more than five years ago (its developer guide, "Time to Live").
        ended = int((now - KEPT).timestamp())
        await self._while_owned(request, "SET expires_at = :ended", {"ended": ended}, owner=owner)

    async def _while_owned(
        self, request: RequestKey, expression: str, values: dict[str, Any], *, owner: str
    ) -> bool:
        try:
            await self._table.update(
                _key(request),
                expression,
                values | {"owner": owner},
                condition="#owner = :owner",
                names=_NAMES,
            )
        except ConditionFailed:
            return False
        return True

    def _leased_until(self, now: datetime) -> int:
        return _milliseconds(now + self._lease)


_NAMES: Final = {"#owner": "owner"}
"""`owner` is a reserved word of DynamoDB's expressions."""


def _key(request: RequestKey) -> Key:
    return keys.idempotency(request.organization_id, request.api_key_id, request.name)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
