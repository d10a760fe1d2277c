"""The transcript: conversations and their messages, written once and read in order."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, cast

from adapters.dynamodb import bulk, keys
from adapters.dynamodb.inbound import MESSAGES_PER_WRITE, InboundWrite
from adapters.dynamodb.messages import StoredMessage, message_from
from adapters.dynamodb.pages import Page, decode_cursor, encode_cursor
from adapters.dynamodb.quotes import quoted_messages
from adapters.dynamodb.schema import BY_ACTIVITY, BY_STATUS
from adapters.dynamodb.table import ConditionFailed, Table
from adapters.dynamodb.values import Item, Plain, attributes, plain
from contracts.conversation import (
    ChangeStatus,
    ConversationRef,
    ConversationStatus,
    Handoff,
    RecordedInbound,
    RecordInbound,
)
from contracts.ids import ChannelId, ConversationId, MessageId, OrganizationId, PersonId
from contracts.model import Contract
from contracts.quotas import QuotaName

PAGES_PER_FILTER: Final = 10
"""Index pages read for one filtered page before it is handed out short, with its cursor."""


class WrittenInbound(RecordedInbound):
    """What has become of messages that were to be recorded."""

    written: int = 0
    """Of the fresh ones, those written by this very call: over all repetitions of a request each
    message is in it at most once, and not at all if the call that wrote it did not return."""


class StoredConversation(Contract):
    id: ConversationId
    channel_id: ChannelId
    person_id: PersonId
    status: ConversationStatus
    created_at: datetime
    last_message_at: datetime
    last_inbound_at: datetime | None = None
    """When the person wrote last, by Meta's clock: the service window counts from it."""
    inbound_count: int = 0
    outbound_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    limited_by: QuotaName | None = None
    """The quota that the last message was beyond, until `limited_until`."""
    limited_until: datetime | None = None
    handoff: Handoff | None = None
    """A human has it, or it waits for one."""


