"""Knowledge bases, documents and searches in the API."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from api.schemas.base import Input, Integer, Name, Output, Revised
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, PassageId, SourceId
from contracts.ingestion import DocumentStatus

SearchLanguage = Literal[
    "simple", "arabic", "armenian", "basque", "catalan", "danish", "dutch", "english", "estonian",
    "finnish", "french", "german", "greek", "hindi", "hungarian", "indonesian", "irish", "italian",
    "lithuanian", "nepali", "norwegian", "portuguese", "romanian", "russian", "serbian", "spanish",
    "swedish", "tamil", "turkish", "yiddish",
]  # fmt: skip
"""Text-search configurations of PostgreSQL 16 and newer; `simple` suits any language."""


class KnowledgeBaseCreate(Input):
    name: Name
    description: str = Field(default="", max_length=2000)
    language: SearchLanguage = "simple"


class KnowledgeBaseUpdate(Input):
    name: Name = ""
    description: str = Field(default="", max_length=2000)


class KnowledgeBasePublic(Revised):
    id: KnowledgeBaseId
    organization_id: OrganizationId
    name: str
    description: str
    language: str
    embedding_model: str
    created_at: datetime
    updated_at: datetime


class DocumentFromText(Input):
    title: Name
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
    stage: str | None
    progress: float = Field(description="0 to 1.")
    chunk_count: int
    source_id: SourceId | None = Field(description="The source that keeps it current.")
    url: str | None = Field(description="Where a person can open it.")
    created_at: datetime
    updated_at: datetime


class SearchRequest(Input):
    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    limit: Integer = Field(default=8, ge=1, le=30)


class FoundPassage(Output):
    passage_id: PassageId
    document_id: DocumentId
    title: str
    heading: str | None
    text: str
    page: int | None
    position: int
    score: float


class SearchResult(Output):
    items: list[FoundPassage]
    lexical_only: bool = Field(
        description="Only words were searched: the model server or the index did not answer."
    )
