"""Delivers webhooks: signed, retried with exponential backoff, a person's messages in order."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

import httpx
import structlog

from local.simulator.clock import Clock
from local.simulator.config import SimulatorConfig
from local.simulator.events import Events
from local.simulator.network import Network
from local.simulator.outbox import Outbox
from local.simulator.storage.directory import Directory
from local.simulator.storage.traffic import Delivery, Traffic
from local.simulator.views import delivery_view
from local.simulator.wire import sign

LONGEST_NAP = 5.0
"""Seconds after which the courier looks around even if nothing woke it."""
KEPT_ANSWER = 2000
"""Characters of a webhook's answer kept for the panel."""


def messages_in(delivery: Delivery) -> list[str]:
    """Ids of the people's messages that a webhook carries."""
    if delivery.kind == "message" and delivery.message_id:
        return [delivery.message_id]
    if delivery.kind != "batch":
        return []
    changes = [
        change for entry in json.loads(delivery.body)["entry"] for change in entry["changes"]
    ]
    return [one["id"] for change in changes for one in change["value"].get("messages", [])]


class Courier:
    """One loop that applies what is due and keeps every lane busy with one delivery at a time."""

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        network: Network,
        outbox: Outbox,
        directory: Directory,
        traffic: Traffic,
        clock: Clock,
        events: Events,
        http: httpx.AsyncClient,
    ) -> None:
        self._config = config
        self._network = network
        self._outbox = outbox
        self._directory = directory
        self._traffic = traffic
        self._clock = clock
        self._events = events
        self._http = http
        self._log = structlog.get_logger(__name__)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self.finished_one = asyncio.Condition()
        """Notified after every attempt."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        loop = asyncio.create_task(self._run(), name="webhook-courier")
        try:
            yield
        finally:
            tasks = [loop, *self._under_way.values()]
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task

    async def wait_until_tried(self, message_id: str, *, timeout: float) -> None:
        """Return once every webhook about this message was tried, or after `timeout` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout), self.finished_one:
                while self._traffic.outstanding(message_id):
                    await self.finished_one.wait()

    async def _run(self) -> None:
        while True:
            self._network.changed.clear()
            try:
                self._network.apply_due()
                self._dispatch()
                nap = self._nap()
            except Exception:
                self._log.exception("simulator.courier_failed")
                nap = LONGEST_NAP
            with suppress(TimeoutError):
                async with asyncio.timeout(nap):
                    await self._network.changed.wait()

    def _dispatch(self) -> None:
        if self._outbox.held:
            return
        free = self._config.webhook_concurrency - len(self._under_way)
        due = self._traffic.due(self._clock.now(), busy=self._under_way, limit=free)
        for delivery in due:
            self._under_way[delivery.lane] = asyncio.create_task(self._attempt(delivery))

    def _nap(self) -> float:
        now = self._clock.now()
        times = [self._network.next_due_at()]
        if not self._outbox.held:
            times.append(self._traffic.next_retry_at(now))
        upcoming = min((at for at in times if at is not None), default=now + LONGEST_NAP)
        return min(max(upcoming - now, 0), LONGEST_NAP)

    async def _attempt(self, delivery: Delivery) -> None:
        try:
            await self._deliver(delivery)
        finally:
            del self._under_way[delivery.lane]
            self._network.changed.set()
            async with self.finished_one:
                self.finished_one.notify_all()

    async def _deliver(self, delivery: Delivery) -> None:
        number = self._directory.number(delivery.phone_number_id)
        if number is None:
            return
        body = delivery.body.encode()
        signature = sign(body, app_secret=number.app_secret)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": signature,
        }
        status: int | None = None
        try:
            response = await self._http.post(number.callback_url, content=body, headers=headers)
            status, answer = response.status_code, response.text[:KEPT_ANSWER]
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            answer = type(error).__name__
        self._record(delivery, signature=signature, status=status, answer=answer)

    def _record(
        self, delivery: Delivery, *, signature: str, status: int | None, answer: str
    ) -> None:
        now = self._clock.now()
        wait = min(
            self._config.retry_base_seconds * 2.0 ** min(delivery.attempts, 40),
            self._config.retry_cap_seconds,
        )
        state: Literal["pending", "delivered", "dropped"]
        expired = now - delivery.created_at > self._config.retry_for_seconds
        state = "delivered" if status == httpx.codes.OK else "dropped" if expired else "pending"
        recorded = self._traffic.record_attempt(
            delivery.id,
            signature=signature,
            status=status,
            answer=answer.encode("ascii", "backslashreplace").decode(),
            state=state,
            due_at=now + wait,
            at=now,
        )
        if state == "delivered":
            for message_id in messages_in(delivery):
                self._network.webhook_arrived(message_id)
        if recorded is not None:
            self._events.publish({"type": "delivery", "delivery": delivery_view(recorded)})
        if state != "delivered":
            self._log.warning(
                "simulator.webhook_refused",
                delivery_id=delivery.id,
                attempts=delivery.attempts + 1,
                status=status,
                state=state,
            )
