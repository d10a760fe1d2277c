"""Looking up what may answer a turn."""

from collections.abc import Collection
from typing import Final

from temporalio import activity

from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.messages import StoredMessage
from adapters.postgres.assistant_profiles import AssistantProfiles
from adapters.retrieval import Retriever
from contracts.conversation import RetrievedPassages, ScoredPassage, Turn
from contracts.ids import MessageId
from domain.prompt import Utterance
from domain.retrieval_query import retrieval_query

PASSAGES: Final = 8
"""Found passages of a turn: about what a prompt has room for."""
RECENT_MESSAGES: Final = 20
"""Enough to hold a burst and the question that it follows up."""


class RetrievalActivities:
    """Implements `retrieve_passages`."""

    def __init__(
        self, retriever: Retriever, *, conversations: Conversations, profiles: AssistantProfiles
    ) -> None:
        self._retriever = retriever
        self._conversations = conversations
        self._profiles = profiles

    @activity.defn(name="retrieve_passages")
    async def retrieve_passages(self, turn: Turn) -> RetrievedPassages:
        """Find the passages of the assistant's knowledge that may answer the turn, best first.

        Nothing is found for an assistant without knowledge or for messages without words. The
        scores rank the passages of this turn and cannot be compared with another turn's.
        """
        ref = turn.conversation
        profile = await self._profiles.for_channel(ref.organization_id, ref.channel_id)
        if not profile.knowledge_base_ids:
            return RetrievedPassages()
        messages = await self._conversations.recent(ref, limit=RECENT_MESSAGES)
        answered = set(turn.message_ids)
        query = retrieval_query(
            [message.text for message in messages if message.id in answered and message.text],
            history=_before(messages, answered),
        )
        found = await self._retriever.search(
            ref.organization_id,
            knowledge_base_ids=profile.knowledge_base_ids,
            queries=query.queries,
            limit=PASSAGES,
        )
        return RetrievedPassages(
            passages=tuple(
                ScoredPassage(passage_id=hit.passage_id, score=hit.score) for hit in found.hits
            )
        )


def _before(messages: list[StoredMessage], answered: Collection[MessageId]) -> list[Utterance]:
    """What was said before the first of the messages that are answered."""
    history: list[Utterance] = []
    for message in messages:
        if message.id in answered:
            break
        if message.text:
            history.append(
                Utterance(sender=message.sender, text=message.text, sent_at=message.created_at)
            )
    return history
