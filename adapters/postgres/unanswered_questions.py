"""Questions without an answer, by knowledge base: most asked first, for 90 days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import delete, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.rows import cursor_of, new_id, place_of
from adapters.postgres.tables import UnansweredQuestion
from contracts.conversation import ConversationRef
from contracts.ids import ConversationId, KnowledgeBaseId, QuestionId
from domain.unanswered import KEPT, question_id


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question, by all who asked it."""

    id: QuestionId
    text: str
    """As it was asked last."""
    count: int
    people: int
    first_asked_at: datetime
    last_asked_at: datetime
    conversation_id: ConversationId
    """Where it was asked last."""


class QuestionPage(NamedTuple):
    items: list[AskedQuestion]
    next_cursor: str | None


# Of those only that still are: a knowledge base may be deleted, a person erased meanwhile.
_ADD = text("""
INSERT INTO unanswered_questions AS known
  (id, organization_id, knowledge_base_id, person_id, question_id, text, conversation_id)
SELECT :id, person.organization_id, base.id, person.id, :question_id, :text, :conversation_id
FROM whatsapp_users AS person, knowledge_bases AS base
WHERE person.id = :person_id AND base.id = :knowledge_base_id
ON CONFLICT (organization_id, question_id, person_id) DO UPDATE SET
  count = known.count + 1, text = excluded.text, conversation_id = excluded.conversation_id,
  last_asked_at = now()
""")

_PAGE = text("""
WITH question AS (
  SELECT question_id, CAST(sum(count) AS integer) AS count, count(*) AS people,
    min(created_at) AS first_asked_at, max(last_asked_at) AS last_asked_at,
    (array_agg(text ORDER BY last_asked_at DESC))[1] AS text,
    (array_agg(conversation_id ORDER BY last_asked_at DESC))[1] AS conversation_id
  FROM unanswered_questions
  WHERE knowledge_base_id = :knowledge_base_id AND last_asked_at > :since
  GROUP BY question_id
)
SELECT question_id, text, count, people, first_asked_at, last_asked_at, conversation_id
FROM question
WHERE CAST(:count AS integer) IS NULL
  OR (count, last_asked_at, question_id) < (:count, :last_asked_at, :question_id)
ORDER BY count DESC, last_asked_at DESC, question_id DESC
LIMIT :limit
""")


async def add(
    session: AsyncSession,
    words: str,
    *,
    knowledge_base_ids: Sequence[KnowledgeBaseId],
    conversation: ConversationRef,
) -> None:
    """Count the question once for each of the knowledge bases that had no answer."""
    connection = await session.connection()
    for knowledge_base_id in knowledge_base_ids:
        await connection.execute(
            _ADD,
            {
                "id": new_id("asked"),
                "question_id": question_id(knowledge_base_id, words),
                "text": words,
                "knowledge_base_id": knowledge_base_id,
                "person_id": conversation.person_id,
                "conversation_id": conversation.conversation_id,
            },
        )


async def page(
    session: AsyncSession, knowledge_base_id: str, *, limit: int, cursor: str | None
) -> QuestionPage:
    """Most asked first. `CursorError` on a bad cursor."""
    count, last_asked_at, last_id = (
        (None, None, None) if cursor is None else place_of(cursor, int, datetime, str)
    )
    rows = await (await session.connection()).execute(
        _PAGE,
        {
            "knowledge_base_id": knowledge_base_id,
            "since": datetime.now(UTC) - KEPT,
            "count": count,
            "last_asked_at": last_asked_at,
            "question_id": last_id,
            "limit": limit + 1,
        },
    )
    found = [AskedQuestion(*row) for row in rows]
    if len(found) <= limit:
        return QuestionPage(found, None)
    last = found[limit - 1]
    return QuestionPage(found[:limit], cursor_of(last.count, last.last_asked_at, last.id))


async def remove(session: AsyncSession, knowledge_base_id: str, question: str) -> bool:
    """Forget a question, whoever asked it; whether there was one."""
    removed = await session.exec(
        delete(UnansweredQuestion).where(
            col(UnansweredQuestion.knowledge_base_id) == knowledge_base_id,
            col(UnansweredQuestion.question_id) == question,
        )
    )
    return bool(removed.rowcount)


async def remove_old(session: AsyncSession) -> int:
    """Forget what nobody has asked for `KEPT`, of the tenant whose session it is; how many."""
    since = datetime.now(UTC) - KEPT
    old = select(UnansweredQuestion.id).where(col(UnansweredQuestion.last_asked_at) <= since)
    removed = await session.exec(
        delete(UnansweredQuestion).where(col(UnansweredQuestion.id).in_(old.limit(1000)))
    )
    return removed.rowcount
