"""Sources of knowledge in the API: what each type needs, when it is read, how that went."""

from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

from pydantic import Field, StringConstraints, field_validator, model_validator

from api.schemas.base import Input, Integer, Name, Output, Revised
from contracts.ids import (
    DocumentId,
    KnowledgeBaseId,
    OrganizationId,
    SourceId,
    SourceRunId,
)
from contracts.sources import ItemOutcome, SourceType, SyncStatus, SyncTrigger
from domain.faq import LONGEST_ANSWER, LONGEST_QUESTION, MOST_PAIRS
from domain.sync_timing import LONGEST_SECONDS, SHORTEST_SECONDS, is_cron

PathPrefix = Annotated[str, StringConstraints(pattern=r"^/", max_length=500)]
Host = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9.-]+(:[0-9]{1,5})?$", min_length=1, max_length=255)
]

_NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "text": ("text",),
    "faq": (),
    "url": ("url",),
    "sitemap": ("url",),
    "crawl": ("url",),
    "s3": ("bucket",),
}
_MAY_HAVE: Final[dict[str, frozenset[str]]] = {
    "text": frozenset({"text"}),
    "faq": frozenset({"questions", "text", "url"}),
    "url": frozenset({"url"}),
    "sitemap": frozenset({"url", "max_pages", "include_paths", "exclude_paths"}),
    "crawl": frozenset(
        {"url", "max_pages", "max_depth", "allowed_hosts", "include_paths", "exclude_paths"}
    ),
    "s3": frozenset({"bucket", "prefix"}),
}
_OF_TYPES: Final = frozenset[str]().union(*_MAY_HAVE.values())
_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "sitemap": {"max_pages": 2_000},
    "crawl": {"max_pages": 200, "max_depth": 3},
    "s3": {"prefix": ""},
}
HANDED_IN: Final = frozenset({"text", "questions"})
"""What is kept as a file and not among the settings."""


class SourceSchedule(Input):
    """When it is synced by itself: every so many seconds, or as a cron expression says."""

    every_seconds: Integer | None = Field(default=None, ge=SHORTEST_SECONDS, le=LONGEST_SECONDS)
    cron: str | None = Field(
        default=None,
        max_length=200,
        description="Minute, hour, day of the month, month, day of the week; or `@daily` and the "
        "like.",
        examples=["0 6 * * 1-5"],
    )
    timezone: str | None = Field(
        default=None,
        description="Of the cron expression, by its IANA name; UTC by default.",
        examples=["Europe/Madrid"],
    )

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, value: str | None) -> str | None:
        if value is not None and not is_cron(value):
            raise ValueError("must be five fields, such as `0 6 * * 1-5`, or `@hourly` or `@daily`")
        return value and value.strip()

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError("is no IANA time zone, such as Europe/Madrid")
        return value

    @model_validator(mode="after")
    def _says_when(self) -> "SourceSchedule":
        if (self.cron is None) == (self.every_seconds is None):
            raise ValueError("needs either `every_seconds` or `cron`")
        if self.timezone is not None and self.cron is None:
            raise ValueError("`timezone` belongs to `cron`")
        return self


class Question(Input):
    question: str = Field(min_length=1, max_length=LONGEST_QUESTION)
    answer: str = Field(min_length=1, max_length=LONGEST_ANSWER)


