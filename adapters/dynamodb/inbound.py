"""The write of inbound messages: all of it or nothing, and each message at most once ever."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from adapters.dynamodb import keys
from adapters.dynamodb.table import CONFLICT_ATTEMPTS, Table, TransactionRefused
from adapters.dynamodb.usage import usage_attributes
from adapters.dynamodb.values import Plain, timestamp, utc_now
from contracts.conversation import Handoff, InboundRecord, RecordInbound, Referral
from contracts.ids import MessageId
from domain.usage import inbound_message

RECEIVED_KEPT: Final = timedelta(days=35)
"""Meta delivers again for up to 7 days; a month more costs little."""
MAX_TEXT: Final = 16_384
"""Characters kept of a message: four times Meta's longest body. Bounds the transaction too."""
MAX_REFERRAL_FIELD: Final = 1024
"""Characters kept of each field of a referral: its address is the longest."""
MESSAGES_PER_WRITE: Final = 8
"""Up to three items each and the conversation's two. However large Meta lets them be, that is
within a transaction's 4 MB, also of servers that count a character by the length of its escape."""


class InboundWrite:
    """One transaction for a batch of messages, repeated without those that turn out to be known.

    Conditions are checked by the write itself. Only when one does not hold, which is rare, does the
    refusal tell what is stored, and the next attempt takes that into account.
    """

    def __init__(
        self, table: Table, request: RecordInbound, batch: Sequence[InboundRecord], *, opening: bool
    ) -> None:
        self.fresh: set[MessageId] = set()
        """Messages that no other turn has had, written now or by an earlier attempt of this one,
        by the ids that they have in the transcript."""
        self.renamed: dict[MessageId, MessageId] = {}
        """The ids that messages keep from an earlier attempt, by those that this one gave them."""
        self.written = 0
        """How many of them were written now. At most one of all attempts counts a message."""
        self.first_contact = False
        self.held: Handoff | None = None
        """A human has the conversation, although the run that gave it to them is gone."""
        self._table = table
        self._request = request
        self._ref = request.conversation
        self._left = list(batch)
        self._opening = opening
        self._now = utc_now()
        self._conversation_key = keys.conversation(
            self._ref.organization_id, self._ref.conversation_id
        )
        self._stored: Plain | None = None

    async def run(self) -> None:
        for _ in range(CONFLICT_ATTEMPTS):
            if not self._left:
                break
            creating = self._opening and self._stored is None
            try:
                await self._table.transact(self._writes(creating=creating))
            except TransactionRefused as refusal:
                self._learn(refusal.failed)
                continue
            self.fresh |= {record.message_id for record in self._left}
            self.written = len(self._left)
            self.first_contact = creating
            break
        else:
            raise TimeoutError("the conversation kept changing while messages were written")
        if self._opening and not self.first_contact:
            stored = self._stored or await self._table.get(self._conversation_key)
            if stored is not None and stored.get("status") == "human" and "handoff" in stored:
                self.held = Handoff.model_validate_json(stored["handoff"])
            self.first_contact = (
                stored is not None and stored.get("opening_turn_id") == self._request.turn_id
            )

    def _learn(self, failed: dict[int, Plain | None]) -> None:
        """Drop the messages that are known already; remember what the conversation looks like."""
        known = set()
        for position, item in failed.items():
            if position == 0:
                self._stored = item
                continue
            record = self._left[(position - 1) // 2]
            known.add(record.message_id)
            # The same turn wrote it and did not get the answer: it is still that turn's to handle.
            if item and item["turn_id"] == self._request.turn_id:
                kept = MessageId(item["message_id"])
                self.fresh.add(kept)
                if kept != record.message_id:
                    self.renamed[record.message_id] = kept
        self._left = [record for record in self._left if record.message_id not in known]

    def _writes(self, *, creating: bool) -> list[dict[str, Any]]:
        """The conversation's write first, then two for each message, then what needs no look."""
        writes = [{"Update": self._creation() if creating else self._change()}]
        for record in self._left:
            writes += [{"Put": self._received(record)}, {"Put": self._message(record)}]
        if creating:
            key = keys.conversation_of(
                self._ref.organization_id, self._ref.person_id, self._ref.conversation_id
            )
            link = {"conversation_id": self._ref.conversation_id}
            writes.append({"Put": self._table.put_request(key, link)})
        return writes + self._effects()

    def _effects(self) -> list[dict[str, Any]]:
        """What edits and deletions do to other messages, which may be old, or yet to come."""
        effects: dict[keys.Key, Plain] = {}
        for record in self._left:
            message = record.message
            if message.type not in ("edit", "revoke") or not message.refers_to:
                continue
            key = keys.effect(
                self._ref.organization_id, self._ref.conversation_id, message.refers_to
            )
            effect: Plain = (
                {"deleted": True}
                if message.type == "revoke"
                else {"edited": (message.text or "")[:MAX_TEXT]}
            )
            # Two writes of one item are not allowed in a transaction.
            effects.setdefault(key, {}).update(effect)
        return [
            {
                "Update": self._table.update_request(
                    key, "SET " + ", ".join(f"{name} = :{name}" for name in effect), effect
                )
            }
            for key, effect in effects.items()
        ]

    def _received(self, record: InboundRecord) -> dict[str, Any]:
        return self._table.put_request(
            keys.received(
                self._ref.organization_id,
                self._ref.conversation_id,
                record.message.whatsapp_message_id,
            ),
            {
                "turn_id": self._request.turn_id,
                "message_id": record.message_id,
                "expires_at": int((self._now + RECEIVED_KEPT).timestamp()),
            },
            condition="attribute_not_exists(pk)",
        )

    def _message(self, record: InboundRecord) -> dict[str, Any]:
        message = record.message
        return self._table.put_request(
            keys.message(self._ref.organization_id, self._ref.conversation_id, record.message_id),
            {
                "direction": "inbound",
                "sender": "user",
                "type": message.type,
                "text": message.text[:MAX_TEXT] if message.text is not None else None,
                "media": message.media.model_dump_json() if message.media else None,
                "whatsapp_message_id": message.whatsapp_message_id,
                "in_reply_to": message.in_reply_to,
                "refers_to": message.refers_to,
                "choice_id": message.choice_id,
                "forwarded": message.forwarded or None,
                "referral": _referral(message.referral) if message.referral else None,
                "details": json.dumps(message.details, ensure_ascii=False)
                if message.details
                else None,
                "sent_at": message.sent_at,
                "created_at": self._now,
                "turn_id": self._request.turn_id,
                **usage_attributes(
                    inbound_message(self._ref.channel_id, message.type),
                    organization_id=self._ref.organization_id,
                    at=self._now,
                ),
            },
        )

    def _creation(self) -> dict[str, Any]:
        return self._update(
            {
                **self._about(),
                **self._status("bot"),
                "opening_turn_id": self._request.turn_id,
                "created_at": self._now,
                "last_inbound_at": self._newest(),
            },
            conditions=["attribute_not_exists(pk)"],
        )

    def _change(self) -> dict[str, Any]:
        stored = self._stored or {}
        values = self._about()
        defaults: Plain = {"created_at": self._now, "opening_turn_id": self._request.turn_id}
        conditions = []
        if not self._opening:
            defaults |= self._status("bot")
        elif stored.get("status") == "human":
            conditions.append("#status = :human")
        else:
            values |= self._status("bot")
            conditions.append("#status <> :human")
        # A message that was delivered late must not turn the service window back.
        if stored.get("last_inbound_at", "") <= timestamp(self._newest()):
            values["last_inbound_at"] = self._newest()
            conditions.append(
                "(attribute_not_exists(last_inbound_at) OR last_inbound_at <= :last_inbound_at)"
            )
        return self._update(values, defaults=defaults, conditions=conditions)

    def _about(self) -> Plain:
        return {
            "conversation_id": self._ref.conversation_id,
            "channel_id": self._ref.channel_id,
            "person_id": self._ref.person_id,
            "activity_key": keys.activity_index(self._ref.organization_id),
            "active_at": self._now,
        }

    def _status(self, status: str) -> Plain:
        return {
            "status": status,
            "status_key": keys.status_index(self._ref.organization_id, status),
        }

    def _newest(self) -> datetime:
        return max(record.message.sent_at for record in self._left)

    def _update(
        self, values: Plain, *, conditions: list[str], defaults: Plain | None = None
    ) -> dict[str, Any]:
        defaults = defaults or {}
        condition = " AND ".join(conditions)
        used: Plain = {**values, **defaults, "messages": len(self._left)}
        if ":human" in condition:
            used["human"] = "human"
        expression = ", ".join(
            [f"#{name} = :{name}" for name in values]
            + [f"#{name} = if_not_exists(#{name}, :{name})" for name in defaults]
        )
        names = {f"#{name}": name for name in (*values, *defaults)}
        if "#status" in condition:
            names["#status"] = "status"
        return self._table.update_request(
            self._conversation_key,
            # Whether a limit is still reached is found out after this, and only then written.
            f"SET {expression} REMOVE limited_by, limited_until ADD inbound_count :messages",
            used,
            condition=condition or None,
            names=names,
        )


def _referral(referral: Referral) -> str:
    fields = referral.model_dump(exclude_none=True)
    kept = {name: value[:MAX_REFERRAL_FIELD] for name, value in fields.items()}
    return _json(kept)


def _json(value: Mapping[str, Any]) -> str:
    """Of its characters, not of escapes, which take up to three times as many bytes."""
    return json.dumps(value, ensure_ascii=False)
