"""The simulated network between people's phones and businesses.

Every change of state and the webhooks that tell of it are one transaction, so that a kill at any
moment leaves either both or neither.
"""

from collections.abc import Sequence

from local.simulator.behaviour import Behaviours
from local.simulator.clock import Clock
from local.simulator.config import DAY, SimulatorConfig
from local.simulator.errors import status_error
from local.simulator.events import Events
from local.simulator.faults import Effect, FaultRule, Faults
from local.simulator.outbox import Outbox
from local.simulator.outgoing import SendRequest
from local.simulator.storage.database import Database
from local.simulator.storage.directory import Directory, Number, Person
from local.simulator.storage.messages import Extra, Message, Messages, StatusChange
from local.simulator.typing_indicators import TypingIndicators
from local.simulator.views import message_view
from local.simulator.webhooks import message_body, status_body
from local.simulator.wire import JsonObject, new_wamid

SERVICE_WINDOW_SECONDS = DAY
STATUS_EFFECTS: tuple[Effect, ...] = (
    "error_async",
    "delay_statuses",
    "drop_statuses",
    "reorder_statuses",
    "duplicate_webhooks",
    "status_before_response",
)


def lane_of(person: Person, *, number: Number) -> str:
    """Webhooks about what one person does at one number go out one after another."""
    return f"{number.phone_number_id}/{person.id}"


