"""Businesses' numbers and the people who write to them."""

import json
import sqlite3
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from local.simulator.storage.database import Database

Token = Field(min_length=1, max_length=4096)


class Number(BaseModel):
    """A business number as its owner configures it. The secrets stay inside the simulator."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    phone_number_id: str = Field(pattern=r"^[0-9]{1,32}$")
    waba_id: str = Field(pattern=r"^[0-9]{1,32}$")
    display_phone_number: str = Field(pattern=r"^\+?[0-9][0-9 ()\-]{4,30}$")
    name: str = Field(min_length=1, max_length=128)
    app_secret: str = Token
    access_token: str = Token
    verify_token: str = Token
    callback_url: str = Field(max_length=2048)
    platform_type: Literal["CLOUD_API", "ON_PREMISE", "NOT_APPLICABLE"] = "CLOUD_API"
    """Where the number is registered."""
    suggested_questions: list[str] = Field(default_factory=list, max_length=12)

    @field_validator("callback_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http or https address")
        return value

    def public(self) -> dict[str, Any]:
        return self.model_dump(exclude={"app_secret", "access_token", "verify_token"})


class Person(BaseModel):
    """Someone with a phone. `wa_id` is missing for a person who hides the number."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    wa_id: str | None
    user_id: str

    @property
    def address(self) -> str:
        """What a message id and a reply are addressed with: the number, or else the user id."""
        return self.wa_id or self.user_id


class TakenError(Exception):
    """The `wa_id` or `user_id` belongs to somebody else."""


class Directory:
    """Numbers and people, by any of their ids."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_number(self, number: Number) -> None:
        """Create or replace; a new account is subscribed, as after a completed sign-up."""
        settings = number.model_dump_json()
        with self._database.transaction():
            known = self._database.row(
                "SELECT 1 FROM numbers WHERE phone_number_id = ?", number.phone_number_id
            )
            self._database.execute(
                "INSERT INTO numbers (phone_number_id, waba_id, settings) VALUES (?, ?, ?)"
                " ON CONFLICT (phone_number_id) DO UPDATE"
                " SET waba_id = excluded.waba_id, settings = excluded.settings",
                number.phone_number_id,
                number.waba_id,
                settings,
            )
            if known is None:
                self.subscribe(number.waba_id)

    def number(self, phone_number_id: str) -> Number | None:
        row = self._database.row(
            "SELECT settings FROM numbers WHERE phone_number_id = ?", phone_number_id
        )
        return None if row is None else _number(row)

    def numbers(self) -> list[Number]:
        rows = self._database.rows("SELECT settings FROM numbers ORDER BY rowid")
        return [_number(row) for row in rows]

    def subscribe(self, waba_id: str) -> None:
        self._database.execute(
            "INSERT INTO subscriptions (waba_id) VALUES (?) ON CONFLICT DO NOTHING", waba_id
        )

    def unsubscribe(self, waba_id: str) -> None:
        self._database.execute("DELETE FROM subscriptions WHERE waba_id = ?", waba_id)

    def is_subscribed(self, waba_id: str) -> bool:
        found = self._database.row("SELECT 1 FROM subscriptions WHERE waba_id = ?", waba_id)
        return found is not None

    def numbers_of(self, waba_id: str) -> list[Number]:
        return [number for number in self.numbers() if number.waba_id == waba_id]

    def put_person(self, person: Person, *, at: float) -> None:
        """Create or replace. `TakenError` when one of the ids belongs to somebody else."""
        try:
            self._database.execute(
                "INSERT INTO people (id, name, wa_id, user_id, created_at) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET name = excluded.name, wa_id = excluded.wa_id,"
                " user_id = excluded.user_id",
                person.id,
                person.name,
                person.wa_id,
                person.user_id,
                at,
            )
        except sqlite3.IntegrityError as error:
            raise TakenError from error

    def person(self, person_id: str) -> Person | None:
        row = self._database.row("SELECT * FROM people WHERE id = ?", person_id)
        return None if row is None else _person(row)

    def people(self) -> list[Person]:
        return [_person(row) for row in self._database.rows("SELECT * FROM people ORDER BY rowid")]

    def addressee(self, address: str) -> Person | None:
        """Whoever has this number (digits only) or this business-scoped user id."""
        row = self._database.row(
            "SELECT * FROM people WHERE wa_id = ? OR user_id = ?", address, address
        )
        return None if row is None else _person(row)


def _number(row: sqlite3.Row) -> Number:
    return Number.model_validate(json.loads(row["settings"]))


def _person(row: sqlite3.Row) -> Person:
    return Person(id=row["id"], name=row["name"], wa_id=row["wa_id"], user_id=row["user_id"])
