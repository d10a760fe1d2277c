"""What deliveries tell about people besides their messages: echoes, preferences, new identities."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI

from adapters.dynamodb.echoes import Echoes
from adapters.postgres import whatsapp_users
from api.services import Services
from contracts.conversation import ConversationRef, EchoedMessage, RecordEcho
from contracts.ids import (
    ChannelId,
    MessageId,
    OrganizationId,
    PersonId,
    TurnId,
    conversation_id,
)
from tests.api.conftest import Organization
from tests.api.test_webhooks import deliver, make_channel, parked, signals
from tests.fuzz import corpus

LATER = str(corpus.SENT_AT + 600)


class Door:
    """Deliveries to a channel of an organisation, and who talks on it."""

    def __init__(
        self, client: httpx.AsyncClient, services: Services, organization: Organization
    ) -> None:
        self._client, self.services, self.organization = client, services, organization
        self.channel: dict[str, Any] = {}

    @property
    def tenant(self) -> OrganizationId:
        return OrganizationId(self.organization.id)

    async def take(self, field: str, **value: Any) -> None:
        change = corpus.change(field, {"contacts": [], **value})
        change["value"]["metadata"]["phone_number_id"] = self.channel["phone_number_id"]
        body = json.dumps(corpus.delivery(change)).encode()
        assert (await deliver(self._client, body)).status_code == 200

    async def write(self, message_id: str, **fields: Any) -> None:
        message = {**corpus.message("text"), "from_user_id": None, "id": message_id, **fields}
        told = {name: value for name, value in message.items() if value is not None}
        await self.take("messages", messages=[told])

    async def talk(self, *, people: int) -> Counter[str]:
        """How many signals each person's conversation has."""
        counted = await signals(self.services, self.channel, conversations=people)
        return Counter({PersonId(name.rsplit("/", 1)[-1]): each for name, each in counted.items()})

    async def counted(self, kind: str, outcome: str) -> float:
        labels = {"kind": kind, "outcome": outcome}
        registry = self.services.metrics.registry
        return registry.get_sample_value("parley_webhook_updates_total", labels) or 0.0


@pytest.fixture
async def door(app: FastAPI, stranger: httpx.AsyncClient, ours: Organization) -> Door:
    door = Door(stranger, app.state.services, ours)
    door.channel = await make_channel(ours)
    return door


