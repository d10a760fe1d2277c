"""Messages of every chat, both ways, and the status changes that are still to come."""

import json
import sqlite3
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from local.simulator.storage.database import Database
from local.simulator.wire import JsonObject, dump

Direction = Literal["inbound", "outbound"]
"""As the business sees it: `inbound` is written by the person."""

RANK = {"accepted": 0, "sent": 1, "delivered": 2, "read": 3, "played": 4}


class Extra(BaseModel):
    """What belongs to a message beside its content."""

    model_config = ConfigDict(frozen=True)

    siblings: JsonObject = Field(default_factory=dict)
    """Keys that stand beside the type's object in the webhook: `referral`, `errors`, `group_id`."""
    rendered: JsonObject | None = None
    """A template as the person sees it: header, body, footer and buttons filled in."""
    from_app: bool = False
    """Typed by the business in its app: no send, so no status tells of it."""


class Message(BaseModel):
    """One message. `content` is the object under its type's key, as it is on the wire."""

    model_config = ConfigDict(frozen=True)

    seq: int = 0
    id: str
    person_id: str | None
    phone_number_id: str
    direction: Direction
    type: str
    content: Any
    context: JsonObject | None = None
    status: str
    at: float
    recipient: str | None = None
    """What the business addressed it to, as it wrote it."""
    callback_data: str | None = None
    error: JsonObject | None = None
    faults: dict[str, JsonObject] = Field(default_factory=dict)
    """Fault rules that govern the statuses of this message, by effect."""
    extra: Extra = Field(default_factory=Extra)


class StatusChange(BaseModel):
    """A status that an outbound message will take on at `due_at`."""

    model_config = ConfigDict(frozen=True)

    id: int = 0
    message_id: str
    status: str
    due_at: float
    error: JsonObject | None = None
    copies: int = 1
    """How many webhooks tell of it: none when a fault drops it, two when one duplicates it."""


