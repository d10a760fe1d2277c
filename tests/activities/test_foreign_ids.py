"""Activities that are told ids of another organisation's: they reach nothing of it."""

from contextlib import suppress
from typing import Any, Final, cast

from sqlalchemy.exc import DBAPIError
from temporalio.testing import ActivityEnvironment

from activities.conversation import ConversationActivities
from activities.erasure import ErasureActivities
from activities.quotas import QuotaKeeper
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.erasure import ErasedItems
from adapters.dynamodb.people import People, PersonIdentity
from adapters.dynamodb.table import Table
from adapters.erasures import Erasures
from adapters.objects.objects import Objects
from adapters.postgres import whatsapp_users
from adapters.postgres.assistant_profiles import AssistantProfiles
from adapters.postgres.consents import Consents
from adapters.postgres.database import Database
from adapters.postgres.tables import Channel
from adapters.temporal.executions import Executions
from adapters.temporal.source_schedules import SourceSchedules
from adapters.vectors.index import VectorIndex
from contracts.conversation import RecordInbound
from contracts.erasure import Erase
from contracts.ids import (
    ApiKeyId,
    ChannelId,
    ErasureId,
    OrganizationId,
    PersonId,
    TurnId,
    conversation_id,
)
from tests.adapters.dynamodb.builders import a_conversation, a_record, an_id
from tests.knowledge import new_knowledge

NUMBER: Final = "34600111222"


class NoQuotas:
    async def limit_of(self, *_: Any) -> None:
        return None


class NoChannels:
    async def for_channel(self, *_: Any) -> None:
        raise LookupError


class Listed:
    """Notes what is asked of Temporal, which has nothing."""

    def __init__(self) -> None:
        self.queries: list[str] = []

    async def remove_listed(self, query: str) -> int:
        self.queries.append(query)
        return 0


async def test_a_person_of_others_is_not_written_over(database: Database, table: Table) -> None:
    ours, theirs = [(await new_knowledge(database)).organization_id for _ in range(2)]
    person_id = PersonId(an_id("wau"))
    async with database.tenant(theirs) as session:
        await whatsapp_users.remember(
            session, person_id, organization_id=theirs, wa_id=NUMBER, profile_name="Theirs"
        )
    people = People(table, new_person_id=lambda: person_id)
    await people.resolve(ours, PersonIdentity(wa_id=NUMBER, profile_name="Ours"))
    activities = ConversationActivities(
        conversations=Conversations(table),
        people=people,
        database=database,
        quotas=cast("QuotaKeeper", NoQuotas()),
        profiles=cast("AssistantProfiles", NoChannels()),
        consents=Consents(database),
    )
    request = RecordInbound(
        conversation=a_conversation(ours, person_id=person_id),
        turn_id=TurnId(an_id("turn")),
        messages=[a_record()],
        opening=True,
    )
    with suppress(DBAPIError):
        await ActivityEnvironment().run(activities.record_inbound, request)
    async with database.tenant(theirs) as session:
        person = await whatsapp_users.get(session, person_id)
    assert person is not None
    assert person.profile_name == "Theirs"


async def test_an_erasure_looks_for_conversations_of_its_own_channels(
    database: Database, table: Table
) -> None:
    ours, theirs = [(await new_knowledge(database)).organization_id for _ in range(2)]
    channel, _theirs = [await connected(database, owner) for owner in (ours, theirs)]
    person_id, listed = PersonId(an_id("wau")), Listed()
    activities = ErasureActivities(
        Erasures(database, People(table)),
        database=database,
        executions=cast("Executions", listed),
        schedules=cast("SourceSchedules", None),
        objects=cast("Objects", None),
        index=cast("VectorIndex", None),
        items=ErasedItems(table),
    )
    request = Erase(
        erasure_id=ErasureId(an_id("era")),
        kind="whatsapp_user",
        organization_id=ours,
        subject_id=person_id,
        requested_by=ApiKeyId("key"),
    )
    await ActivityEnvironment().run(activities.erase_histories, request)
    (query,) = listed.queries
    assert conversation_id(channel, person_id) in query


async def connected(database: Database, organization_id: OrganizationId) -> ChannelId:
    channel_id = ChannelId(an_id("chn"))
    async with database.tenant(organization_id) as session:
        session.add(
            Channel(
                id=channel_id,
                organization_id=organization_id,
                phone_number_id=channel_id,
                waba_id="1",
                display_phone_number="1",
                access_token_encrypted=b"",
            )
        )
    return channel_id