class _SourceSettings(Input):
    url: str | None = Field(
        default=None,
        min_length=1,
        max_length=2000,
        description="Of the page or file (`url`), the sitemap (`sitemap`), the first page "
        "(`crawl`), or of questions as CSV or JSON (`faq`).",
    )
    text: str | None = Field(
        default=None,
        min_length=1,
        max_length=2_000_000,
        description="Of the type `text`; or questions as CSV or JSON (`faq`).",
    )
    questions: list[Question] | None = Field(default=None, min_length=1, max_length=MOST_PAIRS)
    max_pages: Integer | None = Field(default=None, ge=1, le=10_000)
    max_depth: Integer | None = Field(
        default=None, ge=0, le=10, description="Links from the first page on."
    )
    allowed_hosts: list[Host] | None = Field(
        default=None, max_length=20, description="Besides the first page's own."
    )
    include_paths: list[PathPrefix] | None = Field(default=None, max_length=50)
    exclude_paths: list[PathPrefix] | None = Field(default=None, max_length=50)
    bucket: str | None = Field(default=None, min_length=3, max_length=63)
    prefix: str | None = Field(default=None, max_length=1000)

    def settings(self) -> dict[str, Any]:
        """What was sent of them, without what is kept as a file."""
        sent = self.model_dump(exclude_unset=True, include=set(_OF_TYPES - HANDED_IN))
        return {name: value for name, value in sent.items() if value is not None}

    def check(self, type: str) -> None:
        """`ValueError` when something was sent that the type does not know."""
        sent = {name for name in self.model_fields_set if getattr(self, name) is not None}
        if foreign := sorted((sent & _OF_TYPES) - _MAY_HAVE[type]):
            raise ValueError(f"a source of the type {type} has no {' and no '.join(foreign)}")
        contents = sent & {"questions", "text", "url"}
        if type == "faq" and len(contents) > 1:
            raise ValueError("a source of the type faq has one of questions, text and url")


class SourceCreate(_SourceSettings):
    type: SourceType
    name: Name
    schedule: SourceSchedule | None = Field(
        default=None, description="None: it is synced when it is made, and when you ask for it."
    )
    paused: bool = False

    @model_validator(mode="after")
    def _suits_its_type(self) -> "SourceCreate":
        self.check(self.type)
        if missing := [name for name in _NEEDS[self.type] if getattr(self, name) is None]:
            raise ValueError(f"a source of the type {self.type} needs {missing[0]}")
        if self.type == "faq" and not (self.questions or self.text or self.url):
            raise ValueError("a source of the type faq needs questions, text or url")
        return self

    def all_settings(self) -> dict[str, Any]:
        return _DEFAULTS.get(self.type, {}) | self.settings()


class SourceUpdate(_SourceSettings):
    name: Name = ""
    schedule: SourceSchedule | None = None
    paused: bool = False


class SourcePublic(Revised):
    id: SourceId
    organization_id: OrganizationId
    knowledge_base_id: KnowledgeBaseId
    type: SourceType
    name: str
    url: str | None
    max_pages: int | None
    max_depth: int | None
    allowed_hosts: list[str]
    include_paths: list[str]
    exclude_paths: list[str]
    bucket: str | None
    prefix: str | None
    content_sha256: str | None = Field(
        description="Of the text or the questions that were handed in. They are read in the "
        "documents that were made of them."
    )
    schedule: dict[str, Any] | None
    paused: bool
    last_run_at: datetime | None
    next_run_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @model_validator(mode="before")
    @classmethod
    def _spread_settings(cls, row: Any) -> Any:
        if isinstance(row, dict):
            return row
        known = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        empty: dict[str, list[str]] = {
            "allowed_hosts": [],
            "include_paths": [],
            "exclude_paths": [],
        }
        spread = dict.fromkeys(_OF_TYPES - HANDED_IN) | empty | row.settings
        return spread | known


class SourceRunPublic(Output):
    id: SourceRunId
    source_id: SourceId
    trigger: SyncTrigger
    status: SyncStatus
    error: str | None = Field(description="Why it has failed, or what it could not do.")
    added: int
    changed: int
    unchanged: int
    removed: int
    failed: int
    workflow_id: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class SourceRunItemPublic(Output):
    """Something that was changed or has failed in a run."""

    key: str
    title: str | None
    url: str | None
    outcome: ItemOutcome
    reason: str | None
    document_id: DocumentId | None


class SourceRunWithItems(SourceRunPublic):
    items: list[SourceRunItemPublic] = Field(description="Failures first; 200 at most.")
