"""What is remembered of a conversation and its person, as a prompt shows it."""

import asyncio

from adapters.dynamodb.summaries import Summaries
from adapters.postgres import person_facts
from adapters.postgres.database import Database
from contracts.conversation import ConversationRef
from domain.prompt import Memory


class Memories:
    """Reads both stores at the same time."""

    def __init__(self, summaries: Summaries, database: Database) -> None:
        self._summaries = summaries
        self._database = database

    async def of(self, conversation: ConversationRef) -> Memory:
        summary, facts = await asyncio.gather(
            self._summaries.get(conversation.organization_id, conversation.conversation_id),
            self._facts(conversation),
        )
        return Memory(summary=summary.text if summary else None, facts=tuple(facts))

    async def _facts(self, conversation: ConversationRef) -> list[str]:
        async with self._database.tenant(conversation.organization_id) as session:
            known = await person_facts.known(session, conversation.person_id)
        return [fact.statement for fact in known]
