"""What is remembered of a conversation and a person, in the API."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from adapters.dynamodb.summaries import Author
from api.schemas.base import Input, Revised
from contracts.ids import ConversationId, FactId, MessageId, PersonId
from domain.memory import MAX_FACT, MAX_SUMMARY

SummaryText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_SUMMARY)
]
Statement = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_FACT)
]


class SummaryPublic(Revised):
    text: str = Field(description="What was said, for the assistant and for whoever takes over.")
    source: Author = Field(description="Who wrote it last: the model, or an operator.")
    covers_up_to: MessageId | None = Field(description="The newest message that it takes in.")
    created_at: datetime
    updated_at: datetime


class SummaryUpdate(Input):
    text: SummaryText = Field(description="The model goes on from it.")


class FactPublic(Revised):
    id: FactId
    whatsapp_user_id: PersonId
    statement: str
    source: Author = Field(description="Who wrote it last. No model changes what an operator did.")
    conversation_id: ConversationId | None = Field(
        description="Where the person said it; null: an operator knew it."
    )
    source_message_id: MessageId | None
    created_at: datetime
    updated_at: datetime


class FactCreate(Input):
    statement: Statement = Field(description="One short sentence.", examples=["Prefers mornings."])


class FactUpdate(Input):
    statement: Statement = Field(
        description="Takes the place of the old one, which no model brings back.",
        examples=["Prefers afternoons."],
    )
