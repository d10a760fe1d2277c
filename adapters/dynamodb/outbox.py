"""Messages on their way out: at most one of us may ask Meta to send each, and what came of it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from cachetools import LRUCache
from ulid import ULID

from adapters.dynamodb import keys
from adapters.dynamodb.drafts import Draft, DraftPart
from adapters.dynamodb.inbound import MAX_TEXT
from adapters.dynamodb.messages import (
    CITATIONS,
    Citation,
    MessageError,
    MessageStatus,
    Sender,
    error_of,
    fact_of,
    status_of,
)
from adapters.dynamodb.statuses import MAX_ERROR_DETAIL, add_facts, parked_updates
from adapters.dynamodb.table import ConditionFailed, Table
from adapters.dynamodb.uncertain import LISTED, UNLISTED, listing
from adapters.dynamodb.usage import usage_attributes
from adapters.dynamodb.values import Plain, timestamp, utc_now
from contracts.conversation import ConversationRef, Operator, Turn
from contracts.ids import MessageId
from contracts.model import Contract
from contracts.outbound import OutboundContent
from domain.outbound import message_type_of
from domain.usage import generation, outbound_message

__all__ = ["Claim", "Draft", "DraftPart", "OutboundState", "Outbox"]

DRAFT_KEPT: Final = timedelta(days=8)
REMEMBERED_DRAFTS: Final = 500
POINTER_KEPT: Final = timedelta(days=40)
"""Meta tries to deliver a message for 30 days; a status may come 7 days later."""


class Claim(Contract):
    """Whether the caller may ask Meta to send the message, now and only once."""

    state: Literal["claimed", "already_sent", "ambiguous", "failed"]
    """`ambiguous`: an earlier attempt asked Meta, and nobody knows yet what became of it."""
    whatsapp_message_id: str | None = None
    error: MessageError | None = None


class OutboundState(Contract):
    """What is known of an outbound message."""

    status: MessageStatus
    send_state: Literal["requested", "released", "sent", "uncertain", "failed"]
    """What the sender did last; `status` also takes in what Meta told by webhook."""
    whatsapp_message_id: str | None = None
    resent: bool = False
    error: MessageError | None = None


class Outbox:
    def __init__(self, table: Table) -> None:
        self._table = table
        self._drafts: LRUCache[str, Draft] = LRUCache(REMEMBERED_DRAFTS)

    async def save_draft(self, turn: Turn, draft: Draft) -> str:
        """Keep a reply for 8 days, beside those that other generations of the turn have left.

        Each generation's tokens count, whether or not its reply is sent.

        Returns:
            The draft's id, under which it is sent.
        """
        draft_id, now = str(ULID()), utc_now()
        await self._table.put(
            _draft_key(turn, draft_id),
            {
                "draft": draft.model_dump_json(),
                "expires_at": int((now + DRAFT_KEPT).timestamp()),
                **_generation_used(turn.conversation, draft, now),
            },
        )
        self._drafts[draft_id] = draft
        return draft_id

    async def draft(self, turn: Turn, draft_id: str) -> Draft | None:
        """The draft; from memory where this process wrote it, for it never changes."""
        if (known := self._drafts.get(draft_id)) is not None:
            return known
        item = await self._table.get(_draft_key(turn, draft_id))
        return Draft.model_validate_json(item["draft"]) if item else None

    async def claim(
        self,
        turn: Turn,
        *,
        message_id: MessageId,
        part: int,
        text: str,
        citations: Sequence[Citation] = (),
        sender: Sender = "assistant",
        operator: Operator | None = None,
        content: OutboundContent | None = None,
        in_reply_to: str | None = None,
        model: str | None = None,
        input_tokens: int = 0,
        cached_tokens: int = 0,
        output_tokens: int = 0,
    ) -> Claim:
        """Write the message as `pending` and get the right to send it, if nobody had it before.

        One round trip. Tokens are those of the whole reply: give them to one part only.

        Args:
            content: what goes out, where it is more than the text.
            in_reply_to: `whatsapp_message_id` of the message that it quotes.
        """
        # Tells our own write from another's when the SDK repeats it after a lost answer.
        token = str(ULID())
        values: Plain = {
            **_said(text, sender=sender, operator=operator, content=content, quoted=in_reply_to),
            "citations": CITATIONS.dump_json(tuple(citations)).decode() if citations else None,
            "turn_id": turn.turn_id,
            "part": part,
            "model": model,
            "input_tokens": input_tokens or None,
            "cached_tokens": cached_tokens or None,
            "output_tokens": output_tokens or None,
            "send_state": "requested",
            "claim": token,
        }
        values = {name: value for name, value in values.items() if value is not None}
        now = utc_now()
        # Another attempt, in a later quarter of an hour, is still the same message.
        once = {
            "created_at": now,
            **usage_attributes(
                outbound_message(turn.conversation.channel_id, _type_of(content)),
                organization_id=turn.conversation.organization_id,
                at=now,
            ),
        }
        sets = ", ".join(
            [f"#{name} = :{name}" for name in values]
            + [f"{name} = if_not_exists({name}, :{name})" for name in once]
        )
        try:
            await self._table.update(
                self._key(turn.conversation, message_id),
                f"SET {sets} ADD attempts :one",
                {**values, **once, "one": 1, "released": "released"},
                names={f"#{name}": name for name in values},
                condition="attribute_not_exists(pk) OR "
                "(send_state = :released AND attribute_not_exists(whatsapp_message_id))",
            )
        except ConditionFailed as failure:
            return _refused_claim(failure.item, token)
        return Claim(state="claimed")

    async def enqueue(
        self, turn: Turn, *, message_id: MessageId, draft: Draft, part: int = 0
    ) -> None:
        """Show a message that will be sent as `pending`, before anybody claims it; `claim` then
        succeeds on it. Safe to repeat, and without effect on one that was claimed already.

        Usage counts it when it is claimed: what is never handed to Meta is not counted.
        """
        message = draft.parts[part]
        try:
            await self._table.put(
                self._key(turn.conversation, message_id),
                {
                    **_said(
                        message.text,
                        sender=draft.sender,
                        operator=draft.operator,
                        content=message.content,
                        quoted=message.reply_to,
                    ),
                    "turn_id": turn.turn_id,
                    "part": part,
                    "send_state": "released",
                    "created_at": utc_now(),
                },
                condition="attribute_not_exists(pk)",
            )
        except ConditionFailed:
            return  # Enqueued by an earlier attempt, or already on its way.

    async def mark_sent(
        self,
        conversation: ConversationRef,
        *,
        message_id: MessageId,
        whatsapp_message_id: str,
        input_tokens: int = 0,
        output_tokens: int = 0,
    ) -> None:
        """Note that Meta accepted the message, and take in statuses that were faster than this.

        Three writes side by side: one round trip, as a rule. The conversation adds the tokens up.

        Raises:
            ConditionFailed: the message was never claimed.
        """
        now = utc_now()
        key = self._key(conversation, message_id)
        pointer, _, _ = await asyncio.gather(
            self._table.update(
                keys.outbound(conversation.organization_id, whatsapp_message_id),
                "SET conversation_id = :conversation, message_id = :message, expires_at = :expires",
                {
                    "conversation": conversation.conversation_id,
                    "message": message_id,
                    "expires": int((now + POINTER_KEPT).timestamp()),
                },
                returning="ALL_OLD",
            ),
            self._table.update(
                key,
                "SET whatsapp_message_id = if_not_exists(whatsapp_message_id, :wamid),"
                " sent_at = if_not_exists(sent_at, :now), send_state = :sent,"
                # One that was sent twice has two pointers, which an erasure has to find.
                " pointed_at_by = list_append(if_not_exists(pointed_at_by, :none), :wamids)"
                f" {UNLISTED}",
                {
                    "wamid": whatsapp_message_id,
                    "now": now,
                    "sent": "sent",
                    "wamids": [whatsapp_message_id],
                    "none": [],
                },
                condition="attribute_exists(pk)",
            ),
            self._touch(conversation, timestamp(now), input_tokens, output_tokens),
        )
        early = parked_updates(pointer, whatsapp_message_id)
        if early:
            await add_facts(self._table, key, early)

    async def release(self, conversation: ConversationRef, *, message_id: MessageId) -> None:
        """Give the right to send back after a rejection that is worth another try."""
        await self._settle(
            conversation, message_id, "SET send_state = :released", released="released"
        )

    async def release_resend(self, conversation: ConversationRef, *, message_id: MessageId) -> None:
        """Give the right to send once more back, unused: the message is uncertain as before."""
        try:
            await self._table.update(
                self._key(conversation, message_id),
                f"SET send_state = :uncertain, {LISTED} REMOVE resent_at",
                {
                    "uncertain": "uncertain",
                    "requested": "requested",
                    **listing(conversation.organization_id, since=utc_now()),
                },
                condition="send_state = :requested AND attribute_exists(resent_at)"
                " AND attribute_not_exists(whatsapp_message_id)",
            )
        except ConditionFailed:
            return  # A webhook told what became of it.

    async def withdraw(self, conversation: ConversationRef, *, message_id: MessageId) -> None:
        """Give a message up that Meta has not got: it waited to be tried again. Safe to repeat."""
        failed = fact_of("failed")
        try:
            await self._table.update(
                self._key(conversation, message_id),
                f"SET send_state = :failed, {failed} = :now, error_detail = :detail",
                {
                    "failed": "failed",
                    "released": "released",
                    "now": int(utc_now().timestamp()),
                    "detail": "A human took the conversation over before it was sent.",
                },
                condition="send_state = :released AND attribute_not_exists(whatsapp_message_id)",
            )
        except ConditionFailed:
            return  # It was never claimed, or Meta may have it.

    async def mark_uncertain(
        self, conversation: ConversationRef, *, message_id: MessageId
    ) -> OutboundState:
        """Note that nobody knows whether Meta took the message; unless a webhook told by now.

        Raises:
            LookupError: the message was never claimed.
        """
        await self._settle(
            conversation,
            message_id,
            f"SET send_state = :uncertain, {LISTED}",
            uncertain="uncertain",
            **listing(conversation.organization_id, since=utc_now()),
        )
        state = await self.state(conversation, message_id=message_id)
        if state is None:
            raise LookupError("the message was never claimed")
        return state

    async def mark_failed(
        self,
        conversation: ConversationRef,
        *,
        message_id: MessageId,
        code: int | None,
        detail: str | None,
    ) -> None:
        """Note that Meta refused the message for good.

        Raises:
            ConditionFailed: the message was never claimed.
        """
        failed = fact_of("failed")
        values: Plain = {
            failed: int(utc_now().timestamp()),
            "error_code": code,
            "error_detail": detail[:MAX_ERROR_DETAIL] if detail is not None else None,
        }
        values = {name: value for name, value in values.items() if value is not None}
        sets = ", ".join(f"{name} = if_not_exists({name}, :{name})" for name in values)
        await self._table.update(
            self._key(conversation, message_id),
            f"SET {sets}, send_state = :state {UNLISTED}",
            {**values, "state": "failed"},
            condition="attribute_exists(pk)",
        )

    async def reclaim_uncertain(
        self, conversation: ConversationRef, *, message_id: MessageId
    ) -> Claim:
        """Get the right to send an uncertain message once more: once in its life."""
        token = str(ULID())
        try:
            await self._table.update(
                self._key(conversation, message_id),
                f"SET send_state = :requested, resent_at = :now, claim = :claim {UNLISTED}"
                " ADD attempts :one",
                {
                    "requested": "requested",
                    "uncertain": "uncertain",
                    "now": utc_now(),
                    "claim": token,
                    "one": 1,
                },
                condition="send_state = :uncertain AND attribute_not_exists(resent_at)"
                " AND attribute_not_exists(whatsapp_message_id)",
            )
        except ConditionFailed as failure:
            return _refused_claim(failure.item, token)
        return Claim(state="claimed")

    async def state(
        self, conversation: ConversationRef, *, message_id: MessageId
    ) -> OutboundState | None:
        """What is known of the message; `None` when it was never claimed."""
        item = await self._table.get(self._key(conversation, message_id))
        if item is None or "send_state" not in item:
            return None
        return OutboundState(
            status=status_of(item),
            send_state=item["send_state"],
            whatsapp_message_id=item.get("whatsapp_message_id"),
            resent="resent_at" in item,
            error=error_of(item) if status_of(item) == "failed" else None,
        )

    async def _settle(
        self,
        conversation: ConversationRef,
        message_id: MessageId,
        expression: str,
        **values: Any,
    ) -> None:
        try:
            await self._table.update(
                self._key(conversation, message_id),
                expression,
                {**values, "requested": "requested"},
                condition="send_state = :requested AND attribute_not_exists(whatsapp_message_id)",
            )
        except ConditionFailed:
            return  # A webhook told what became of it, or an earlier attempt noted the same.

    async def _touch(
        self, conversation: ConversationRef, now: str, input_tokens: int, output_tokens: int
    ) -> None:
        try:
            await self._table.update(
                keys.conversation(conversation.organization_id, conversation.conversation_id),
                "SET active_at = :now ADD outbound_count :one, input_tokens :input,"
                " output_tokens :output",
                {"now": now, "one": 1, "input": input_tokens, "output": output_tokens},
                condition="attribute_exists(pk)",
            )
        except ConditionFailed:
            return  # The conversation was erased while its answer was on the way.

    @staticmethod
    def _key(conversation: ConversationRef, message_id: MessageId) -> keys.Key:
        return keys.message(conversation.organization_id, conversation.conversation_id, message_id)


def _said(
    text: str,
    *,
    sender: Sender,
    operator: Operator | None,
    content: OutboundContent | None,
    quoted: str | None,
) -> Plain:
    """What a message says and who says it."""
    return {
        "direction": "outbound",
        "sender": sender,
        "operator": operator.model_dump_json() if operator else None,
        "type": _type_of(content),
        "text": text[:MAX_TEXT],
        "content": content.model_dump_json() if content else None,
        "in_reply_to": quoted,
    }


def _type_of(content: OutboundContent | None) -> str:
    return "text" if content is None else message_type_of(content)


def _draft_key(turn: Turn, draft_id: str) -> keys.Key:
    conversation = turn.conversation
    return keys.draft(conversation.organization_id, conversation.conversation_id, draft_id)


def _generation_used(conversation: ConversationRef, draft: Draft, now: datetime) -> Plain:
    if draft.model is None:
        return {}
    return usage_attributes(
        generation(
            conversation.channel_id,
            draft.model,
            input_tokens=draft.input_tokens,
            cached_tokens=draft.cached_tokens,
            output_tokens=draft.output_tokens,
        ),
        organization_id=conversation.organization_id,
        at=now,
    )


def _refused_claim(item: Plain | None, token: str) -> Claim:
    if item is None:
        raise LookupError("the message was never claimed")
    if item.get("claim") == token:
        return Claim(state="claimed")
    if status_of(item) == "failed":
        return Claim(state="failed", error=error_of(item))
    wamid = item.get("whatsapp_message_id")
    return Claim(state="already_sent" if wamid else "ambiguous", whatsapp_message_id=wamid)
