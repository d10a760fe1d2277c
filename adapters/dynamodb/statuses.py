"""What Meta tells about messages that were sent: facts that are only ever added.

A status is one fact on the message, "delivered, at this time", whatever came before it. What the
message's status is follows from all its facts (`messages.status_of`), so late, repeated and
reordered webhooks all end in the same state, and each costs one write.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from adapters.dynamodb import keys
from adapters.dynamodb.keys import Key
from adapters.dynamodb.messages import (
    DELIVERY_STATUSES,
    DeliveryStatus,
    MessageStatus,
    fact_of,
    status_of,
)
from adapters.dynamodb.table import ConditionFailed, Table
from adapters.dynamodb.uncertain import UNLISTED
from adapters.dynamodb.values import Plain, utc_now
from contracts.ids import ConversationId, MessageId, OrganizationId
from contracts.model import Contract
from domain.outbound import read_callback_data

PARKED_KEPT: Final = timedelta(days=8)
"""Of a status whose message is not known: Meta delivers webhooks for up to 7 days."""
MAX_ERROR_DETAIL: Final = 1_000


class StatusUpdate(Contract):
    """One status of one message, from a webhook."""

    whatsapp_message_id: str
    status: DeliveryStatus
    timestamp: datetime
    callback_data: str | None = None
    """`<conversation id>.<message id>`, as `callback_data` makes it."""
    error_code: int | None = None
    error_detail: str | None = None


class AppliedStatus(Contract):
    conversation_id: ConversationId | None = None
    """`None`: no message of ours is known by this wamid, yet; the status is kept for it."""
    message_id: MessageId | None = None
    changed: bool = False
    """The message's status is another one now."""
    news: bool = False
    """That status is due to this update: to this delivery of it, or to an earlier one, which may
    have been cut off before anybody was told."""
    decisive: bool = False
    """Who sends in this conversation should know: a failure, or an uncertain send that arrived."""
    failed_at: datetime | None = None
    """Meta's time, when this update made the message `failed`: `send_failures` acts on it."""
    error_code: int | None = None
    """Meta's, of that failure."""


class Statuses:
    def __init__(self, table: Table) -> None:
        self._table = table

    async def apply(self, organization_id: OrganizationId, update: StatusUpdate) -> AppliedStatus:
        """Add what a status webhook tells. Order and repetition make no difference to the end.

        Costs one write when the message comes with its callback data, two when not.
        """
        target = _target(update.callback_data)
        if target is not None:
            applied = await self._apply_to(organization_id, target, update)
            if applied is not None:
                return applied
        target = await self._park(organization_id, update)
        if target is None:
            return AppliedStatus()
        return await self._apply_to(organization_id, target, update) or AppliedStatus()

    async def _apply_to(
        self,
        organization_id: OrganizationId,
        target: tuple[ConversationId, MessageId],
        update: StatusUpdate,
    ) -> AppliedStatus | None:
        """`None` when there is no such message, or it is not known yet whether the wamid is its."""
        conversation_id, message_id = target
        key = keys.message(organization_id, conversation_id, message_id)
        try:
            before = await add_facts(self._table, key, [update])
        except ConditionFailed as failure:
            if failure.item is None or "whatsapp_message_id" not in failure.item:
                return None
            return AppliedStatus(conversation_id=conversation_id, message_id=message_id)
        after = {**before, **_facts([update])}
        changed = status_of(after) != status_of(before)
        failed = changed and status_of(after) == "failed"
        repeated = fact_of(update.status) in before
        return AppliedStatus(
            conversation_id=conversation_id,
            message_id=message_id,
            changed=changed,
            news=changed or (repeated and status_of(after) == _message_status(update.status)),
            decisive=failed or "whatsapp_message_id" not in before,
            failed_at=update.timestamp if failed else None,
            error_code=update.error_code if failed else None,
        )

    async def _park(
        self, organization_id: OrganizationId, update: StatusUpdate
    ) -> tuple[ConversationId, MessageId] | None:
        """Keep the status for the message that will claim this wamid, or tell which one has."""
        parked = {
            "timestamp": int(update.timestamp.timestamp()),
            "error_code": update.error_code,
            "error_detail": _short(update.error_detail),
        }
        name = f"parked_{update.status}"
        try:
            await self._table.update(
                keys.outbound(organization_id, update.whatsapp_message_id),
                f"SET {name} = if_not_exists({name}, :parked), expires_at = :expires_at",
                {
                    "parked": parked,
                    "expires_at": int((utc_now() + PARKED_KEPT).timestamp()),
                },
                condition="attribute_not_exists(message_id)",
            )
        except ConditionFailed as failure:
            if failure.item is None:
                return None
            return failure.item["conversation_id"], failure.item["message_id"]
        return None


async def add_facts(table: Table, key: Key, updates: Sequence[StatusUpdate]) -> Plain:
    """Add statuses of one wamid to its message, in one write; the message as it was before.

    Raises:
        ConditionFailed: there is no such outbound message (`item` is `None`), or it was sent again
            under another wamid, known or not yet: the failure is that of one attempt.
    """
    facts = _facts(updates)
    sets = ", ".join(f"{name} = if_not_exists({name}, :{name})" for name in facts)
    condition = "attribute_exists(pk) AND direction = :outbound"
    if any(update.status == "failed" for update in updates):
        condition += (
            " AND (whatsapp_message_id = :whatsapp_message_id OR"
            " (attribute_not_exists(whatsapp_message_id) AND attribute_not_exists(resent_at)))"
        )
    return await table.update(
        key,
        f"SET {sets} {UNLISTED}",
        {**facts, "outbound": "outbound"},
        condition=condition,
        returning="ALL_OLD",
    )


def parked_updates(pointer: Plain, whatsapp_message_id: str) -> list[StatusUpdate]:
    """The statuses that came before anybody knew whose message the wamid is."""
    return [
        StatusUpdate(
            whatsapp_message_id=whatsapp_message_id,
            status=status,
            timestamp=datetime.fromtimestamp(parked["timestamp"], UTC),
            error_code=parked.get("error_code"),
            error_detail=parked.get("error_detail"),
        )
        for status in DELIVERY_STATUSES
        if (parked := pointer.get(f"parked_{status}")) is not None
    ]


def _facts(updates: Sequence[StatusUpdate]) -> Plain:
    facts: Plain = {}
    for update in updates:
        facts["whatsapp_message_id"] = update.whatsapp_message_id
        facts[fact_of(update.status)] = int(update.timestamp.timestamp())
        if update.status == "failed":
            if update.error_code is not None:
                facts["error_code"] = update.error_code
            if update.error_detail is not None:
                facts["error_detail"] = _short(update.error_detail)
    return facts


def _message_status(status: DeliveryStatus) -> MessageStatus:
    """What a message's status is by this fact alone."""
    return "read" if status == "played" else status


def _short(detail: str | None) -> str | None:
    return detail[:MAX_ERROR_DETAIL] if detail is not None else None


def _target(data: str | None) -> tuple[ConversationId, MessageId] | None:
    """The message that callback data names; `None` for data that is not ours or fits no key."""
    target = read_callback_data(data)
    return target if target and len(target[1]) <= keys.MAX_FOREIGN_BYTES else None
