"""When an organisation may use the embedding quota that all share, over all processes.

The quota at the provider is so many tokens a minute (OpenAI's "Rate limits" guide). An organisation
may take a share of it. It has a line: a shared item says until when its share is used up, and
whoever wants to embed moves that on by what it will use. The place in that line is written down,
so whoever comes back finds it, and thousands of batches ask twice each, not again and again.

The whole quota has a line of its own, in which no places are given: otherwise the backlog of one
organisation would stand before the others.
"""

import random
import time
from collections.abc import Callable
from math import ceil
from typing import Final

from adapters.dynamodb import keys
from adapters.dynamodb.keys import Key
from adapters.dynamodb.table import ConditionFailed, Table
from contracts.ids import DocumentId, OrganizationId

LONGEST_LINE_SECONDS: Final = 6 * 3600
"""No places are given beyond; it is asked for one again then."""
ASK_AGAIN_SECONDS: Final = 600
KEPT_SECONDS: Final = 3600
_MILLISECONDS: Final = 1000
_SECONDS_OF_A_MINUTE: Final = 60


class EmbeddingBudget:
    def __init__(
        self,
        table: Table,
        *,
        tokens_per_minute: int | None,
        share: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            tokens_per_minute: the platform's quota at the provider; `None`: there is no limit.
            share: of it that one organisation may take, over 0 and at most 1.
        """
        self._table = table
        self._tokens_per_minute = tokens_per_minute
        self._share = share
        self._clock = clock

    async def turn(
        self,
        organization_id: OrganizationId,
        *,
        document_id: DocumentId,
        version: int,
        start: int,
        tokens: int,
    ) -> float | None:
        """Take that many tokens, now.

        Args:
            document_id: with version and start, whose place in the line it is.

        Returns:
            `None`: they are taken. Otherwise nothing is, and it is worth coming back at this moment
            (epoch seconds).
        """
        if self._tokens_per_minute is None:
            return None
        place = keys.embedding_turn(organization_id, document_id, version=version, start=start)
        known = await self._table.get(place)
        due = await self._join(organization_id, tokens) if known is None else int(known["due"])
        if due is None:
            return self._clock() + ASK_AGAIN_SECONDS
        come_back: float | None = due / _MILLISECONDS
        if due <= self._now():
            come_back = await self._take(tokens)
        if known is None and come_back is not None:
            expires = due // _MILLISECONDS + KEPT_SECONDS
            await self._table.put(place, {"due": due, "expires_at": expires})
        elif known is not None and come_back is None:
            await self._table.delete(place)
        return come_back

    def _now(self) -> int:
        return int(self._clock() * _MILLISECONDS)

    def _span(self, tokens: int, share: float) -> int:
        """Milliseconds for which so many tokens use the share up."""
        per_minute = (self._tokens_per_minute or 0) * share
        return ceil(tokens * _SECONDS_OF_A_MINUTE * _MILLISECONDS / per_minute)

    async def _join(self, organization_id: OrganizationId, tokens: int) -> int | None:
        """From when on (epoch milliseconds) the tokens are ours; None when the line is too long."""
        key, span = keys.embedding_line(organization_id), self._span(tokens, self._share)
        while True:
            if (taken := await self._take_free(key, span)) is not None:
                return taken
            latest = self._now() + LONGEST_LINE_SECONDS * _MILLISECONDS
            try:
                before = await self._table.update(
                    key,
                    "SET free_at = free_at + :span, expires_at = :expires",
                    {
                        "span": span,
                        "expires": latest // _MILLISECONDS + KEPT_SECONDS,
                        "now": self._now(),
                        "latest": latest,
                    },
                    condition="free_at > :now AND free_at <= :latest",
                    returning="UPDATED_OLD",
                )
            except ConditionFailed as failure:
                if failure.item is not None and int(failure.item["free_at"]) > latest:
                    return None
                continue  # time, or somebody else, has moved it on
            return int(before["free_at"])

    async def _take(self, tokens: int) -> float | None:
        """Take them from the whole quota; otherwise when that is free again, give or take."""
        key, span = keys.embedding_line(None), self._span(tokens, 1)
        if await self._take_free(key, span) is not None:
            return None
        item = await self._table.get(key)
        free_at = self._now() if item is None else int(item["free_at"])
        # Not all at the same moment.
        waiting = random.uniform(0, 2 * span)  # noqa: S311 - no secret
        return (free_at + waiting) / _MILLISECONDS

    async def _take_free(self, key: Key, span: int) -> int | None:
        now = self._now()
        try:
            await self._table.update(
                key,
                "SET free_at = :then, expires_at = :expires",
                {
                    "then": now + span,
                    "expires": (now + span) // _MILLISECONDS + KEPT_SECONDS,
                    "now": now,
                },
                condition="attribute_not_exists(pk) OR free_at <= :now",
            )
        except ConditionFailed:
            return None
        return now