class Network:
    """Carries messages both ways and tells businesses what became of theirs."""

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        database: Database,
        directory: Directory,
        messages: Messages,
        outbox: Outbox,
        behaviours: Behaviours,
        faults: Faults,
        clock: Clock,
        events: Events,
    ) -> None:
        self._config = config
        self._behaviours = behaviours
        self._database = database
        self._directory = directory
        self._messages = messages
        self._outbox = outbox
        self._faults = faults
        self._clock = clock
        self._events = events
        self.typing = TypingIndicators(seconds=config.typing_seconds, clock=clock, events=events)
        self.changed = outbox.changed
        """Set whenever there may be something to carry."""

    def person_writes(
        self,
        person: Person,
        *,
        number: Number,
        message_type: str,
        content: object,
        context: JsonObject | None = None,
        siblings: JsonObject | None = None,
        message_id: str | None = None,
    ) -> Message:
        """Store a person's message and queue its webhook. Opening the chat comes with writing."""
        struck = self._faults.strike(
            ("duplicate_webhooks", "delay_messages"),
            phone_number_id=number.phone_number_id,
            address=person.address,
            person=person,
        )
        with self._database.transaction():
            message = self._messages.add(
                Message(
                    id=message_id or new_wamid(person.address, direction="inbound"),
                    person_id=person.id,
                    phone_number_id=number.phone_number_id,
                    direction="inbound",
                    type=message_type,
                    content=content,
                    context=context,
                    status="sent",
                    at=self._clock.now(),
                    extra=Extra(siblings=siblings or {}),
                )
            )
            late = struck.get("delay_messages")
            self._outbox.enqueue(
                "message",
                lane=lane_of(person, number=number),
                number=number,
                person_id=person.id,
                message_id=message.id,
                body=message_body(message, number=number, person=person),
                copies=2 if "duplicate_webhooks" in struck else 1,
                delay=0 if late is None or late.seconds is None else late.seconds,
            )
        self._publish(message)
        return message

    def window_closes_at(self, person: Person, *, number: Number) -> float | None:
        """24 hours after the person last wrote or called: until then free-form replies may go."""
        newest = self._messages.newest_inbound_at(
            person_id=person.id, phone_number_id=number.phone_number_id
        )
        return None if newest is None else newest + SERVICE_WINDOW_SECONDS

    def window_is_open(self, person: Person, *, number: Number) -> bool:
        closes_at = self.window_closes_at(person, number=number)
        return closes_at is not None and self._clock.now() < closes_at

    def business_sends(
        self,
        request: SendRequest,
        *,
        content: object,
        rendered: JsonObject | None,
        number: Number,
        person: Person | None,
    ) -> tuple[Message, dict[Effect, FaultRule]]:
        """Accept a valid message: store it, and plan its statuses. Gives the faults it met too."""
        now = self._clock.now()
        struck = self._faults.strike(
            STATUS_EFFECTS,
            phone_number_id=number.phone_number_id,
            address=request.address,
            person=person,
        )
        failure = self._failure(request, number=number, person=person, struck=struck)
        with self._database.transaction():
            message = self._messages.add(
                Message(
                    id=new_wamid(request.address, direction="outbound"),
                    person_id=None if person is None else person.id,
                    phone_number_id=number.phone_number_id,
                    direction="outbound",
                    type=request.type,
                    content=content,
                    context=request.context and request.context.model_dump(),
                    status="accepted",
                    at=now,
                    recipient=request.address,
                    callback_data=request.biz_opaque_callback_data,
                    faults={effect: rule.model_dump() for effect, rule in struck.items()},
                    extra=Extra(rendered=rendered),
                )
            )
            for status, delay in self._plan(message, failure=failure):
                self._plan_status(message, status=status, at=now + delay, error=failure)
        if person is not None:
            self.typing.stop(person.id, number.phone_number_id)
        self._publish(message)
        return message, struck

    def open_chat(self, person: Person, *, number: Number) -> int:
        """The person looks at the chat: whatever came is read. Counts the messages concerned."""
        now = self._clock.now()
        unread = self._messages.unread_outbound(
            person_id=person.id, phone_number_id=number.phone_number_id
        )
        opened = 0
        with self._database.transaction():
            for message in unread:
                if message.extra.from_app:
                    self._show(self._messages.advance(message.id, status="read"))
                    continue
                waits = self._messages.has_change(message.id, status="failed")
                if waits or self._messages.has_change(message.id, status="read"):
                    continue
                at = max(now, message.at + self._config.delivered_delay_seconds)
                self._plan_status(message, status="read", at=at, error=None)
                opened += 1
        return opened

    def play(self, message: Message) -> None:
        """The person plays a voice message of the business: the first time, a status tells it."""
        with self._database.transaction():
            if message.status != "played":
                self._plan_status(message, status="played", at=self._clock.now(), error=None)

    def business_reads(self, message: Message, *, typing: bool) -> None:
        """A read receipt: this message and all earlier ones get their blue ticks."""
        with self._database.transaction():
            marked = self._messages.mark_inbound_read(message)
        for read in marked:
            self._publish(read)
        if typing and message.person_id is not None:
            self.typing.start(message.person_id, message.phone_number_id)
            self.changed.set()

    def apply_due(self) -> None:
        """Let every status that is due take effect, and end typing that lasted long enough."""
        for change in self._messages.due_changes(self._clock.now()):
            self._apply(change)
        self.typing.stop_due()

    def next_due_at(self) -> float | None:
        times = (self.typing.next_end_at(), self._messages.next_change_at())
        return min((at for at in times if at is not None), default=None)

    def webhook_arrived(self, message_id: str) -> None:
        """The business took a person's message: its second grey tick."""
        self._show(self._messages.advance(message_id, status="delivered"))

    def _failure(
        self,
        request: SendRequest,
        *,
        number: Number,
        person: Person | None,
        struck: dict[Effect, FaultRule],
    ) -> JsonObject | None:
        rule = struck.get("error_async")
        if rule is not None and rule.code is not None:
            return status_error(rule.code, details="A fault rule of the simulator says so.")
        if person is None:
            return status_error(131026, details="Message Undeliverable.")
        late = self._behaviours.now.service_window == "async" and request.type != "template"
        if late and not self.window_is_open(person, number=number):
            return status_error(
                131047,
                details="Message failed to send because more than 24 hours have passed since the"
                " customer last replied to this number.",
            )
        return None

    def _plan(self, message: Message, *, failure: JsonObject | None) -> Sequence[tuple[str, float]]:
        if failure is not None:
            return [("failed", self._config.sent_delay_seconds)]
        first, second = self._config.sent_delay_seconds, self._config.delivered_delay_seconds
        if message.type == "reaction":  # reactions produce only `sent`
            return [("sent", first)]
        if "reorder_statuses" in message.faults:
            return [("delivered", first), ("sent", second)]
        return [("sent", first), ("delivered", second)]

    def _plan_status(
        self,
        message: Message,
        *,
        status: str,
        at: float,
        error: JsonObject | None,
    ) -> None:
        faults = message.faults
        copies = 2 if "duplicate_webhooks" in faults else 1
        if status in faults.get("drop_statuses", {}).get("statuses", ()):
            copies = 0
        at += faults.get("delay_statuses", {}).get("seconds", 0)
        if "status_before_response" in faults and status != "read":
            at = self._clock.now()
        self._messages.schedule(
            StatusChange(
                message_id=message.id, status=status, due_at=at, error=error, copies=copies
            )
        )
        self.changed.set()

    def _apply(self, change: StatusChange) -> None:
        with self._database.transaction():
            self._messages.forget_change(change.id)
            message = self._messages.get(change.message_id)
            if message is None:
                return
            number = self._directory.number(message.phone_number_id)
            if number is None:
                return
            advanced = self._messages.advance(message.id, status=change.status, error=change.error)
            person = message.person_id and self._directory.person(message.person_id)
            body = status_body(
                message,
                status=change.status,
                at=self._clock.now(),
                number=number,
                person=person or None,
                error=change.error,
                version=self._behaviours.now.webhook_version,
            )
            self._outbox.enqueue(
                "status",
                lane=message.id,
                number=number,
                person_id=message.person_id,
                message_id=message.id,
                body=body,
                copies=change.copies,
            )
        self._show(advanced)

    def _show(self, message: Message | None) -> None:
        if message is not None:
            self._publish(message)

    def _publish(self, message: Message) -> None:
        if message.person_id is not None:
            view = message_view(message, config=self._config)
            self._events.publish({"type": "message", "message": view})