class Messages:
    """The transcript store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, message: Message) -> Message:
        cursor = self._database.execute(
            "INSERT INTO messages (id, person_id, phone_number_id, direction, type, content,"
            " context, status, at, recipient, callback_data, error, faults, extra)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            message.id,
            message.person_id,
            message.phone_number_id,
            message.direction,
            message.type,
            dump(message.content),
            _dump_or_none(message.context),
            message.status,
            message.at,
            message.recipient,
            message.callback_data,
            _dump_or_none(message.error),
            dump(message.faults),
            dump(message.extra.model_dump()),
        )
        return message.model_copy(update={"seq": cursor.lastrowid or 0})

    def replace_content(self, message_id: str, content: object) -> Message | None:
        """Change what is shown of a message, such as a call that has ended."""
        self._database.execute(
            "UPDATE messages SET content = ? WHERE id = ?", dump(content), message_id
        )
        return self.get(message_id)

    def get(self, message_id: str) -> Message | None:
        row = self._database.row("SELECT * FROM messages WHERE id = ?", message_id)
        return None if row is None else _message(row)

    def chat(
        self, *, person_id: str, phone_number_id: str, before: int | None, limit: int
    ) -> list[Message]:
        """The newest `limit` messages with a `seq` below `before`, oldest first."""
        rows = self._database.rows(
            "SELECT * FROM messages WHERE person_id = ? AND phone_number_id = ?"
            " AND (? IS NULL OR seq < ?) ORDER BY seq DESC LIMIT ?",
            person_id,
            phone_number_id,
            before,
            before,
            limit,
        )
        return [_message(row) for row in reversed(rows)]

    def newest_inbound_at(self, *, person_id: str, phone_number_id: str) -> float | None:
        row = self._database.row(
            "SELECT max(at) AS at FROM messages WHERE person_id = ? AND phone_number_id = ?"
            " AND direction = 'inbound'",
            person_id,
            phone_number_id,
        )
        return None if row is None else row["at"]

    def latest_by_chat(self) -> list[tuple[Message, int]]:
        """The newest message of every chat that has one, and how many the person has not read."""
        rows = self._database.rows(
            "SELECT m.*, u.unread FROM messages m JOIN ("
            "  SELECT max(seq) AS seq, sum(direction = 'outbound' AND type != 'reaction'"
            "    AND status IN ('accepted', 'sent', 'delivered')) AS unread"
            "  FROM messages WHERE person_id IS NOT NULL GROUP BY person_id, phone_number_id"
            ") u ON u.seq = m.seq"
        )
        return [(_message(row), int(row["unread"])) for row in rows]

    def newest_inbound_by_chat(self) -> dict[tuple[str, str], float]:
        """When the person last wrote, by person and number."""
        rows = self._database.rows(
            "SELECT person_id, phone_number_id, max(at) AS at FROM messages"
            " WHERE person_id IS NOT NULL AND direction = 'inbound'"
            " GROUP BY person_id, phone_number_id"
        )
        return {(row["person_id"], row["phone_number_id"]): row["at"] for row in rows}

    def numbers_written_to(self, person_id: str) -> list[str]:
        """Ids of the numbers that the person has a chat with."""
        rows = self._database.rows(
            "SELECT DISTINCT phone_number_id FROM messages WHERE person_id = ?", person_id
        )
        return [row["phone_number_id"] for row in rows]

    def unread_outbound(self, *, person_id: str, phone_number_id: str) -> list[Message]:
        """What the business sent and the person has not opened yet."""
        rows = self._database.rows(
            "SELECT * FROM messages WHERE person_id = ? AND phone_number_id = ?"
            " AND direction = 'outbound' AND type != 'reaction'"
            " AND status IN ('accepted', 'sent', 'delivered') ORDER BY seq",
            person_id,
            phone_number_id,
        )
        return [_message(row) for row in rows]

    def mark_inbound_read(self, upto: Message) -> list[Message]:
        """Mark the person's message and all earlier ones of the chat as read by the business."""
        rows = self._database.rows(
            "UPDATE messages SET status = 'read' WHERE person_id = ? AND phone_number_id = ?"
            " AND direction = 'inbound' AND seq <= ? AND status != 'read' RETURNING *",
            upto.person_id,
            upto.phone_number_id,
            upto.seq,
        )
        return [_message(row) for row in rows]

    def advance(
        self, message_id: str, *, status: str, error: JsonObject | None = None
    ) -> Message | None:
        """Raise a message's status; `None` when that would lower it. `failed` ends it early."""
        message = self.get(message_id)
        if message is None or message.status == "failed":
            return None
        if status == "failed":
            allowed = RANK[message.status] < RANK["delivered"]
        else:
            allowed = RANK[status] > RANK[message.status]
        if not allowed:
            return None
        self._database.execute(
            "UPDATE messages SET status = ?, error = ? WHERE id = ?",
            status,
            _dump_or_none(error),
            message_id,
        )
        return message.model_copy(update={"status": status, "error": error})

    def schedule(self, change: StatusChange) -> None:
        self._database.execute(
            "INSERT INTO status_changes (message_id, status, due_at, error, copies)"
            " VALUES (?, ?, ?, ?, ?)",
            change.message_id,
            change.status,
            change.due_at,
            _dump_or_none(change.error),
            change.copies,
        )

    def due_changes(self, now: float) -> list[StatusChange]:
        rows = self._database.rows(
            "SELECT * FROM status_changes WHERE due_at <= ? ORDER BY due_at, id LIMIT 500", now
        )
        return [
            StatusChange(
                id=row["id"],
                message_id=row["message_id"],
                status=row["status"],
                due_at=row["due_at"],
                error=_load_or_none(row["error"]),
                copies=row["copies"],
            )
            for row in rows
        ]

    def has_change(self, message_id: str, *, status: str) -> bool:
        """Whether this status is on its way already."""
        row = self._database.row(
            "SELECT 1 FROM status_changes WHERE message_id = ? AND status = ?", message_id, status
        )
        return row is not None

    def forget_change(self, change_id: int) -> None:
        self._database.execute("DELETE FROM status_changes WHERE id = ?", change_id)

    def next_change_at(self) -> float | None:
        row = self._database.row("SELECT min(due_at) AS due_at FROM status_changes")
        return None if row is None else row["due_at"]


def _message(row: sqlite3.Row) -> Message:
    return Message(
        seq=row["seq"],
        id=row["id"],
        person_id=row["person_id"],
        phone_number_id=row["phone_number_id"],
        direction=row["direction"],
        type=row["type"],
        content=json.loads(row["content"]),
        context=_load_or_none(row["context"]),
        status=row["status"],
        at=row["at"],
        recipient=row["recipient"],
        callback_data=row["callback_data"],
        error=_load_or_none(row["error"]),
        faults=json.loads(row["faults"]),
        extra=Extra() if row["extra"] is None else Extra.model_validate_json(row["extra"]),
    )


def _dump_or_none(value: object) -> str | None:
    return None if value is None else dump(value)


def _load_or_none(text: str | None) -> Any:
    return None if text is None else json.loads(text)
