"""What people and businesses do that is no message: new numbers, preferences, calls, echoes."""

from typing import Literal

from local.simulator.clock import Clock
from local.simulator.config import SimulatorConfig
from local.simulator.events import Events
from local.simulator.network import Network, lane_of
from local.simulator.outbox import Outbox
from local.simulator.storage.database import Database
from local.simulator.storage.directory import Directory, Number, Person
from local.simulator.storage.messages import Extra, Message, Messages
from local.simulator.views import message_view
from local.simulator.webhooks import digits_of, event_body
from local.simulator.wire import JsonObject, new_user_id, new_wacid, new_wamid

Preference = Literal["stop", "resume"]

SDP = "v=0\r\no=- 7669997803033704573 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
"""Enough of a session description for a webhook; nothing is ever called through it."""


class PersonEvents:
    """Each of these is one transaction with its webhooks, as messages are."""

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        database: Database,
        directory: Directory,
        messages: Messages,
        outbox: Outbox,
        network: Network,
        clock: Clock,
        events: Events,
    ) -> None:
        self._config = config
        self._database = database
        self._directory = directory
        self._messages = messages
        self._outbox = outbox
        self._network = network
        self._clock = clock
        self._events = events

    def change_number(self, person: Person, *, wa_id: str) -> Person:
        """The person moves to another phone number, and so to another user id.

        Every business that they have a chat with is told by a system message, which comes from the
        old number. `TakenError` when somebody has the new number.
        """
        changed = person.model_copy(update={"wa_id": wa_id, "user_id": new_user_id()})
        self._move(
            person,
            changed,
            kind="user_changed_number",
            body=f"User {person.name} changed from {person.wa_id} to {wa_id}",
        )
        return changed

    def change_user_id(self, person: Person) -> Person:
        """The person gets another business-scoped user id and keeps the number."""
        changed = person.model_copy(update={"user_id": new_user_id()})
        self._move(
            person,
            changed,
            kind="user_changed_user_id",
            body=f"User {person.name} changed from {person.user_id} to {changed.user_id}",
        )
        return changed

    def _move(self, person: Person, changed: Person, *, kind: str, body: str) -> None:
        system: JsonObject = {"body": body, "user_id": changed.user_id, "type": kind}
        if changed.wa_id != person.wa_id:
            system["wa_id"] = changed.wa_id
        with self._database.transaction():
            self._directory.put_person(changed, at=self._clock.now())
            for phone_number_id in self._messages.numbers_written_to(person.id):
                number = self._directory.number(phone_number_id)
                if number is None:
                    continue
                self._network.person_writes(
                    person, number=number, message_type="system", content=system
                )
                self._tell(
                    "user_id_update",
                    {"user_id_update": [self._user_id_update(person, changed)]},
                    number=number,
                    person=changed,
                )
        self._events.publish({"type": "person", "person": changed.model_dump()})

    def _user_id_update(self, person: Person, changed: Person) -> JsonObject:
        update: JsonObject = {} if changed.wa_id is None else {"wa_id": changed.wa_id}
        return update | {
            "detail": f"User {person.name} changed their user id",
            "user_id": {"previous": person.user_id, "current": changed.user_id},
            "timestamp": str(int(self._clock.now())),
        }

    def prefer(self, person: Person, *, number: Number, value: Preference) -> None:
        """The person stops or resumes marketing messages in WhatsApp's own settings."""
        preference: JsonObject = {} if person.wa_id is None else {"wa_id": person.wa_id}
        preference |= {
            "user_id": person.user_id,
            "detail": f"User requested to {value} marketing messages",
            "category": "marketing_messages",
            "value": value,
            "timestamp": int(self._clock.now()),
        }
        self._tell(
            "user_preferences", {"user_preferences": [preference]}, number=number, person=person
        )

    def echo(
        self, person: Person, *, number: Number, message_type: str, content: JsonObject
    ) -> Message:
        """Somebody of the business writes in the WhatsApp Business app."""
        with self._database.transaction():
            message = self._messages.add(
                Message(
                    id=new_wamid(person.address, direction="outbound"),
                    person_id=person.id,
                    phone_number_id=number.phone_number_id,
                    direction="outbound",
                    type=message_type,
                    content=content,
                    status="delivered",
                    at=self._clock.now(),
                    recipient=person.address,
                    extra=Extra(from_app=True),
                )
            )
            echo: JsonObject = {"from": digits_of(number)}
            if person.wa_id is not None:
                echo["to"] = person.wa_id
            echo |= {
                "to_user_id": person.user_id,
                "id": message.id,
                "timestamp": str(int(message.at)),
                "type": message_type,
                message_type: content,
            }
            self._tell(
                "smb_message_echoes", {"message_echoes": [echo]}, number=number, person=person,
                message=message,
            )  # fmt: skip
        self._show(message)
        return message

    def call(self, person: Person, *, number: Number) -> Message:
        """The person calls the business. A call opens the service window, like a message."""
        with self._database.transaction():
            message = self._messages.add(
                Message(
                    id=new_wacid(),
                    person_id=person.id,
                    phone_number_id=number.phone_number_id,
                    direction="inbound",
                    type="call",
                    content={"event": "connect"},
                    status="sent",
                    at=self._clock.now(),
                )
            )
            call = self._call(message, person=person, number=number, event="connect") | {
                "session": {"sdp": SDP, "sdp_type": "offer"}
            }
            self._tell("calls", {"calls": [call]}, number=number, person=person, message=message)
        self._show(message)
        return message

    def hang_up(self, message: Message, *, person: Person, number: Number) -> Message:
        """End a call that is under way; nobody answers in the simulator, so it has failed."""
        now = self._clock.now()
        with self._database.transaction():
            ended = self._messages.replace_content(message.id, {"event": "terminate"}) or message
            call = self._call(message, person=person, number=number, event="terminate") | {
                "timestamp": str(int(now)),
                "status": "FAILED",
                "start_time": str(int(message.at)),
                "end_time": str(int(now)),
                "duration": int(now) - int(message.at),
            }
            self._tell("calls", {"calls": [call]}, number=number, person=person, message=message)
        self._show(ended)
        return ended

    def _call(self, message: Message, *, person: Person, number: Number, event: str) -> JsonObject:
        call: JsonObject = {"id": message.id, "to": digits_of(number)}
        if person.wa_id is not None:
            call["from"] = person.wa_id
        return call | {
            "from_user_id": person.user_id,
            "event": event,
            "timestamp": str(int(message.at)),
            "direction": "USER_INITIATED",
        }

    def _tell(
        self,
        field: str,
        value: JsonObject,
        *,
        number: Number,
        person: Person,
        message: Message | None = None,
    ) -> None:
        self._outbox.enqueue(
            "event",
            lane=lane_of(person, number=number),
            number=number,
            person_id=person.id,
            message_id=None if message is None else message.id,
            body=event_body(field, value, number=number, person=person),
        )

    def _show(self, message: Message) -> None:
        view = message_view(message, config=self._config)
        self._events.publish({"type": "message", "message": view})
