"""Faults on demand: rules that make the network misbehave for some calls, in a chosen way."""

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from local.simulator.storage.database import Database
from local.simulator.storage.directory import Person

Effect = Literal[
    "error",
    "error_async",
    "http_500",
    "lost_answer",
    "reset",
    "delay_statuses",
    "drop_statuses",
    "reorder_statuses",
    "delay_messages",
    "duplicate_webhooks",
    "status_before_response",
    "media_expired",
    "account_error",
    "account_silence",
]

Status = Literal["sent", "delivered", "read", "played", "failed"]
STATUSES: tuple[Status, ...] = ("sent", "delivered", "read", "played", "failed")


class FaultRule(BaseModel):
    """One rule: which calls it meets, and what happens to them.

    - `error`: answered at once with `code`; nothing is sent.
    - `error_async`: accepted, then a `failed` status with `code`.
    - `http_500`: a 500 with code 131000; with `accept` the message is sent nevertheless.
    - `lost_answer`: sent, but the answer never comes: the connection is cut after `seconds`.
    - `reset`: the connection is cut at once; nothing is sent.
    - `delay_statuses`: status webhooks come `seconds` later.
    - `drop_statuses`: no webhook for the `statuses` named (all of them by default).
    - `reorder_statuses`: `delivered` comes before `sent`.
    - `delay_messages`: the webhook of a person's message comes `seconds` later; with a `count` of
      one, the next message overtakes it.
    - `duplicate_webhooks`: every webhook comes twice, of messages and of statuses.
    - `status_before_response`: status webhooks arrive before the send is answered.
    - `media_expired`: a download link is answered 404, as if its time were over.
    - `account_error`: calls about numbers, accounts and subscriptions are answered with `code`.
    - `account_silence`: the same calls are not answered: the connection is cut after `seconds`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    effect: Effect
    phone_number_id: str | None = None
    recipient: str | None = None
    """A `wa_id`, a user id or a person's id; any of them by default."""
    count: int | None = Field(default=None, ge=1)
    """How many calls the rule meets before it is spent; without it, all."""
    code: int | None = Field(default=None, ge=0, le=999_999)
    seconds: float | None = Field(default=None, ge=0, le=86_400)
    statuses: list[Status] = list(STATUSES)
    accept: bool = False
    hits: int = Field(default=0, ge=0)
    """How many calls the rule has met."""

    @model_validator(mode="after")
    def _is_complete(self) -> "FaultRule":
        if self.effect in ("error", "error_async", "account_error") and self.code is None:
            raise ValueError(f"{self.effect} needs a code")
        if (
            self.effect in ("delay_statuses", "delay_messages", "account_silence")
            and self.seconds is None
        ):
            raise ValueError(f"{self.effect} needs seconds")
        return self

    @property
    def spent(self) -> bool:
        return self.count is not None and self.hits >= self.count

    def meets(self, *, phone_number_id: str, address: str, person: Person | None) -> bool:
        names = {address} if person is None else {person.id, person.wa_id, person.user_id}
        return (
            not self.spent
            and self.phone_number_id in (None, phone_number_id)
            and (self.recipient is None or self.recipient in names)
        )


RULES = TypeAdapter(list[FaultRule])


class Faults:
    """The rules in force. They survive a restart, with what is left of their counts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        remembered = database.fact("faults")
        self._rules = [] if remembered is None else RULES.validate_json(remembered)

    @property
    def rules(self) -> list[FaultRule]:
        return list(self._rules)

    def replace(self, rules: list[FaultRule]) -> None:
        self._rules = list(rules)
        self._remember()

    def strike(
        self,
        effects: tuple[Effect, ...],
        *,
        phone_number_id: str,
        address: str,
        person: Person | None,
    ) -> dict[Effect, FaultRule]:
        """The first rule of each of these effects that meets this traffic; counts the hit."""
        struck: dict[Effect, FaultRule] = {}
        for position, rule in enumerate(self._rules):
            if rule.effect not in effects or rule.effect in struck:
                continue
            if rule.meets(phone_number_id=phone_number_id, address=address, person=person):
                struck[rule.effect] = rule
                self._rules[position] = rule.model_copy(update={"hits": rule.hits + 1})
        if struck:
            self._remember()
        return struck

    def _remember(self) -> None:
        self._database.remember(
            "faults", json.dumps([rule.model_dump(mode="json") for rule in self._rules])
        )
