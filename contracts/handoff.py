"""When an assistant hands a conversation to a human, and when it takes it back."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, StrictBool, StringConstraints, ValidationError

from contracts.model import Contract, WholeNumber

SECONDS_PER_MINUTE: Final = 60

Times = Annotated[WholeNumber, Field(ge=1, le=100)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4096)]
"""Meta's limit for the body of a text message."""
Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=100)]


class HandoffRules(Contract):
    """What the workflow needs to know of an assistant's handoff settings."""

    enabled: bool = True
    """False: only an operator, or a reply typed in the WhatsApp Business app, takes over."""
    after_failures: int | None = 2
    after_unanswered: int | None = None
    return_seconds: float | None = 3600
    """After so long without a human the assistant answers again; None: never by itself."""
    notice: bool = False
    """The person is told when a human takes over."""


class HandoffCounts(Contract):
    """Turns in a row that brought the person no answer."""

    failures: int = 0
    unanswered: int = 0


class HandoffSettings(Contract):
    """How an assistant hands over, as its organisation has set it up."""

    enabled: StrictBool = Field(
        default=True, description="false: only operators take conversations over."
    )
    message: Words | None = Field(
        default=None,
        description="What the person hears when a human is asked for; outside business hours, when "
        "the business opens next is added. null: a sentence in the assistant's language.",
    )
    phrases: Annotated[tuple[Phrase, ...], Field(max_length=50)] = Field(
        default=(),
        description="Words that ask for a human, besides the usual ones of each language.",
    )
    after_failures: Times | None = Field(
        default=2, description="After so many turns in a row without a reply; null: never."
    )
    after_unanswered: Times | None = Field(
        default=None,
        description="After so many answers in a row that say that they do not know; null: never.",
    )
    on_upset: StrictBool = Field(
        default=False, description="Also when the person insults, threatens or shouts."
    )
    return_after_minutes: Annotated[WholeNumber, Field(ge=1, le=10_080)] | None = Field(
        default=60,
        description="After so long without a human the assistant answers again; null: never by "
        "itself.",
    )
    notice: Words | None = Field(
        default=None, description="What the person hears when a human takes over; null: nothing."
    )

    @classmethod
    def of(cls, stored: Any) -> "HandoffSettings":
        """As `assistants.handoff` holds them. A setting that cannot be read is its default."""
        if not isinstance(stored, Mapping):
            return cls()
        known = {name: stored[name] for name in cls.model_fields if name in stored}
        try:
            return cls.model_validate(known)
        except ValidationError as error:
            wrong = {problem["loc"][0] for problem in error.errors()}
            return cls.model_validate({n: known[n] for n in known if n not in wrong})

    @property
    def return_seconds(self) -> float | None:
        minutes = self.return_after_minutes
        return None if minutes is None else float(minutes * SECONDS_PER_MINUTE)

    def rules(self) -> HandoffRules:
        """Those that the workflow follows."""
        return HandoffRules(
            enabled=self.enabled,
            after_failures=self.after_failures,
            after_unanswered=self.after_unanswered,
            return_seconds=self.return_seconds,
            notice=self.notice is not None,
        )
