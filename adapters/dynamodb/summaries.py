"""The summary of each conversation. Whoever has not read what is stored writes nothing."""

from datetime import datetime
from typing import Literal

from adapters.dynamodb import keys
from adapters.dynamodb.table import Table, TransactionRefused
from adapters.dynamodb.values import utc_now
from contracts.ids import ConversationId, MessageId, OrganizationId
from contracts.model import Contract

Author = Literal["model", "operator"]


class SummaryChanged(Exception):
    """Somebody else has written it since it was read, or the conversation was erased."""


class StoredSummary(Contract):
    text: str | None = None
    """None: nothing was said that is worth it, or an operator has removed it."""
    source: Author = "model"
    """Who wrote it last."""
    begins_after: MessageId | None = None
    """Nothing up to this message is to be in it: an operator has removed what was."""
    covers_up_to: MessageId | None = None
    """The newest message that it takes in."""
    changes_seen_up_to: MessageId | None = None
    """Edits and deletions up to this message have had their effect on it."""
    revision: int = 0
    created_at: datetime
    updated_at: datetime


class Summaries:
    def __init__(self, table: Table) -> None:
        self._table = table

    async def get(
        self, organization_id: OrganizationId, conversation_id: ConversationId
    ) -> StoredSummary | None:
        item = await self._table.get(keys.summary(organization_id, conversation_id))
        return StoredSummary.model_validate(item) if item else None

    async def write(
        self,
        organization_id: OrganizationId,
        conversation_id: ConversationId,
        summary: StoredSummary | None,
        *,
        text: str | None,
        source: Author,
        begins_after: MessageId | None,
        covers_up_to: MessageId | None,
        changes_seen_up_to: MessageId | None,
    ) -> StoredSummary:
        """Put this in place of what was read, if it still is what is stored; what is now stored.

        Args:
            summary: that was read; None: there was none.

        Raises:
            SummaryChanged: nothing was written.
        """
        now = utc_now()
        written = StoredSummary(
            text=text,
            source=source,
            begins_after=begins_after,
            covers_up_to=covers_up_to,
            changes_seen_up_to=changes_seen_up_to,
            revision=summary.revision + 1 if summary else 1,
            created_at=summary.created_at if summary else now,
            updated_at=now,
        )
        put = self._table.put_request(
            keys.summary(organization_id, conversation_id),
            written.model_dump(),
            condition="revision = :read" if summary else "attribute_not_exists(pk)",
            condition_values={"read": summary.revision} if summary else None,
        )
        # Of a conversation that was erased meanwhile nothing may come back.
        conversation = self._table.check_request(
            keys.conversation(organization_id, conversation_id), "attribute_exists(pk)"
        )
        try:
            await self._table.transact([{"Put": put}, {"ConditionCheck": conversation}])
        except TransactionRefused as refusal:
            raise SummaryChanged from refusal
        return written
