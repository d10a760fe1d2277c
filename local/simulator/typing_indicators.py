"""Who is shown that a business types. Kept in memory: Meta ends it after 25 seconds anyway."""

from local.simulator.clock import Clock
from local.simulator.events import Events


class TypingIndicators:
    """By person and number; each ends after `seconds`, or when the business sends something."""

    def __init__(self, *, seconds: float, clock: Clock, events: Events) -> None:
        self._seconds = seconds
        self._clock = clock
        self._events = events
        self._until: dict[tuple[str, str], float] = {}

    def start(self, person_id: str, phone_number_id: str) -> None:
        self._until[(person_id, phone_number_id)] = self._clock.now() + self._seconds
        self._publish(person_id, phone_number_id, active=True)

    def stop(self, person_id: str, phone_number_id: str) -> None:
        if self._until.pop((person_id, phone_number_id), None) is not None:
            self._publish(person_id, phone_number_id, active=False)

    def stop_due(self) -> None:
        now = self._clock.now()
        for person_id, phone_number_id in [p for p, until in self._until.items() if until <= now]:
            self.stop(person_id, phone_number_id)

    def is_shown(self, *, person_id: str, phone_number_id: str) -> bool:
        return self._until.get((person_id, phone_number_id), 0) > self._clock.now()

    def next_end_at(self) -> float | None:
        return min(self._until.values(), default=None)

    def _publish(self, person_id: str, phone_number_id: str, *, active: bool) -> None:
        self._events.publish(
            {
                "type": "typing",
                "person_id": person_id,
                "phone_number_id": phone_number_id,
                "active": active,
            }
        )
