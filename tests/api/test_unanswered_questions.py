"""What nobody could answer, over HTTP: counted, masked, forgotten in time and with the person."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text as sql
from ulid import ULID

from activities.unanswered import UnansweredQuestions
from adapters.postgres import unanswered_questions, whatsapp_users
from adapters.postgres.assistant_profiles import AssistantProfile
from api.services import Services
from contracts.conversation import ConversationRef
from contracts.ids import ChannelId, KnowledgeBaseId, OrganizationId, PersonId, conversation_id
from domain.unanswered import KEPT
from domain.usage import quarter_of
from tests.api.conftest import Organization, check_problem, created


class Shop:
    """An assistant with knowledge bases, and people who ask it."""

    def __init__(self, organization: Organization, services: Services, *bases: str) -> None:
        self.organization = organization
        self.services = services
        self.id = OrganizationId(organization.id)
        self.bases = tuple(map(KnowledgeBaseId, bases))
        self.path = f"{organization.path}/knowledge-bases/{bases[0]}/unanswered-questions"
        self.profile = AssistantProfile(
            organization_id=self.id,
            organization_name="Shop",
            channel_id=ChannelId(f"chn_{ULID()}"),
            phone_number_id="1",
            access_token="secret",
            knowledge_base_ids=self.bases,
        )

    async def person(self) -> ConversationRef:
        person = PersonId(f"wau_{ULID()}")
        async with self.services.database.tenant(self.id) as session:
            await whatsapp_users.remember(session, person, organization_id=self.id)
        return self.stranger(person)

    def stranger(self, person: PersonId) -> ConversationRef:
        channel = self.profile.channel_id
        return ConversationRef(
            organization_id=self.id,
            channel_id=channel,
            person_id=person,
            conversation_id=conversation_id(channel, person),
        )

    async def ask(self, ref: ConversationRef, *texts: str) -> None:
        notes = UnansweredQuestions(self.services.database)
        notes.note(self.profile, ref, texts)
        await notes.close()

    async def listed(self, base: int = 0, **place: Any) -> list[dict[str, Any]]:
        path = self.path.replace(self.bases[0], self.bases[base])
        response = await self.organization.viewer.get(path, params=place)
        assert response.status_code == 200, response.text
        items: list[dict[str, Any]] = response.json()["items"]
        return items

    async def execute(self, statement: str, **values: Any) -> None:
        async with self.services.database.platform() as session:
            await (await session.connection()).execute(sql(statement), values)


@pytest.fixture
async def shop(ours: Organization, app: FastAPI) -> Shop:
    bases = [
        (await created(ours.admin, f"{ours.path}/knowledge-bases", name=name))["id"]
        for name in ("Help", "Prices")
    ]
    return Shop(ours, app.state.services, *bases)


async def test_the_most_asked_stands_first_with_how_often_and_by_how_many(shop: Shop) -> None:
    eva, ana = await shop.person(), await shop.person()
    await shop.ask(eva, "Do you rent canoes?")
    for person, words in ((eva, "Do you sell boats?"), (ana, "do you sell BOATS"),
                          (ana, "Do you sell boats?!")):  # fmt: skip
        await shop.ask(person, words)
    first, second = await shop.listed()
    assert (first["text"], first["count"], first["people"]) == ("Do you sell boats?!", 3, 2)
    assert first["conversation_id"] == ana.conversation_id
    assert first["first_asked_at"] < first["last_asked_at"]
    assert (second["text"], second["count"], second["people"]) == ("Do you rent canoes?", 1, 1)
    assert [one["count"] for one in await shop.listed(base=1)] == [3, 1]


async def test_a_list_goes_on_where_its_cursor_says(shop: Shop) -> None:
    person = await shop.person()
    for number in range(5):
        for _ in range(1 + number % 2):
            await shop.ask(person, f"Is it number {number}?")
    whole = await shop.listed()
    paged, cursor = [], None
    while True:
        place = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await shop.organization.viewer.get(shop.path, params=place)).json()
        paged += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert paged == whole
    assert len({one["id"] for one in paged}) == 5
    for wrong in ("x", "WzEsMl0=", "WyJhIiwxLCJiIl0=", "bnVsbA==", "WzFlNDAwLDEsImIiXQ=="):
        check_problem(await shop.organization.viewer.get(shop.path, params={"cursor": wrong}), 422)


async def test_what_is_answered_now_is_taken_off_the_list(shop: Shop) -> None:
    eva, ana = await shop.person(), await shop.person()
    for person in (eva, ana):
        await shop.ask(person, "Do you sell boats?")
    (found,) = await shop.listed()
    path, ours = f"{shop.path}/{found['id']}", shop.organization
    check_problem(await ours.operator.delete(path), 403)
    assert (await ours.admin.delete(path)).status_code == 204
    assert await shop.listed() == []
    assert len(await shop.listed(base=1)) == 1
    check_problem(await ours.admin.delete(path), 404)
    await shop.ask(eva, "Do you sell boats?")
    assert [one["count"] for one in await shop.listed()] == [1]


async def test_an_erased_person_takes_along_what_they_asked(shop: Shop) -> None:
    eva, ana = await shop.person(), await shop.person()
    await shop.ask(eva, "Do you sell boats?")
    await shop.ask(eva, "I am Eva: do you know me?")
    await shop.ask(ana, "Do you sell boats?")
    await shop.execute("DELETE FROM whatsapp_users WHERE id = :id", id=eva.person_id)
    (left,) = await shop.listed()
    assert (left["text"], left["count"]) == ("Do you sell boats?", 1)
    await shop.ask(eva, "Am I still here?")
    assert len(await shop.listed()) == 1


async def test_after_ninety_days_a_question_is_forgotten(shop: Shop) -> None:
    person = await shop.person()
    await shop.ask(person, "Do you sell boats?")
    await shop.ask(person, "Do you rent canoes?")
    await shop.execute(
        "UPDATE unanswered_questions SET last_asked_at = now() - CAST(:age AS interval) "
        "WHERE text LIKE '%boats%'",
        age=KEPT + timedelta(minutes=1),
    )
    assert [one["text"] for one in await shop.listed()] == ["Do you rent canoes?"]
    now = datetime.now(UTC)
    await shop.services.usage.roll_up(shop.id, until=quarter_of(now), now=now)
    async with shop.services.database.tenant(shop.id) as session:
        assert await unanswered_questions.remove_old(session) == 0
    await shop.ask(person, "Do you sell boats?")
    assert [one["count"] for one in await shop.listed()] == [1, 1]


async def test_a_question_of_nobody_or_about_nothing_is_not_kept(shop: Shop) -> None:
    await shop.ask(shop.stranger(PersonId(f"wau_{ULID()}")), "Do you sell boats?")
    await shop.ask(await shop.person(), "👍")
    assert await shop.listed() == []


async def test_many_ask_at_once_and_each_is_counted(shop: Shop) -> None:
    people = [await shop.person() for _ in range(5)]
    notes = UnansweredQuestions(shop.services.database)
    for _ in range(4):
        for person in people:
            notes.note(shop.profile, person, ["Do you sell boats?"])
    await asyncio.wait_for(notes.close(), 30)
    (found,) = await shop.listed()
    assert (found["count"], found["people"]) == (20, 5)


async def test_a_knowledge_base_takes_its_questions_along(shop: Shop) -> None:
    await shop.ask(await shop.person(), "Do you sell boats?")
    ours = shop.organization
    base = shop.path.removesuffix("/unanswered-questions")
    assert (await ours.admin.delete(base)).status_code == 204
    check_problem(await ours.viewer.get(shop.path), 404)
    assert len(await shop.listed(base=1)) == 1
