"""Webhooks on their way to the courier; they can be held back, to come late or in another order."""

import asyncio
import json
from collections.abc import Sequence
from itertools import groupby
from typing import Literal

from local.simulator.clock import Clock
from local.simulator.storage.database import Database
from local.simulator.storage.directory import Directory, Number
from local.simulator.storage.traffic import Delivery, Kind, Traffic
from local.simulator.wire import dump

Order = Literal["kept", "reversed", "batched"]
LARGEST_BATCH = 1000
"""Updates in one POST, at most (Meta, webhooks: set up)."""
HELD = "webhooks_held"


class Outbox:
    """The queue's front. Whether it is held survives a restart, as the queue does."""

    def __init__(
        self, *, database: Database, directory: Directory, traffic: Traffic, clock: Clock
    ) -> None:
        self._database = database
        self._directory = directory
        self._traffic = traffic
        self._clock = clock
        self.changed = asyncio.Event()
        """Set whenever there may be something to carry."""

    @property
    def held(self) -> bool:
        return self._database.fact(HELD) == "yes"

    def enqueue(
        self,
        kind: Kind,
        *,
        lane: str,
        number: Number,
        body: str,
        person_id: str | None,
        message_id: str | None = None,
        copies: int = 1,
        delay: float = 0,
    ) -> None:
        """Queue a webhook, if the number's account is subscribed."""
        if not self._directory.is_subscribed(number.waba_id):
            return
        now = self._clock.now()
        for _ in range(copies):
            self._traffic.enqueue(
                lane=lane,
                kind=kind,
                phone_number_id=number.phone_number_id,
                person_id=person_id,
                message_id=message_id,
                body=body,
                at=now,
                due_at=now + delay,
            )
        self.changed.set()

    def hold(self) -> None:
        """From now on nothing is delivered."""
        self._database.remember(HELD, "yes")

    def release(self, order: Order) -> int:
        """Deliver again, and what was held first. Counts the POSTs that this makes.

        - `kept`: in the order in which it happened.
        - `reversed`: the newest first.
        - `batched`: everything for a number in one POST, in the order in which it happened.
        """
        with self._database.transaction():
            self._database.remember(HELD, "no")
            held = self._traffic.take_untried()
            if order == "batched":
                held = _batches(held)
            elif order == "reversed":
                held.reverse()
            for delivery in held:
                self._put_back(delivery, lane="held" if order == "reversed" else delivery.lane)
        self.changed.set()
        return len(held)

    def _put_back(self, delivery: Delivery, *, lane: str) -> None:
        self._traffic.enqueue(
            lane=lane,
            kind=delivery.kind,
            phone_number_id=delivery.phone_number_id,
            person_id=delivery.person_id,
            message_id=delivery.message_id,
            body=delivery.body,
            at=delivery.created_at,
            due_at=delivery.due_at,
        )


def _batches(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """The deliveries of each number as few POSTs as Meta would make of them."""
    by_number = sorted(deliveries, key=lambda delivery: delivery.phone_number_id)
    batches: list[Delivery] = []
    for _, group in groupby(by_number, key=lambda delivery: delivery.phone_number_id):
        of_number = list(group)
        batches += [
            _joined(of_number[start : start + LARGEST_BATCH])
            for start in range(0, len(of_number), LARGEST_BATCH)
        ]
    return batches


def _joined(batch: Sequence[Delivery]) -> Delivery:
    if len(batch) == 1:
        return batch[0]
    bodies = [json.loads(delivery.body) for delivery in batch]
    people = {delivery.person_id for delivery in batch}
    return batch[0].model_copy(
        update={
            "kind": "batch",
            "lane": f"batch/{batch[0].phone_number_id}",
            "message_id": None,
            "person_id": people.pop() if len(people) == 1 else None,
            "body": dump(bodies[0] | {"entry": [one for body in bodies for one in body["entry"]]}),
        }
    )
