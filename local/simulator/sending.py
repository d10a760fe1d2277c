"""One `POST /messages`: what it is answered, faults included."""

from local.simulator.behaviour import Behaviours
from local.simulator.clock import Clock
from local.simulator.config import SimulatorConfig
from local.simulator.courier import Courier
from local.simulator.errors import GraphError
from local.simulator.events import Events
from local.simulator.faults import Effect, FaultRule, Faults
from local.simulator.network import Network
from local.simulator.outgoing import SendRequest, parse_read_receipt, parse_send
from local.simulator.rate_limits import TokenBuckets
from local.simulator.storage.directory import Directory, Number, Person
from local.simulator.storage.media import MediaStore
from local.simulator.storage.messages import Message, Messages
from local.simulator.storage.templates import Templates
from local.simulator.storage.traffic import Traffic
from local.simulator.template_sends import check_template
from local.simulator.views import send_view
from local.simulator.wire import JsonObject, MalformedJsonError, dump, parse_object

EFFECTS_BEFORE: tuple[Effect, ...] = ("error", "http_500", "lost_answer", "reset")
LONGEST_WAIT_FOR_STATUS = 10.0
"""Seconds that `status_before_response` waits for the business to take the statuses."""


class ConnectionCut(Exception):
    """The connection is to be closed without an answer, `after` some seconds of silence."""

    def __init__(self, *, after: float) -> None:
        super().__init__()
        self.after = after


