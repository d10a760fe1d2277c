"""Knowledge bases, documents and searches in the API."""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, WithJsonSchema

from adapters.postgres.embedding_spaces import spaces_of
from adapters.postgres.tables import KnowledgeBase
from api.problems import ProblemDetails
from api.schemas.base import Input, Integer, Name, Output, Revised
from contracts.ids import (
    ConversationId,
    DocumentId,
    KnowledgeBaseId,
    OrganizationId,
    PassageId,
    QuestionId,
    SourceId,
)
from contracts.ingestion import DocumentStatus, IngestionStage

SearchLanguage = Literal[
    "simple", "arabic", "armenian", "basque", "catalan", "danish", "dutch", "english", "estonian",
    "finnish", "french", "german", "greek", "hindi", "hungarian", "indonesian", "irish", "italian",
    "lithuanian", "nepali", "norwegian", "portuguese", "romanian", "russian", "serbian", "spanish",
    "swedish", "tamil", "turkish", "yiddish",
]  # fmt: skip
"""Text-search configurations of PostgreSQL 16 and newer; `simple` suits any language."""


LARGEST_VECTOR: Final = 16_000
"""Numbers that pgvector keeps in one vector at most."""

Dimensions = Annotated[
    Integer,
    Field(ge=1, le=LARGEST_VECTOR),
    # By itself pydantic writes the limits behind a validator in words that JSON Schema has not.
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LARGEST_VECTOR}),
]


class KnowledgeBaseCreate(Input):
    name: Name
    description: str = Field(default="", max_length=2000)
    language: SearchLanguage = "simple"
    embedding_model: Name | None = Field(
        default=None, description="One that the platform offers; by default its own."
    )
    embedding_dimensions: Dimensions | None = Field(
        default=None,
        description="Size of the vectors, of a model that can give several; by default its own.",
    )


class KnowledgeBaseUpdate(Input):
    name: Name = ""
    description: str = Field(default="", max_length=2000)
    embedding_model: Name = Field(
        default="",
        description="Another one than it has: the passages are embedded again, and `reindexing` "
        "tells how far that is; until then searches use the old one. The one that it has: that is "
        "called off. The one that it is on its way to: that is begun again if it has failed.",
    )
    embedding_dimensions: Dimensions | None = Field(
        default=None,
        description="Belongs to `embedding_model`; null, or left out beside it: the model's own.",
    )


class Reindexing(Output):
    """The move of a knowledge base to another embedding model."""

    embedding_model: str
    embedding_dimensions: int | None
    status: Literal["running", "failed"]
    progress: float = Field(description="0 to 1.")
    error: str | None = Field(description="Why it stopped, and what can be done.")


class KnowledgeBasePublic(Revised):
    id: KnowledgeBaseId
    organization_id: OrganizationId
    name: str
    description: str
    language: str
    embedding_model: str
    embedding_dimensions: int | None = Field(
        description="Numbers of each vector; null until that is known."
    )
    reindexing: Reindexing | None = Field(
        description="How far it is on its way to another embedding model; null: it is not."
    )
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, base: KnowledgeBase) -> "KnowledgeBasePublic":
        spaces = spaces_of(base)
        return cls.model_validate(
            base.model_dump()
            | {
                "embedding_dimensions": spaces.present.size,
                "reindexing": spaces.next
                and Reindexing(
                    embedding_model=spaces.next.model.name,
                    embedding_dimensions=spaces.next.size,
                    status="running" if base.reindexing_error is None else "failed",
                    progress=base.reindexing_progress,
                    error=base.reindexing_error,
                ),
            }
        )


class DocumentFromText(Input):
    title: Name
    text: str = Field(min_length=1, max_length=2_000_000)


class DocumentContent(Input):
    title: Name | None = None
    text: str = Field(min_length=1, max_length=2_000_000)


class DocumentUpdate(Input):
    title: Name = ""


class DocumentPublic(Revised):
    id: DocumentId
    organization_id: OrganizationId
    knowledge_base_id: KnowledgeBaseId
    title: str
    filename: str | None
    media_type: str
    size_bytes: int
    status: DocumentStatus
    error: str | None = Field(description="Why it failed, and what can be done.")
    warnings: list[str] = Field(description="What could not be taken from the file.")
    stage: IngestionStage | None = Field(description="What is being done to it.")
    progress: float = Field(description="0 to 1.")
    chunk_count: int = Field(description="Passages that are searched.")
    staged_count: int | None = Field(description="Passages of the version that is being made.")
    embedded_count: int = Field(description="How many of these have their vectors, at least.")
    source_id: SourceId | None = Field(description="The source that keeps it current.")
    url: str | None = Field(description="Where a person can open it.")
    created_at: datetime
    updated_at: datetime


class UploadedFile(Output):
    filename: str | None
    document: DocumentPublic | None = None
    problem: ProblemDetails | None = Field(default=None, description="Why there is no document.")


class UploadedFiles(Output):
    """What became of several files, in their order."""

    items: list[UploadedFile]


class SearchRequest(Input):
    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    limit: Integer = Field(default=8, ge=1, le=30)
    earlier: list[
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    ] = Field(
        default_factory=list,
        max_length=10,
        description="What the person wrote before, oldest first: a follow-up leans on it.",
    )


class FoundPassage(Output):
    passage_id: PassageId
    document_id: DocumentId
    title: str
    heading: str | None = Field(description="The headings above it, outermost first.")
    text: str
    page: int | None
    url: str | None = Field(description="Where a person can open the document.")
    position: int = Field(description="Its number in the document, from 0.")
    start_offset: int = Field(description="Where it stands in the document's text, in characters.")
    end_offset: int
    score: float = Field(description="What the hits are ranked by; only within one search.")
    fused_score: float = Field(
        description="What meaning and words came to together, before the last ranking."
    )
    dense_score: float | None = Field(
        description="By meaning: a cosine; null: not among the nearest."
    )
    dense_rank: int | None
    lexical_score: float | None = Field(
        description="By words: a text rank; null: no word in common, or many have more."
    )
    lexical_rank: int | None
    wording_score: float = Field(
        description="0 to 1: how much of the query's wording it has, slips forgiven; the last "
        "ranking adds a little for it."
    )
    relevant: bool = Field(
        description="Above the model's threshold, or with half of the query's wording."
    )
    shown: bool = Field(description="An assistant's model would be shown it.")


class SearchTimings(Output):
    """Milliseconds. Words are searched while the query is embedded."""

    embedding: float
    words: float
    meaning: float
    reading: float
    ranking: float


class SearchResult(Output):
    items: list[FoundPassage]
    answerable: bool = Field(
        description="Whether any passage bears on the query. If none does, an assistant's model is "
        "shown none, and the assistant says that it does not know."
    )
    least_cosine: float | None = Field(
        description="The threshold of the embedding model; null: it has none, and every hit counts."
    )
    queries: list[str] = Field(
        description="What was searched: the query, and for a follow-up the query with what it "
        "leans on."
    )
    timings: SearchTimings
    lexical_only: bool = Field(
        description="Only words were searched: the model server or the index did not answer."
    )


class UnansweredQuestionPublic(Output):
    id: QuestionId
    text: str = Field(
        description="As it was asked last, without e-mail addresses, links and long numbers."
    )
    count: int = Field(description="How often it was asked.")
    people: int = Field(description="By how many people.")
    first_asked_at: datetime
    last_asked_at: datetime
    conversation_id: ConversationId = Field(description="Where it was asked last.")
