"""Notes the questions that had no answer: beside the replies, never in their way."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from adapters.postgres import unanswered_questions
from adapters.postgres.assistant_profiles import AssistantProfile
from adapters.postgres.database import Database
from contracts.conversation import ConversationRef
from domain.unanswered import kept_words

MOST_AT_ONCE: Final = 4
"""Connections that notes may take of the pool at a time; what waits is written later."""

_log = structlog.stdlib.get_logger(__name__)


class UnansweredQuestions:
    """What a killed worker had not written yet is lost: these are counts, and no record.

    Close it where it was opened: notes under way end first.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._under_way: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(MOST_AT_ONCE)

    def note(
        self, profile: AssistantProfile, conversation: ConversationRef, texts: Sequence[str]
    ) -> None:
        """Count what was asked, in each of the assistant's knowledge bases; nobody waits for it."""
        words = kept_words(texts)
        if words is None or not profile.knowledge_base_ids:
            return
        task = asyncio.create_task(self._add(profile, conversation, words))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _add(
        self, profile: AssistantProfile, conversation: ConversationRef, words: str
    ) -> None:
        try:
            async with self._free, self._database.tenant(profile.organization_id) as session:
                await unanswered_questions.add(
                    session,
                    words,
                    knowledge_base_ids=profile.knowledge_base_ids,
                    conversation=conversation,
                )
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning(
                "question_not_noted",
                organization_id=profile.organization_id,
                error=type(error).__name__,
            )