class Conversations:
    """Writes what people said, reads what was said."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def record_inbound(self, request: RecordInbound) -> WrittenInbound:
        """Write messages into the transcript, each at most once ever; tell which are new to it.

        Repeating a request with the same turn answers the same; a message that it has written
        under another id keeps that one. A message that another turn has had is left out. A
        conversation that a human has taken stays with them.
        """
        first_of = {
            keys.foreign(record.message.whatsapp_message_id): record
            for record in reversed(request.messages)
        }
        unique = list(first_of.values())[::-1]
        fresh: set[MessageId] = set()
        renamed: dict[MessageId, MessageId] = {}
        first_contact = False
        held: Handoff | None = None
        written = 0
        for start in range(0, len(unique), MESSAGES_PER_WRITE):
            batch = unique[start : start + MESSAGES_PER_WRITE]
            write = InboundWrite(
                self._table, request, batch, opening=request.opening and start == 0
            )
            await write.run()
            fresh |= write.fresh
            renamed |= write.renamed
            first_contact |= write.first_contact
            held = held or write.held
            written += write.written
        ids = [renamed.get(each.message_id, each.message_id) for each in request.messages]
        return WrittenInbound(
            fresh=[message_id for message_id in ids if message_id in fresh],
            renamed=renamed,
            first_contact=first_contact,
            held=held,
            written=written,
        )

    async def recent(self, conversation: ConversationRef, *, limit: int) -> list[StoredMessage]:
        """The last messages of a conversation, oldest first, everything written before included."""
        page = await self.messages(
            conversation.organization_id, conversation.conversation_id, limit=limit
        )
        return page.items[::-1]

    async def messages(
        self,
        organization_id: OrganizationId,
        conversation_id: ConversationId,
        *,
        limit: int,
        cursor: str | None = None,
    ) -> Page[StoredMessage]:
        """Messages of a conversation, newest first; none where there is no such conversation.

        Raises:
            InvalidCursor: the cursor is not one of this method's.
        """
        partition = keys.messages(organization_id, conversation_id)
        start = {}
        if cursor is not None:
            (last,) = decode_cursor(cursor, parts=1)
            start = {"ExclusiveStartKey": keys.Key(partition, last).item()}
        response = await self._table.client.query(
            TableName=self._table.name,
            KeyConditionExpression="pk = :partition",
            ExpressionAttributeValues={":partition": {"S": partition}},
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=limit,
            **cast(Any, start),
        )
        items = [plain(item) for item in response["Items"]]
        more = "LastEvaluatedKey" in response and bool(items)
        return Page(
            items=[message_from(item, conversation_id) for item in items],
            next_cursor=encode_cursor(items[-1]["sk"]) if more else None,
        )

    async def message(
        self,
        organization_id: OrganizationId,
        conversation_id: ConversationId,
        message_id: MessageId,
    ) -> StoredMessage | None:
        """One message, when the conversation has it."""
        item = await self._table.get(keys.message(organization_id, conversation_id, message_id))
        return message_from(item, conversation_id) if item else None

    async def after_message(
        self, conversation: ConversationRef, *, after: MessageId | None
    ) -> AsyncIterator[list[StoredMessage]]:
        """Messages after that one (None: all of them), oldest first; no page is empty."""
        partition = keys.messages(conversation.organization_id, conversation.conversation_id)
        async for page in bulk.partition(self._table, partition, after=after or ""):
            yield [message_from(item, conversation.conversation_id) for item in page]

    async def quoted(
        self, conversation: ConversationRef, wamids: Sequence[str]
    ) -> list[StoredMessage]:
        """Messages of the conversation by their ids at Meta's side: see `quotes.py`."""
        return await quoted_messages(self._table, conversation, wamids)

    async def transcript(
        self, organization_id: OrganizationId, conversation_id: ConversationId
    ) -> AsyncIterator[list[StoredMessage]]:
        """All messages of a conversation, oldest first, page by page; no page is empty."""
        partition = keys.messages(organization_id, conversation_id)
        async for page in bulk.partition(self._table, partition):
            yield [message_from(item, conversation_id) for item in page]

    async def get(
        self, organization_id: OrganizationId, conversation_id: ConversationId
    ) -> StoredConversation | None:
        """The conversation, when this organisation has it."""
        item = await self._table.get(keys.conversation(organization_id, conversation_id))
        return _conversation_from(item) if item else None

    async def list(
        self,
        organization_id: OrganizationId,
        *,
        limit: int,
        cursor: str | None = None,
        status: ConversationStatus | None = None,
        channel_id: ChannelId | None = None,
        person_id: PersonId | None = None,
        waiting: bool | None = None,
    ) -> Page[StoredConversation]:
        """Conversations, newest activity first, seconds behind at the most.

        A page that a channel or `waiting` filters may be shorter than `limit` and still have a next
        one.

        Args:
            waiting: only those that wait for a human (or, if false, that do not).

        Raises:
            InvalidCursor: the cursor is not one of this method's.
        """
        if person_id is not None:
            found = await self._of_person(organization_id, person_id)
            wanted = [
                one
                for one in found
                if status in (None, one.status)
                and channel_id in (None, one.channel_id)
                and waiting in (None, one.handoff is not None and one.handoff.operator is None)
            ]
            return Page(items=wanted[:limit], next_cursor=None)
        index = _Index(organization_id, status)
        start = index.start(cursor) if cursor is not None else None
        items: list[Plain] = []
        for _ in range(PAGES_PER_FILTER):
            page, start = await self._index_page(index, start, _Filter(channel_id, waiting), limit)
            items += page
            if start is None or len(items) >= limit:
                break
        if len(items) > limit:
            items = items[:limit]
            start = index.start_after(items[-1])
        return Page(
            items=[_conversation_from(item) for item in items],
            next_cursor=index.cursor(start) if start else None,
        )

    async def limit(self, conversation: ConversationRef, *, by: QuotaName, until: datetime) -> None:
        """Note that messages of it are not answered; the next record takes it back."""
        try:
            await self._table.update(
                keys.conversation(conversation.organization_id, conversation.conversation_id),
                "SET limited_by = :by, limited_until = :until",
                {"by": by, "until": until},
                condition="attribute_exists(pk)",
            )
        except ConditionFailed:
            return  # It was erased meanwhile.

    async def change_status(self, change: ChangeStatus) -> None:
        """Note who has the conversation. Safe to repeat."""
        handoff = change.handoff
        await self._set_status(
            change.conversation,
            change.status,
            {
                "handoff": handoff.model_dump_json() if handoff else None,
                "waiting_since": handoff.since if handoff and handoff.operator is None else None,
            },
        )

    async def close(self, conversation: ConversationRef) -> None:
        """Note that the conversation is over until the person writes again. Safe to repeat."""
        await self._set_status(conversation, "closed", {"handoff": None, "waiting_since": None})

    async def _set_status(
        self, conversation: ConversationRef, status: ConversationStatus, details: Plain
    ) -> None:
        organization_id = conversation.organization_id
        values: Plain = {
            "status": status,
            "status_key": keys.status_index(organization_id, status),
            **{name: value for name, value in details.items() if value is not None},
        }
        absent = [name for name, value in details.items() if value is None]
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
        if absent:
            expression += " REMOVE " + ", ".join(absent)
        try:
            await self._table.update(
                keys.conversation(organization_id, conversation.conversation_id),
                expression,
                values,
                names={f"#{name}": name for name in values},
                condition="attribute_exists(pk)",
            )
        except ConditionFailed:
            return  # Nothing was ever recorded in it, or it was erased.

    async def _of_person(
        self, organization_id: OrganizationId, person_id: PersonId
    ) -> Sequence[StoredConversation]:
        """A person has one conversation with each channel: few, so all of them at once."""
        response = await self._table.client.query(
            TableName=self._table.name,
            KeyConditionExpression="pk = :partition AND begins_with(sk, :kind)",
            ExpressionAttributeValues={
                ":partition": {"S": keys.person(organization_id, person_id).partition},
                ":kind": {"S": "conversation/"},
            },
            Limit=100,
        )
        links = [plain(item) for item in response["Items"]]
        if not links:
            return []
        items = await self._table.get_many(
            [keys.conversation(organization_id, link["conversation_id"]) for link in links]
        )
        found = [_conversation_from(item) for item in items.values()]
        return sorted(found, key=lambda one: one.last_message_at, reverse=True)

    async def _index_page(
        self, index: "_Index", start: Item | None, only: "_Filter", limit: int
    ) -> tuple[Sequence[Plain], Item | None]:
        values: Plain = {"partition": index.partition}
        optional: dict[str, Any] = {}
        conditions = []
        if only.channel_id is not None:
            values["channel"] = only.channel_id
            conditions.append("channel_id = :channel")
        if only.waiting is not None:
            exists = "attribute_exists" if only.waiting else "attribute_not_exists"
            conditions.append(f"{exists}(waiting_since)")
        if conditions:
            optional["FilterExpression"] = " AND ".join(conditions)
        if start is not None:
            optional["ExclusiveStartKey"] = start
        response = await self._table.client.query(
            TableName=self._table.name,
            IndexName=index.name,
            KeyConditionExpression=f"{index.attribute} = :partition",
            ExpressionAttributeValues={f":{k}": v for k, v in attributes(values).items()},
            ScanIndexForward=False,
            Limit=limit,
            **optional,
        )
        last = response.get("LastEvaluatedKey")
        return [plain(item) for item in response["Items"]], cast(Item, last) if last else None


