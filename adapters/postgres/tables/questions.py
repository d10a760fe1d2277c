"""What people asked and nobody could answer."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text, UniqueConstraint, func
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from adapters.postgres.tables import columns
from contracts.ids import (
    AskedQuestionId,
    ConversationId,
    KnowledgeBaseId,
    OrganizationId,
    PersonId,
    QuestionId,
)


class UnansweredQuestion(SQLModel, table=True):
    """A question that one person asked. It goes with the person, so that an erasure takes it along;
    together, the rows of a question say how often it was asked."""

    __tablename__ = "unanswered_questions"
    __table_args__ = (
        UniqueConstraint("organization_id", "question_id", "person_id"),
        columns.own("knowledge_base_id", "knowledge_bases", ondelete="CASCADE"),
        columns.own("person_id", "whatsapp_users", ondelete="CASCADE"),
        Index("ix_unanswered_questions_list", "knowledge_base_id", "last_asked_at"),
        Index("ix_unanswered_questions_person", "organization_id", "person_id"),
        Index("ix_unanswered_questions_age", "organization_id", "last_asked_at"),
    )

    id: AskedQuestionId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = columns.organization_id(index=False)
    knowledge_base_id: KnowledgeBaseId = Field(sa_type=Text)
    person_id: PersonId = Field(sa_type=Text)
    question_id: QuestionId = Field(sa_type=Text)
    """The same of all who asked it, in letters and figures alike; made of the knowledge base and
    the question (`domain/unanswered.py`)."""
    text: str = Field(sa_type=Text)
    """As the person asked it last, without what identifies somebody."""
    count: int = Field(default=1, sa_column_kwargs={"server_default": sql("1")})
    conversation_id: ConversationId = Field(sa_type=Text)
    """Where it was asked last."""
    created_at: datetime = columns.created_at()
    last_asked_at: datetime = Field(
        default=None,
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": func.now(), "nullable": False},
    )