class Sending:
    """Takes the raw request of a known number and gives Graph's answer, recording both."""

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        network: Network,
        courier: Courier,
        directory: Directory,
        messages: Messages,
        media: MediaStore,
        templates: Templates,
        behaviours: Behaviours,
        traffic: Traffic,
        faults: Faults,
        clock: Clock,
        events: Events,
    ) -> None:
        self._config = config
        self._network = network
        self._courier = courier
        self._directory = directory
        self._messages = messages
        self._media = media
        self._templates = templates
        self._behaviours = behaviours
        self._traffic = traffic
        self._faults = faults
        self._clock = clock
        self._events = events
        self._pairs = TokenBuckets()
        self._throughput = TokenBuckets()

    async def handle(self, raw: bytes, *, number: Number) -> tuple[int, JsonObject]:
        """Status and body of the answer. `ConnectionCut` when a fault wants none."""
        record = _Record(
            self._traffic.add_send(
                at=self._clock.now(),
                phone_number_id=number.phone_number_id,
                body=raw.decode("utf-8", "replace"),
            )
        )
        status: int | None = None
        answer: JsonObject | None = None
        try:
            answer = await self._answer(raw, number=number, record=record)
            status = 200
        except GraphError as error:
            status, answer = error.status, error.envelope()
        finally:
            finished = self._traffic.finish_send(
                record.id,
                status_code=status,
                answer=None if answer is None else dump(answer),
                fault=record.fault,
                person_id=record.person_id,
                message_id=record.message_id,
            )
            if finished is not None:
                self._events.publish({"type": "send", "send": send_view(finished)})
        return status, answer

    async def _answer(self, raw: bytes, *, number: Number, record: "_Record") -> JsonObject:
        try:
            body = parse_object(raw)
        except MalformedJsonError as error:
            raise GraphError(100, message=f"(#100) {error}") from None
        if "status" in body:
            return self._receipt(body, number=number, record=record)
        request = parse_send(body)
        person = self._directory.addressee(request.address)
        record.person_id = None if person is None else person.id
        struck = self._faults.strike(
            EFFECTS_BEFORE,
            phone_number_id=number.phone_number_id,
            address=request.address,
            person=person,
        )
        record.fault = next(iter(struck), None)
        self._refuse(struck)
        self._check_rate(number)
        rendered = self._check(request, number=number, person=person)
        message, later = self._network.business_sends(
            request, content=body[request.type], rendered=rendered, number=number, person=person
        )
        record.message_id = message.id
        record.fault = record.fault or next(iter(later), None)
        if "status_before_response" in later:
            self._network.apply_due()
            await self._courier.wait_until_tried(message.id, timeout=LONGEST_WAIT_FOR_STATUS)
        if "http_500" in struck:
            raise _server_fault()
        if lost := struck.get("lost_answer"):
            silence = self._config.lost_answer_seconds if lost.seconds is None else lost.seconds
            raise ConnectionCut(after=silence)
        return _accepted(request, message=message, person=person)

    def _refuse(self, struck: dict[Effect, FaultRule]) -> None:
        if "reset" in struck:
            raise ConnectionCut(after=0)
        if (rule := struck.get("error")) and rule.code is not None:
            raise GraphError(rule.code, details="A fault rule of the simulator says so.")
        if (rule := struck.get("http_500")) and not rule.accept:
            raise _server_fault()

    def _check_rate(self, number: Number) -> None:
        rate = self._behaviours.now.messages_per_second
        if rate is None:
            return
        if not self._throughput.take(
            number.phone_number_id,
            burst=max(rate, 1),
            refill_seconds=1 / rate,
            now=self._clock.now(),
        ):
            raise GraphError(
                130429,
                details="Message failed to send because there were too many messages sent from"
                " this phone number in a short period of time.",
            )

    def _check(
        self, request: SendRequest, *, number: Number, person: Person | None
    ) -> JsonObject | None:
        """What Graph refuses at once although the body is well formed.

        Gives what a template looks like once it is filled in.
        """
        now = self._clock.now()
        media = request.media
        if media is not None and media.id is not None and not self._media.get(media.id, now=now):
            raise GraphError(131009, details=f"Media ID {media.id} is not valid.")
        if request.reaction is not None and not self._messages.get(request.reaction.message_id):
            raise GraphError(131009, details="reaction.message_id is not a known message.")
        if request.address == "".join(filter(str.isdigit, number.display_phone_number)):
            raise GraphError(131021, details="Recipient cannot be sender.")
        late = self._behaviours.now.service_window == "sync" and request.type != "template"
        if late and person is not None and not self._network.window_is_open(person, number=number):
            raise GraphError(
                131047, details="More than 24 hours have passed since the customer last replied."
            )
        rendered = None
        if request.template is not None:
            by_number = person is None or request.address != person.user_id
            rendered = check_template(
                request.template, templates=self._templates, waba_id=number.waba_id,
                by_number=by_number,
            )  # fmt: skip
        self._check_pair(request, number=number, person=person)
        return rendered

    def _check_pair(self, request: SendRequest, *, number: Number, person: Person | None) -> None:
        burst = self._behaviours.now.pair_burst
        if burst is None:
            return
        address = person.id if person is not None else request.address
        if not self._pairs.take(
            (number.phone_number_id, address),
            burst=burst,
            refill_seconds=self._config.pair_refill_seconds,
            now=self._clock.now(),
        ):
            raise GraphError(
                131056,
                details="Message failed to send because there were too many messages sent from"
                " this phone number to the same phone number in a short period of time.",
            )

    def _receipt(self, body: JsonObject, *, number: Number, record: "_Record") -> JsonObject:
        receipt = parse_read_receipt(body)
        message = self._messages.get(receipt.message_id)
        if (
            message is None
            or message.direction != "inbound"
            or message.phone_number_id != number.phone_number_id
        ):
            raise GraphError(131009, details="message_id is not a message to this number.")
        record.person_id, record.message_id = message.person_id, message.id
        self._network.business_reads(message, typing=receipt.typing_indicator is not None)
        return {"success": True}


class _Record:
    """What becomes known about a send while it is answered."""

    def __init__(self, send_id: int) -> None:
        self.id = send_id
        self.person_id: str | None = None
        self.message_id: str | None = None
        self.fault: str | None = None


def _server_fault() -> GraphError:
    return GraphError(131000, details="A fault rule of the simulator says so.")


def _accepted(request: SendRequest, *, message: Message, person: Person | None) -> JsonObject:
    contact: JsonObject = {"input": request.written_address}
    by_user_id = person is not None and request.address == person.user_id
    if by_user_id and person is not None:
        contact["user_id"] = person.user_id
    else:
        contact["wa_id"] = request.address
    sent: JsonObject = {"id": message.id}
    if request.type == "template":
        sent["message_status"] = "accepted"
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [sent]}