class _Filter(NamedTuple):
    """Which of an index's conversations are wanted."""

    channel_id: ChannelId | None
    waiting: bool | None


class _Index:
    """The index that answers a list, and the places in it that cursors stand for."""

    def __init__(self, organization_id: OrganizationId, status: ConversationStatus | None) -> None:
        self._organization_id = organization_id
        if status is None:
            self.name, self.attribute = BY_ACTIVITY, "activity_key"
            self.partition = keys.activity_index(organization_id)
        else:
            self.name, self.attribute = BY_STATUS, "status_key"
            self.partition = keys.status_index(organization_id, status)

    def start(self, cursor: str) -> Item:
        active_at, conversation_id = decode_cursor(cursor, parts=2)
        return self._key(active_at, conversation_id)

    def start_after(self, item: Plain) -> Item:
        return self._key(item["active_at"], item["conversation_id"])

    def cursor(self, start: Item) -> str:
        position = plain(cast(Mapping[str, Any], start))
        conversation_id = position["pk"].rsplit("/", 1)[-1]
        return encode_cursor(position["active_at"], conversation_id)

    def _key(self, active_at: str, conversation_id: str) -> Item:
        key = keys.conversation(self._organization_id, ConversationId(conversation_id))
        place = attributes({self.attribute: self.partition, "active_at": active_at})
        return {**key.item(), **place}


def _conversation_from(item: Plain) -> StoredConversation:
    handoff = item.get("handoff")
    return StoredConversation.model_validate(
        {
            **item,
            "id": item["conversation_id"],
            "last_message_at": item["active_at"],
            "handoff": Handoff.model_validate_json(handoff) if handoff else None,
        }
    )
