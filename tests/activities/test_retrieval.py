"""Looking up what may answer a turn: transcript, assistant and passages as they are kept."""

from collections.abc import AsyncIterator

import pytest
from openai import AsyncOpenAI
from temporalio.testing import ActivityEnvironment
from ulid import ULID

from activities.lookup import PassageLookup
from activities.retrieval import RetrievalActivities
from activities.transcripts import Transcripts
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.table import Table
from adapters.keyring import KeyRing
from adapters.openai.embeddings import Embeddings
from adapters.postgres.assistant_profiles import AssistantProfiles
from adapters.postgres.database import Database
from adapters.postgres.passages import Passages
from adapters.postgres.sealed import seal_channel_secret
from adapters.postgres.tables import Assistant, Channel
from adapters.query_embeddings import QueryEmbeddings
from adapters.retrieval import Retriever
from adapters.vectors.pgvector import PgVectorIndex
from contracts.conversation import ConversationRef, InboundRecord, RetrievedPassages, Turn
from contracts.ids import AssistantId, ChannelId, KnowledgeBaseId, PersonId, conversation_id
from tests.activities.test_ingestion import Steps
from tests.adapters.dynamodb.builders import a_record, a_request
from tests.ingestion import words
from tests.knowledge import MODEL, Knowledge, new_knowledge

KEY_RING = KeyRing(["a key ring for tests, long enough to be one"])


class Desk:
    """A channel whose assistant knows two documents."""

    def __init__(
        self, knowledge: Knowledge, table: Table, client: AsyncOpenAI, profiles: AssistantProfiles
    ) -> None:
        self.knowledge = knowledge
        self.conversations = Conversations(table)
        embeddings = Embeddings(client, model=MODEL, count_tokens=words)
        self.retriever = Retriever(
            Passages(knowledge.database),
            index=PgVectorIndex(knowledge.database),
            embeddings=QueryEmbeddings(embeddings),
        )
        self._activities = RetrievalActivities(
            PassageLookup(
                self.retriever, transcripts=Transcripts(self.conversations), profiles=profiles
            )
        )
        channel, person = ChannelId(f"chn_{ULID()}"), PersonId(f"wau_{ULID()}")
        self.ref = ConversationRef(
            organization_id=knowledge.organization_id,
            channel_id=channel,
            person_id=person,
            conversation_id=conversation_id(channel, person),
        )

    async def open(self, *knowledge_base_ids: KnowledgeBaseId) -> None:
        assistant_id = AssistantId(f"ast_{ULID()}")
        async with self.knowledge.database.tenant(self.ref.organization_id) as session:
            session.add(
                Assistant(
                    id=assistant_id,
                    organization_id=self.ref.organization_id,
                    name="Ada",
                    knowledge_base_ids=list(knowledge_base_ids),
                )
            )
            await session.flush()
            session.add(
                Channel(
                    id=self.ref.channel_id,
                    organization_id=self.ref.organization_id,
                    phone_number_id=str(ULID()),
                    waba_id="1",
                    display_phone_number="+1",
                    assistant_id=assistant_id,
                    access_token_encrypted=seal_channel_secret(
                        "token",
                        keyring=KEY_RING,
                        column="access_token",
                        organization_id=self.ref.organization_id,
                        channel_id=self.ref.channel_id,
                    ),
                )
            )

    async def say(self, *texts: str) -> Turn:
        """The person writes; the turn that answers it."""
        records: list[InboundRecord] = [a_record(text) for text in texts]
        request = a_request(self.ref, *records, opening=True)
        await self.conversations.record_inbound(request)
        return Turn(
            conversation=self.ref,
            turn_id=request.turn_id,
            message_ids=[record.message_id for record in records],
        )

    async def retrieve(self, turn: Turn) -> RetrievedPassages:
        return await ActivityEnvironment().run(self._activities.retrieve_passages, turn)

    async def texts(self, turn: Turn) -> list[str]:
        found = (await self.retrieve(turn)).passages
        stored = await self.retriever.passages_by_id(
            self.ref.organization_id, passage_ids=[passage.passage_id for passage in found]
        )
        return [stored[passage.passage_id].text for passage in found]


@pytest.fixture
async def desk(
    database: Database, table: Table, embedding_client: AsyncOpenAI
) -> AsyncIterator[Desk]:
    knowledge = await new_knowledge(database)
    steps = Steps(knowledge, embedding_client)
    for text in ("We deliver to Lisbon on Friday.", "Repairs cost ten euros."):
        await steps.ingest(await knowledge.add(text))
    async with AssistantProfiles(database, KEY_RING) as profiles:
        yield Desk(knowledge, table, embedding_client, profiles)


async def test_the_best_passage_for_the_turn_comes_first_by_id_alone(desk: Desk) -> None:
    await desk.open(desk.knowledge.knowledge_base_id)
    turn = await desk.say("What do repairs cost?")
    assert (await desk.texts(turn))[0] == "Repairs cost ten euros."
    found = await desk.retrieve(turn)
    assert "euros" not in found.model_dump_json()
    assert [p.score for p in found.passages] == sorted(
        (p.score for p in found.passages), reverse=True
    )


async def test_a_follow_up_leans_on_what_was_asked_before(desk: Desk) -> None:
    await desk.open(desk.knowledge.knowledge_base_id)
    await desk.say("Do you deliver to Lisbon?")
    assert (await desk.texts(await desk.say("And when?")))[0] == "We deliver to Lisbon on Friday."


async def test_nothing_is_shown_when_nothing_bears_on_the_question(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.open(desk.knowledge.knowledge_base_id)
    assert len(await desk.texts(await desk.say("Zebra crossings?"))) == 2
    monkeypatch.setattr("adapters.retrieval.least_cosine", lambda _model: 0.5)
    assert await desk.texts(await desk.say("Zebra crossings in the whole of Lagos tomorrow?")) == []
    assert len(await desk.texts(await desk.say("Repairs cost how many euros?"))) == 2


async def test_an_assistant_without_knowledge_finds_nothing(desk: Desk) -> None:
    await desk.open()
    assert await desk.texts(await desk.say("What do repairs cost?")) == []


async def test_words_are_needed(desk: Desk) -> None:
    await desk.open(desk.knowledge.knowledge_base_id)
    assert await desk.texts(await desk.say("👍")) == []


async def test_a_knowledge_base_of_another_organisation_gives_nothing(
    desk: Desk, database: Database, embedding_client: AsyncOpenAI
) -> None:
    """Even an assistant that names it: the row is checked, not the name."""
    other = await new_knowledge(database)
    await Steps(other, embedding_client).ingest(await other.add("Their repairs cost a fortune."))
    await desk.open(other.knowledge_base_id)
    assert await desk.texts(await desk.say("What do repairs cost?")) == []
