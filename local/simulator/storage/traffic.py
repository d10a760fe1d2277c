"""The raw traffic: webhooks on their way to businesses, and what businesses sent."""

import sqlite3
from collections.abc import Container
from itertools import islice
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from local.simulator.storage.database import Database

Kind = Literal["message", "status", "event", "batch"]
"""What a webhook tells of; an `event` is of another field than `messages`."""


class Delivery(BaseModel):
    """One webhook POST: its exact body, and how it fared so far."""

    model_config = ConfigDict(frozen=True)

    id: int
    lane: str
    kind: Kind
    phone_number_id: str
    person_id: str | None
    message_id: str | None
    body: str
    signature: str | None
    state: Literal["pending", "delivered", "dropped"]
    attempts: int
    created_at: float
    due_at: float
    last_status: int | None
    last_answer: str | None
    finished_at: float | None


class Send(BaseModel):
    """One POST to `/messages`: its body, and the answer (no `status_code`: it was lost)."""

    model_config = ConfigDict(frozen=True)

    id: int
    at: float
    phone_number_id: str
    person_id: str | None
    message_id: str | None
    body: str
    status_code: int | None
    answer: str | None
    fault: str | None


class Traffic:
    """Deliveries and sends, newest first for whoever looks at them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enqueue(
        self,
        *,
        lane: str,
        kind: Kind,
        phone_number_id: str,
        person_id: str | None,
        message_id: str | None,
        body: str,
        at: float,
        due_at: float | None = None,
    ) -> int:
        """Queue a webhook, due at once unless `due_at` says later.

        Deliveries of one lane go out one after another, in this order, once they are due.
        """
        cursor = self._database.execute(
            "INSERT INTO deliveries (lane, kind, phone_number_id, person_id, message_id, body,"
            " created_at, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            lane,
            kind,
            phone_number_id,
            person_id,
            message_id,
            body,
            at,
            at if due_at is None else due_at,
        )
        return cursor.lastrowid or 0

    def take_untried(self) -> list[Delivery]:
        """Take every delivery that was never tried out of the queue, oldest first."""
        rows = self._database.rows(
            "DELETE FROM deliveries WHERE state = 'pending' AND attempts = 0 RETURNING *"
        )
        return sorted(map(_delivery, rows), key=lambda delivery: delivery.id)

    def due(self, now: float, *, busy: Container[str], limit: int) -> list[Delivery]:
        """The oldest due delivery of up to `limit` lanes that are not `busy`.

        One that waits for its retry holds nobody up.
        """
        heads = self._database.execute(
            "SELECT lane, min(id) AS id FROM deliveries"
            " WHERE state = 'pending' AND due_at <= ? GROUP BY lane ORDER BY id",
            now,
        )
        free = (head["id"] for head in heads if head["lane"] not in busy)
        return [
            _delivery(row)
            for delivery_id in islice(free, limit)
            for row in self._database.rows("SELECT * FROM deliveries WHERE id = ?", delivery_id)
        ]

    def next_retry_at(self, now: float) -> float | None:
        row = self._database.row(
            "SELECT min(due_at) AS due_at FROM deliveries WHERE state = 'pending' AND due_at > ?",
            now,
        )
        return None if row is None else row["due_at"]

    def record_attempt(
        self,
        delivery_id: int,
        *,
        signature: str,
        status: int | None,
        answer: str,
        state: Literal["pending", "delivered", "dropped"],
        due_at: float,
        at: float,
    ) -> Delivery | None:
        row = self._database.row(
            "UPDATE deliveries SET attempts = attempts + 1, signature = ?, last_status = ?,"
            " last_answer = ?, state = ?, due_at = ?, finished_at = ? WHERE id = ? RETURNING *",
            signature,
            status,
            answer,
            state,
            due_at,
            None if state == "pending" else at,
            delivery_id,
        )
        return None if row is None else _delivery(row)

    def outstanding(self, message_id: str) -> int:
        """Webhooks about a message that were not tried yet."""
        row = self._database.row(
            "SELECT count(*) AS n FROM deliveries"
            " WHERE message_id = ? AND state = 'pending' AND attempts = 0",
            message_id,
        )
        return 0 if row is None else int(row["n"])

    def deliveries(
        self,
        *,
        phone_number_id: str | None,
        person_id: str | None,
        before: int | None,
        limit: int,
    ) -> list[Delivery]:
        rows = self._page("deliveries", phone_number_id, person_id, before, limit)
        return [_delivery(row) for row in rows]

    def add_send(self, *, at: float, phone_number_id: str, body: str) -> int:
        cursor = self._database.execute(
            "INSERT INTO sends (at, phone_number_id, body) VALUES (?, ?, ?)",
            at,
            phone_number_id,
            body,
        )
        return cursor.lastrowid or 0

    def finish_send(
        self,
        send_id: int,
        *,
        status_code: int | None,
        answer: str | None,
        fault: str | None,
        person_id: str | None,
        message_id: str | None,
    ) -> Send | None:
        row = self._database.row(
            "UPDATE sends SET status_code = ?, answer = ?, fault = ?, person_id = ?,"
            " message_id = ? WHERE id = ? RETURNING *",
            status_code,
            answer,
            fault,
            person_id,
            message_id,
            send_id,
        )
        return None if row is None else _send(row)

    def sends(
        self,
        *,
        phone_number_id: str | None,
        person_id: str | None,
        before: int | None,
        limit: int,
    ) -> list[Send]:
        rows = self._page("sends", phone_number_id, person_id, before, limit)
        return [_send(row) for row in rows]

    def _page(
        self,
        table: Literal["deliveries", "sends"],
        phone_number_id: str | None,
        person_id: str | None,
        before: int | None,
        limit: int,
    ) -> list[sqlite3.Row]:
        return self._database.rows(
            f"SELECT * FROM {table} WHERE (? IS NULL OR phone_number_id = ?)"  # noqa: S608 - a literal
            " AND (? IS NULL OR person_id = ?) AND (? IS NULL OR id < ?)"
            " ORDER BY id DESC LIMIT ?",
            phone_number_id,
            phone_number_id,
            person_id,
            person_id,
            before,
            before,
            limit,
        )


def _delivery(row: sqlite3.Row) -> Delivery:
    values: dict[str, Any] = {key: row[key] for key in row.keys()}  # noqa: SIM118 - Row iterates values
    return Delivery.model_validate(values)


def _send(row: sqlite3.Row) -> Send:
    values: dict[str, Any] = {key: row[key] for key in row.keys()}  # noqa: SIM118 - Row iterates values
    return Send.model_validate(values)
