"""The reply of a turn, or an operator's message, before it is sent part by part."""

from typing import Literal

from pydantic import model_validator

from adapters.dynamodb.messages import Citation
from contracts.conversation import Operator
from contracts.model import Contract
from contracts.outbound import OutboundContent, ReactionContent, TextContent
from domain.outbound import words_of


class DraftPart(Contract):
    """One message of a draft."""

    text: str
    """The message, or what its content says in words."""
    citations: tuple[Citation, ...] = ()
    content: OutboundContent | None = None
    """None: the text itself."""
    reply_to: str | None = None
    """`whatsapp_message_id` of the message that it quotes."""

    @model_validator(mode="after")
    def _reactions_quote_nothing(self) -> "DraftPart":
        if self.reply_to is not None and isinstance(self.content, ReactionContent):
            raise ValueError("reply_to: a reaction cannot quote a message")
        return self

    @property
    def to_send(self) -> OutboundContent:
        """The content, or the text as one. A text is not checked again: it was cut to fit, and what
        an assistant's own words break is for Meta to refuse, once."""
        return self.content or TextContent.model_construct(body=self.text)

    @classmethod
    def of(
        cls,
        content: OutboundContent,
        *,
        citations: tuple[Citation, ...] = (),
        reply_to: str | None = None,
    ) -> "DraftPart":
        """The part that sends `content`."""
        plain = isinstance(content, TextContent) and not content.preview_url
        return cls(
            text=words_of(content),
            citations=citations,
            content=None if plain else content,
            reply_to=reply_to,
        )


class Draft(Contract):
    """The reply of a turn, before it is sent part by part."""

    parts: tuple[DraftPart, ...]
    sender: Literal["assistant", "operator"] = "assistant"
    operator: Operator | None = None
    """Who wrote it, where the sender is an operator."""
    model: str | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
