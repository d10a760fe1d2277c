"""Looks up what may answer a turn."""

from activities.profiles import profile_of
from activities.transcripts import Transcripts
from adapters.postgres.assistant_profiles import AssistantProfiles
from adapters.retrieval import Retriever
from contracts.conversation import RetrievedPassages, ScoredPassage, Turn
from domain.retrieval_query import MOST_PASSAGES, retrieval_query


class PassageLookup:
    def __init__(
        self, retriever: Retriever, *, transcripts: Transcripts, profiles: AssistantProfiles
    ) -> None:
        self._retriever = retriever
        self._transcripts = transcripts
        self._profiles = profiles

    async def of(self, turn: Turn) -> RetrievedPassages:
        """The passages of the assistant's knowledge that may answer the turn, best first.

        Nothing is found for an assistant without knowledge, for messages without words, and where
        no passage bears on what is asked. The scores rank the passages of this turn and cannot be
        compared with another turn's.
        """
        ref = turn.conversation
        profile = await profile_of(turn, self._profiles)
        if not profile.knowledge_base_ids:
            return RetrievedPassages()
        transcript = await self._transcripts.of(turn)
        query = retrieval_query(transcript.searched, history=transcript.history)
        found = await self._retriever.search(
            ref.organization_id,
            knowledge_base_ids=profile.knowledge_base_ids,
            queries=query.queries,
            limit=MOST_PASSAGES,
        )
        if not found.answerable:
            return RetrievedPassages()
        return RetrievedPassages(
            passages=tuple(
                ScoredPassage(passage_id=hit.passage_id, score=hit.score) for hit in found.hits
            )
        )