async def test_an_echo_is_a_signal_of_its_own_to_the_persons_conversation(door: Door) -> None:
    await door.write("wamid.1")
    (echo,) = corpus.FIELDS["echo"][1]["message_echoes"]
    await door.take("smb_message_echoes", message_echoes=[echo])

    talk = await door.talk(people=1)
    (person,) = talk
    handle = door.services.temporal.get_workflow_handle(
        f"conversation/{door.channel['id']}/{person}"
    )
    names = [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in (await handle.fetch_history()).events
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert names == ["receive_message", "receive_echo"]


async def test_an_echo_may_open_a_conversation(door: Door) -> None:
    await door.take(**_change_of("echo"))
    assert sum((await door.talk(people=1)).values()) == 1


async def test_an_echo_that_is_in_the_transcript_takes_nothing_over_again(door: Door) -> None:
    change = _change_of("echo")
    await door.take(**change)
    (person,) = map(PersonId, await door.talk(people=1))
    channel = ChannelId(door.channel["id"])
    conversation = ConversationRef(
        organization_id=door.tenant,
        channel_id=channel,
        person_id=person,
        conversation_id=conversation_id(channel, person),
    )
    (raw,) = change["message_echoes"]
    echo = EchoedMessage(
        whatsapp_message_id=raw["id"], type="text", text="I do it", sent_at=datetime.now(UTC)
    )
    table = door.services.table
    await Echoes(table, door.services.outbox).record(
        RecordEcho(
            conversation=conversation,
            turn_id=TurnId("turn.echo"),
            message_id=MessageId("msg_1"),
            echo=echo,
        )
    )
    await door.take(**change)
    await door.take(**{**change, "message_echoes": [{**raw, "id": "wamid.another"}]})
    assert list((await door.talk(people=1)).values()) == [2]


async def test_who_changes_the_number_goes_on_in_the_same_conversation(door: Door) -> None:
    await door.write("wamid.1")
    await door.take("messages", messages=[corpus.message("number_changed")])
    moved = {"from": corpus.NEW_NUMBER, "from_user_id": corpus.NEW_USER}
    await door.write("wamid.3", **moved, timestamp=LATER)

    assert list((await door.talk(people=1)).values()) == [3]


async def test_a_change_and_messages_of_one_delivery_are_taken_in_their_order(door: Door) -> None:
    new = {"from": corpus.NEW_NUMBER, "from_user_id": corpus.NEW_USER, "timestamp": LATER}
    await door.take(
        "messages",
        messages=[
            corpus.message("text"),
            corpus.message("number_changed"),
            corpus.message("text_reply", **new),
        ],
    )
    assert list((await door.talk(people=1)).values()) == [3]


async def test_the_old_number_is_somebody_elses_once_they_write(door: Door) -> None:
    await door.write("wamid.1")
    await door.take("messages", messages=[corpus.message("number_changed")])
    await door.write("wamid.2", timestamp=LATER)

    assert sorted((await door.talk(people=2)).values()) == [1, 2]


async def test_the_organisations_list_follows_a_change(door: Door) -> None:
    await door.write("wamid.1", from_user_id=corpus.USER)
    (person,) = map(PersonId, await door.talk(people=1))
    database = door.services.database
    async with database.tenant(door.tenant) as session:
        await whatsapp_users.remember(
            session,
            PersonId(person),
            organization_id=door.tenant,
            wa_id=corpus.NUMBER,
            user_id=corpus.USER,
        )
    await door.take(**_change_of("user_id_update"))

    listed = (await door.organization.viewer.get(f"{door.organization.path}/whatsapp-users")).json()
    (row,) = listed["items"]
    assert (row["wa_id"], row["user_id"]) == (corpus.NUMBER, corpus.NEW_USER)


async def test_nobody_gets_into_the_list_by_a_change_alone(door: Door) -> None:
    await door.take(**_change_of("user_id_update"))
    path = f"{door.organization.path}/whatsapp-users"
    assert (await door.organization.viewer.get(path)).json()["items"] == []


class RememberedConsent:
    def __init__(self) -> None:
        self.heard: list[tuple[str, PersonId, bool, datetime]] = []

    async def preference(
        self, organization_id: OrganizationId, person_id: PersonId, *, stopped: bool, at: datetime
    ) -> None:
        self.heard.append((organization_id, person_id, stopped, at))


async def test_preferences_reach_the_consent_of_the_person(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    consent = RememberedConsent()
    monkeypatch.setattr(door.services.inbound, "_consent", consent)
    await door.write("wamid.1", from_user_id=corpus.USER)
    (person,) = map(PersonId, await door.talk(people=1))
    await door.take(**_change_of("preferences"))

    at = datetime.fromtimestamp(corpus.SENT_AT, UTC)
    assert consent.heard == [
        (door.tenant, person, True, at),
        (door.tenant, person, False, at),
    ]


@pytest.mark.parametrize("name", ["echo", "preferences", "user_id_update"])
async def test_what_is_told_of_people_on_a_number_of_nobody_is_parked(
    door: Door, name: str
) -> None:
    door.channel = {**door.channel, "phone_number_id": "999"}
    await door.take(**_change_of(name))
    assert (await parked(door.services))[0] == "no channel has this number"


@pytest.mark.parametrize(
    ("name", "kind"), [("calls", "call"), ("group_created", "other"), ("link_click", "other")]
)
async def test_calls_and_groups_are_counted_and_not_answered(
    door: Door, name: str, kind: str
) -> None:
    before = await door.counted(kind, "noted")
    await door.take(**_change_of(name))
    assert await door.counted(kind, "noted") == before + 1
    assert not await signals(door.services, door.channel)


async def test_a_message_of_a_group_is_counted_and_not_answered(door: Door) -> None:
    before = await door.counted("group", "noted")
    await door.write("wamid.1", group_id="group-1")
    assert await door.counted("group", "noted") == before + 1
    assert not await signals(door.services, door.channel)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("account_restriction", "ACCOUNT_RESTRICTION"),
        ("template_rejected", "REJECTED"),
        ("quality", "FLAGGED"),
    ],
)
async def test_trouble_with_an_account_is_a_warning_that_can_page_somebody(
    door: Door, name: str, kind: str
) -> None:
    field = corpus.FIELDS[name][0]
    registry = door.services.metrics.registry
    labels = {"field": field}
    before = registry.get_sample_value("parley_account_alerts_total", labels) or 0.0
    with structlog.testing.capture_logs() as logs:
        await door.take(**_change_of(name))
    (alert,) = (entry for entry in logs if entry["event"] == "account_alert")
    assert (alert["log_level"], alert["field"], alert["kind"]) == ("warning", field, kind)
    assert corpus.BUSINESS not in str(alert)
    assert registry.get_sample_value("parley_account_alerts_total", labels) == before + 1


def _change_of(name: str) -> dict[str, Any]:
    field, value = corpus.FIELDS[name]
    return {"field": field, **value}
