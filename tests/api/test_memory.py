"""What is remembered is seen, corrected and removed through the API, and erased with its person."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from ulid import ULID

from adapters.postgres import person_facts, whatsapp_users
from api.services import Services
from contracts.conversation import ConversationRef, InboundMessage, InboundRecord, Referral
from contracts.ids import ChannelId, MessageId, OrganizationId, PersonId, conversation_id
from domain.memory import MAX_FACT, MAX_FACTS, LearnedFact
from settings import Settings
from tests.adapters.dynamodb.builders import NOON, a_request
from tests.api.conftest import Organization, check_problem
from tests.api.erasure_world import Filled, eraser, fill, finished, traces


@pytest.fixture
def services(app: FastAPI) -> Services:
    found: Services = app.state.services
    return found


class Remembered:
    """A conversation with a summary, and a person of whom a model has learned something."""

    def __init__(self, organization: Organization, services: Services) -> None:
        self.organization, self.services = organization, services
        tenant, channel = OrganizationId(organization.id), ChannelId(f"chn_{ULID()}")
        person = PersonId(f"wau_{ULID()}")
        self.ref = ConversationRef(
            organization_id=tenant,
            channel_id=channel,
            person_id=person,
            conversation_id=conversation_id(channel, person),
        )
        self.conversation = f"{organization.path}/conversations/{self.ref.conversation_id}"
        self.summary = f"{self.conversation}/summary"
        self.facts = f"{organization.path}/whatsapp-users/{person}/facts"
        self.message_id = MessageId(f"msg_{ULID()}")

    async def fill(self, **message: Any) -> None:
        record = InboundRecord(
            message_id=self.message_id,
            message=InboundMessage(
                whatsapp_message_id=f"wamid.{ULID()}",
                **{"type": "text", "reply": "answer", "text": "Hi", "sent_at": NOON, **message},
            ),
        )
        await self.services.conversations.record_inbound(a_request(self.ref, record, opening=True))
        async with self.services.database.tenant(self.ref.organization_id) as session:
            await whatsapp_users.remember(
                session, self.ref.person_id, organization_id=self.ref.organization_id
            )

    async def summarise(self, text: str) -> None:
        organization, conversation = self.ref.organization_id, self.ref.conversation_id
        await self.services.summaries.write(
            organization, conversation, await self.services.summaries.get(
                organization, conversation
            ),
            text=text, source="model", begins_after=None, covers_up_to=self.message_id,
            changes_seen_up_to=self.message_id,
        )  # fmt: skip

    async def learn(self, *statements: str) -> int:
        async with self.services.database.tenant(self.ref.organization_id) as session:
            return await person_facts.learn(
                session,
                [LearnedFact(statement=one, message_id=self.message_id) for one in statements],
                organization_id=self.ref.organization_id,
                person_id=self.ref.person_id,
                conversation_id=self.ref.conversation_id,
            )

    async def listed(self) -> list[str]:
        answer = await self.organization.viewer.get(self.facts, params={"limit": 100})
        assert answer.status_code == 200, answer.text
        return [one["statement"] for one in answer.json()["items"]]


@pytest.fixture
async def remembered(ours: Organization, services: Services) -> Remembered:
    remembered = Remembered(ours, services)
    await remembered.fill()
    return remembered


async def test_a_summary_is_seen_and_corrected_as_it_was_seen(remembered: Remembered) -> None:
    ours = remembered.organization
    check_problem(await ours.viewer.get(remembered.summary), 404)
    await remembered.summarise("Wants a red bicycle.")
    seen = await ours.viewer.get(remembered.summary)
    assert seen.status_code == 200
    assert {name: seen.json()[name] for name in ("text", "source", "covers_up_to")} == {
        "text": "Wants a red bicycle.", "source": "model", "covers_up_to": remembered.message_id,
    }  # fmt: skip

    headers = {"If-Match": seen.headers["etag"]}
    change = {"text": "Wants a blue bicycle."}
    check_problem(await ours.viewer.patch(remembered.summary, json=change), 403)
    changed = await ours.operator.patch(remembered.summary, json=change, headers=headers)
    assert changed.status_code == 200, changed.text
    assert (changed.json()["text"], changed.json()["source"]) == (change["text"], "operator")
    assert changed.headers["etag"] != seen.headers["etag"]
    late = await ours.operator.patch(remembered.summary, json={"text": "x"}, headers=headers)
    check_problem(late, 412)
    check_problem(await ours.operator.delete(remembered.summary, headers=headers), 412)
    for body in ({"text": " "}, {"text": "x" * 2001}, {}):
        check_problem(await ours.operator.patch(remembered.summary, json=body), 422)


async def test_a_removed_summary_is_gone_and_later_ones_are_new_objects(
    remembered: Remembered,
) -> None:
    ours = remembered.organization
    await remembered.summarise("Said something private.")
    seen = await ours.viewer.get(remembered.summary)
    check_problem(await ours.viewer.delete(remembered.summary), 403)
    assert (await ours.operator.delete(remembered.summary)).status_code == 204
    check_problem(await ours.viewer.get(remembered.summary), 404)
    check_problem(await ours.operator.delete(remembered.summary), 404)
    check_problem(await ours.operator.patch(remembered.summary, json={"text": "x"}), 404)
    assert "private" not in (await ours.viewer.get(f"{remembered.conversation}/export")).text
    stored = await remembered.services.summaries.get(
        remembered.ref.organization_id, remembered.ref.conversation_id
    )
    assert stored is not None
    assert stored.begins_after == remembered.message_id
    await remembered.summarise("New.")
    assert (await ours.viewer.get(remembered.summary)).headers["etag"] != seen.headers["etag"]


async def test_facts_are_listed_made_corrected_and_removed(remembered: Remembered) -> None:
    ours = remembered.organization
    await remembered.learn("Name: Eva")
    body = {"statement": "Prefers mornings"}
    check_problem(await ours.viewer.post(remembered.facts, json=body), 403)
    made = await ours.operator.post(remembered.facts, json=body)
    assert made.status_code == 201, made.text
    assert made.json()["source"] == "operator"
    assert await remembered.listed() == ["Prefers mornings", "Name: Eva"]
    (_, learned) = (await ours.viewer.get(remembered.facts)).json()["items"]
    assert (learned["source"], learned["source_message_id"], learned["conversation_id"]) == (
        "model", remembered.message_id, remembered.ref.conversation_id,
    )  # fmt: skip

    path = f"{remembered.facts}/{learned['id']}"
    seen = (await ours.viewer.get(path)).headers["etag"]
    change = {"statement": "Name: Eve"}
    headers = {"If-Match": seen}
    changed = await ours.operator.patch(path, json=change, headers=headers)
    assert changed.status_code == 200, changed.text
    assert (changed.json()["statement"], changed.json()["source"]) == ("Name: Eve", "operator")
    check_problem(await ours.operator.patch(path, json=change, headers=headers), 412)
    check_problem(await ours.operator.delete(path, headers=headers), 412)
    assert (await ours.operator.delete(path)).status_code == 204
    check_problem(await ours.viewer.get(path), 404)
    assert await remembered.listed() == ["Prefers mornings"]


async def test_what_was_removed_or_corrected_is_not_learned_again(remembered: Remembered) -> None:
    ours = remembered.organization
    await remembered.learn("Name: Eva", "Lives in Lund")
    (city, name) = (await ours.viewer.get(remembered.facts)).json()["items"]
    if name["statement"] != "Name: Eva":
        city, name = name, city
    await ours.operator.patch(f"{remembered.facts}/{name['id']}", json={"statement": "Name: Eve"})
    await ours.operator.delete(f"{remembered.facts}/{city['id']}")
    assert await remembered.learn("name: EVA.", "Lives in Lund!", "Name: Eve") == 0
    assert await remembered.listed() == ["Name: Eve"]
    # An operator may.
    again = await ours.operator.post(remembered.facts, json={"statement": "Lives in Lund"})
    assert again.status_code == 201
    same = await ours.operator.post(remembered.facts, json={"statement": "lives in lund"})
    assert same.json() == again.json()
    taken = await ours.operator.patch(
        f"{remembered.facts}/{again.json()['id']}", json={"statement": "Name: Eve!"}
    )
    check_problem(taken, 409)
    back = await ours.operator.patch(
        f"{remembered.facts}/{name['id']}", json={"statement": "Name: Eva"}
    )
    assert back.status_code == 200, back.text


async def test_a_person_has_a_bounded_number_of_facts(remembered: Remembered) -> None:
    ours = remembered.organization
    assert await remembered.learn(*(f"Order {number}" for number in range(80))) == MAX_FACTS
    refused = await ours.operator.post(remembered.facts, json={"statement": "One more"})
    assert "Remove one" in check_problem(refused, 409)["detail"]
    for statement in ("", "x" * (MAX_FACT + 1)):
        check_problem(
            await ours.operator.post(remembered.facts, json={"statement": statement}), 422
        )


async def test_facts_come_in_pages(remembered: Remembered) -> None:
    await remembered.learn(*(f"Order {number}" for number in range(7)))
    seen: list[str] = []
    params: dict[str, Any] = {"limit": 3}
    while True:
        answer = await remembered.organization.viewer.get(remembered.facts, params=params)
        page = answer.json()
        seen += [one["statement"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert sorted(seen) == [f"Order {number}" for number in range(7)]


async def test_a_fact_of_one_person_is_not_found_at_another(
    remembered: Remembered, services: Services
) -> None:
    other = Remembered(remembered.organization, services)
    await other.fill()
    await remembered.learn("Name: Eva")
    (fact,) = (await remembered.organization.viewer.get(remembered.facts)).json()["items"]
    path = f"{other.facts}/{fact['id']}"
    admin = remembered.organization.admin
    check_problem(await admin.get(path), 404)
    check_problem(await admin.patch(path, json={"statement": "x"}), 404)
    check_problem(await admin.delete(path), 404)
    assert await remembered.listed() == ["Name: Eva"]


async def test_the_audit_log_holds_no_words_of_it(remembered: Remembered) -> None:
    ours = remembered.organization
    await remembered.summarise("Private one.")
    await ours.operator.patch(remembered.summary, json={"text": "Private two."})
    made = await ours.operator.post(remembered.facts, json={"statement": "Private three"})
    path = f"{remembered.facts}/{made.json()['id']}"
    await ours.operator.patch(path, json={"statement": "Private four"})
    await ours.operator.patch(path, json={"statement": "Private four"})
    await ours.operator.delete(path)
    await ours.operator.delete(remembered.summary)
    log = await ours.admin.get(f"{ours.path}/audit-log")
    assert [one["action"] for one in log.json()["items"] if "api_key" not in one["action"]] == [
        "conversation_summary.delete", "person_fact.delete", "person_fact.update",
        "person_fact.create", "conversation_summary.update",
    ]  # fmt: skip
    assert "Private" not in log.text


async def test_the_export_has_what_is_remembered(remembered: Remembered) -> None:
    export = f"{remembered.conversation}/export"
    empty = (await remembered.organization.viewer.get(export)).json()
    assert (empty["summary"], empty["facts"]) == (None, [])
    await remembered.summarise('Wants a "red" one 🚲')
    await remembered.learn("Name: Eva")
    document = (await remembered.organization.viewer.get(export)).json()
    assert (document["summary"], document["facts"]) == ('Wants a "red" one 🚲', ["Name: Eva"])


async def test_a_message_shows_what_it_refers_to_and_where_it_came_from(
    ours: Organization, services: Services
) -> None:
    remembered = Remembered(ours, services)
    ad = Referral(headline="Sale", source_type="ad", source_url="https://example.com")
    await remembered.fill(
        refers_to="wamid.1", in_reply_to="wamid.2", choice_id="yes", forwarded=True, referral=ad,
        details={"latitude": 41.4, "name": "Café 💬"},
    )  # fmt: skip
    answer = await ours.viewer.get(f"{remembered.conversation}/messages")
    (message,) = answer.json()["items"]
    shown = ("refers_to", "in_reply_to", "choice_id", "forwarded", "referral", "details")
    assert {name: message[name] for name in shown} == {
        "refers_to": "wamid.1",
        "in_reply_to": "wamid.2",
        "choice_id": "yes",
        "forwarded": True,
        "referral": ad.model_dump(),
        "details": {"latitude": 41.4, "name": "Café 💬"},
    }


@pytest.fixture
async def filled(ours: Organization, stranger: httpx.AsyncClient, services: Services) -> Filled:
    return await fill(ours, stranger, services)


async def test_what_is_remembered_is_erased_with_its_person(
    filled: Filled, ours: Organization, services: Services, settings: Settings
) -> None:
    marks = [f"zq{ULID()}" for _ in range(2)]
    for ref, mark in zip(filled.conversations, marks, strict=True):
        await remember(ref, mark, ours, services)
    gone = filled.conversations[0]
    before = await traces(marks[1], services)
    assert len(await traces(marks[0], services)) == len(before) == 4

    answer = await ours.admin.delete(f"{ours.path}/whatsapp-users/{gone.person_id}")
    async with eraser(settings):
        await finished(ours.admin, answer.headers["Location"])

    assert await traces(marks[0], services) == []
    assert await traces(gone.person_id, services) == []
    assert await traces(marks[1], services) == before


async def test_what_is_remembered_is_erased_with_its_organisation(
    filled: Filled, platform: httpx.AsyncClient, services: Services, settings: Settings
) -> None:
    mark = f"zq{ULID()}"
    for ref in filled.conversations:
        await remember(ref, mark, filled.organization, services)
    answer = await platform.delete(filled.organization.path)
    async with eraser(settings):
        erasure = await finished(platform, answer.headers["Location"])
    assert await traces(mark, services) == []
    assert erasure["removed"]["person_facts"] == 4


async def remember(
    ref: ConversationRef, mark: str, organization: Organization, services: Services
) -> None:
    """A summary, a fact, the trace of a removed fact, an edit of a message."""
    edit = InboundRecord(
        message_id=MessageId(f"msg_{ULID()}"),
        message=InboundMessage(
            whatsapp_message_id=f"wamid.{ULID()}", type="edit", reply="none", sent_at=NOON,
            text="[edited]", refers_to=f"wamid.{mark}",
        ),
    )  # fmt: skip
    await services.conversations.record_inbound(a_request(ref, edit))
    await services.summaries.write(
        ref.organization_id, ref.conversation_id, None, text=mark, source="model",
        begins_after=None, covers_up_to=None, changes_seen_up_to=None,
    )  # fmt: skip
    facts = f"{organization.path}/whatsapp-users/{ref.person_id}/facts"
    for statement in (f"Order {mark}", "Of no use"):
        made = await organization.operator.post(facts, json={"statement": statement})
        assert made.status_code == 201, made.text
    await organization.operator.delete(f"{facts}/{made.json()['id']}")
