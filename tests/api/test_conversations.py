"""Conversations and people, as operators read them."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from fastapi import FastAPI
from ulid import ULID

from adapters.dynamodb import bulk
from adapters.dynamodb.outbox import Outbox
from adapters.dynamodb.people import People, PersonIdentity
from adapters.postgres import whatsapp_users
from api.services import Services
from contracts.conversation import (
    ConversationRef,
    InboundMessage,
    InboundRecord,
    RecordInbound,
    Turn,
)
from contracts.ids import (
    ChannelId,
    MessageId,
    OrganizationId,
    TurnId,
    conversation_id,
)
from tests.api.conftest import Organization, check_problem
from tests.api.test_webhooks import make_channel

NOW = datetime.now(UTC)


class Written(NamedTuple):
    ref: ConversationRef
    texts: list[str]


async def write(
    app: FastAPI,
    organization: Organization,
    *texts: str,
    wa_id: str,
    channel: ChannelId | None = None,
) -> Written:
    """Have a person write these messages, a second apart."""
    services: Services = app.state.services
    tenant = OrganizationId(organization.id)
    person = await People(services.table).resolve(tenant, PersonIdentity(wa_id=wa_id))
    async with services.database.tenant(tenant) as session:
        await whatsapp_users.remember(
            session, person, organization_id=tenant, wa_id=wa_id, profile_name="Eva"
        )
    channel = channel or ChannelId(f"chn_{ULID()}")
    ref = ConversationRef(
        organization_id=tenant,
        channel_id=channel,
        person_id=person,
        conversation_id=conversation_id(channel, person),
    )
    messages = [
        InboundRecord(
            message_id=MessageId(f"msg_{ULID()}"),
            message=InboundMessage(
                whatsapp_message_id=f"wamid.{ULID()}",
                type="text",
                reply="answer",
                text=text,
                sent_at=NOW + timedelta(seconds=position),
            ),
        )
        for position, text in enumerate(texts)
    ]
    await services.conversations.record_inbound(
        RecordInbound(
            conversation=ref, turn_id=TurnId(f"turn_{ULID()}"), messages=messages, opening=True
        )
    )
    return Written(ref, list(texts))


async def test_an_operator_reads_what_was_said(ours: Organization, app: FastAPI) -> None:
    written = await write(app, ours, "Hello", "Are you open?", "\x00 and 💬", wa_id="34600000001")
    path = f"{ours.path}/conversations/{written.ref.conversation_id}"
    conversation = (await ours.viewer.get(path)).json()
    assert conversation["status"] == "bot"
    assert conversation["whatsapp_user_id"] == written.ref.person_id
    assert conversation["inbound_count"] == 3

    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await ours.viewer.get(f"{path}/messages", params=params)).json()
        seen += [message["text"] for message in page["items"]]
        assert all(message["direction"] == "inbound" for message in page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == written.texts[::-1]


async def test_conversations_are_filtered(ours: Organization, app: FastAPI) -> None:
    first = await write(app, ours, "One", wa_id="34600000002")
    second = await write(app, ours, "Two", wa_id="34600000003")
    path = f"{ours.path}/conversations"

    async def listed(**params: str) -> set[str]:
        response = await ours.viewer.get(path, params=params)
        assert response.status_code == 200, response.text
        return {one["id"] for one in response.json()["items"]}

    both = {first.ref.conversation_id, second.ref.conversation_id}
    assert await listed() == both
    assert await listed(status="bot") == both
    assert await listed(status="closed") == set()
    assert await listed(channel_id=first.ref.channel_id) == {first.ref.conversation_id}
    assert await listed(whatsapp_user_id=second.ref.person_id) == {second.ref.conversation_id}
    for params in ({"status": "lost"}, {"channel_id": "\x00"}, {"whatsapp_user_id": "a/b"}):
        check_problem(await ours.viewer.get(path, params=params), 422)


async def test_people_are_listed_and_shown(ours: Organization, app: FastAPI) -> None:
    written = await write(app, ours, "Hi", wa_id="34600000004")
    (person,) = (await ours.viewer.get(f"{ours.path}/whatsapp-users")).json()["items"]
    assert (person["id"], person["wa_id"], person["name"]) == (
        written.ref.person_id,
        "34600000004",
        "Eva",
    )
    shown = await ours.viewer.get(f"{ours.path}/whatsapp-users/{person['id']}")
    assert shown.json() == person


async def test_conversations_and_people_of_others_are_not_found(
    ours: Organization, theirs: Organization, app: FastAPI
) -> None:
    written = await write(app, theirs, "Private", wa_id="34600000005")
    for path in (
        f"conversations/{written.ref.conversation_id}",
        f"conversations/{written.ref.conversation_id}/messages",
        f"whatsapp-users/{written.ref.person_id}",
    ):
        check_problem(await ours.admin.get(f"{ours.path}/{path}"), 404)
        check_problem(await ours.admin.get(f"{theirs.path}/{path}"), 404)
    for resource in ("conversations", "whatsapp-users"):
        assert (await ours.admin.get(f"{ours.path}/{resource}")).json()["items"] == []


@pytest.mark.parametrize("identifier", ["conv_", "conv_" + "é" * 52, "chn_x", "conv_" + "0" * 53])
async def test_what_is_no_conversation_id_is_not_found(ours: Organization, identifier: str) -> None:
    check_problem(await ours.viewer.get(f"{ours.path}/conversations/{identifier}"), 404)


async def test_a_conversation_is_exported_whole_and_in_order(
    ours: Organization, theirs: Organization, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PAGE", 3)
    texts = [f'{number} "quoted" 💬 \x00' for number in range(10)]
    written = await write(app, ours, *texts, wa_id="34600000006")
    path = f"{ours.path}/conversations/{written.ref.conversation_id}"

    export = await ours.viewer.get(f"{path}/export")

    assert export.headers["content-type"] == "application/json"
    name = f'filename="{written.ref.conversation_id}.json"'
    assert export.headers["content-disposition"] == f"attachment; {name}"
    document = export.json()
    assert document["conversation"] == (await ours.viewer.get(path)).json()
    assert [message["text"] for message in document["messages"]] == texts
    newest_first = (await ours.viewer.get(f"{path}/messages", params={"limit": 100})).json()
    assert document["messages"] == newest_first["items"][::-1]
    check_problem(await theirs.viewer.get(f"{path}/export"), 404)
    check_problem(
        await theirs.viewer.get(
            f"{theirs.path}/conversations/{written.ref.conversation_id}/export"
        ),
        404,
    )


async def test_conversations_of_a_deleted_channel_stay_readable(
    ours: Organization, app: FastAPI
) -> None:
    channel = await make_channel(ours)
    written = await write(app, ours, "Hello", wa_id="34600000007", channel=ChannelId(channel["id"]))
    assert (await ours.admin.delete(f"{ours.path}/channels/{channel['id']}")).status_code == 204
    path = f"{ours.path}/conversations/{written.ref.conversation_id}"
    for way in (path, f"{path}/messages", f"{path}/export"):
        answer = await ours.viewer.get(way)
        assert answer.status_code == 200
        assert channel["id"] in answer.text or "Hello" in answer.text
    listed = await ours.viewer.get(f"{ours.path}/conversations?channel_id={channel['id']}")
    assert [one["id"] for one in listed.json()["items"]] == [written.ref.conversation_id]


async def test_operators_see_which_messages_are_uncertain(
    app: FastAPI, ours: Organization, theirs: Organization
) -> None:
    written = await write(app, ours, "When do you open?", wa_id="34600000077")
    outbox = Outbox(app.state.services.table)
    answer = MessageId(f"msg_{ULID()}")
    turn = Turn(conversation=written.ref, turn_id=TurnId("turn_1"), message_ids=[])
    await outbox.claim(turn, message_id=answer, part=0, text="At nine.")
    await outbox.mark_uncertain(written.ref, message_id=answer)

    async def listed(organization: Organization) -> list[tuple[str, str, str]]:
        response = await organization.viewer.get(f"{organization.path}/uncertain-messages")
        assert response.status_code == 200, response.text
        return [
            (one["id"], one["conversation_id"], one["status"]) for one in response.json()["items"]
        ]

    assert await listed(ours) == [(answer, written.ref.conversation_id, "uncertain")]
    assert await listed(theirs) == []
    await outbox.mark_sent(written.ref, message_id=answer, whatsapp_message_id="wamid.77")
    assert await listed(ours) == []
