"""What becomes of a model's answer: only what has a ground reaches the person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from adapters.openai.chat import Completion
from adapters.postgres.assistant_profiles import AssistantProfile
from adapters.temporal.metrics import WorkerMetrics
from contracts.outbound import OutboundContent
from domain.answer import Answer, UngroundedAnswerError, read_answer, without_reasoning
from domain.canned import canned_text
from domain.formatting import to_whatsapp
from domain.grounding import Grounds
from domain.orders_to_models import gives_orders
from domain.prompt import Prompt
from domain.reply_contents import reply_contents
from domain.time_zones import time_zone
from domain.tool_calls import ModelAnswer, grounded_offer, read_tool_calls
from domain.unknown_words import unknown_text

DAYS_AHEAD: Final = 14
"""Their dates may be told without a source: who asks for tomorrow is told which day that is."""


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    contents: list[OutboundContent]
    cited_passage_ids: list[str]
    handoff: bool
    answered: bool
    """False: it says that there is no answer."""


class AnswerReader:
    def __init__(self, metrics: WorkerMetrics) -> None:
        self._metrics = metrics

    def read(
        self,
        completion: Completion,
        *,
        profile: AssistantProfile,
        prompt: Prompt,
        told: Sequence[str],
        now: datetime,
    ) -> ReadAnswer:
        """The answer as it may be sent, and what the model calls for.

        A sentence that claims what nobody told is left out. Where nothing with a source is left,
        the assistant says that it has no answer. The model is not asked again: one that invents
        costs the person seconds a second time, and is no more to be trusted then.

        Args:
            told: what was said in the conversation, and what is remembered of it.

        Raises:
            EmptyAnswerError: the model has said nothing.
        """
        passages = [
            " \n".join((passage.title, passage.heading or "", passage.text))
            for passage in prompt.passages
            if not gives_orders(passage.text)
        ]
        sources = [profile.instructions, *passages]
        grounds = Grounds(
            [*sources, *told, *_context(profile, now=now)],
            pictures=any(message.images for message in prompt.messages),
        )
        meant = read_tool_calls(
            without_reasoning(completion.text),
            completion.tool_calls,
            tools=profile.tools,
            sources=sources,
        )
        text = meant.text
        if meant.handoff and not text.strip():
            text = canned_text("handoff", language=profile.language)
        answered = meant.answered
        try:
            answer = read_answer(
                text, passages=prompt.passages, grounds=grounds, language=profile.language
            )
            if answer.left_out:
                kinds = [claim.kind for claim in answer.left_out]
                self._metrics.answer_corrected("shortened", kinds)
        except UngroundedAnswerError as error:
            self._metrics.answer_corrected("withheld", [claim.kind for claim in error.claims])
            answer = Answer(text=_instead(meant, profile), cited_passage_ids=[])
            meant = meant.model_copy(update={"offer": None})
            answered = meant.handoff
        offer = grounded_offer(meant.offer, grounds) if meant.offer else None
        return ReadAnswer(
            contents=reply_contents(to_whatsapp(answer.text), offer),
            cited_passage_ids=answer.cited_passage_ids,
            handoff=meant.handoff,
            answered=answered,
        )


def business_now(profile: AssistantProfile, *, now: datetime) -> Mapping[str, object] | None:
    """Whether the team is there, and when next; None where the business has told no hours."""
    hours = profile.opening_hours
    if hours is None:
        return None
    if hours.is_open(now):
        return {"open": True}
    opening = hours.next_opening(now)
    return {
        "open": False,
        "opens_next": None if opening is None else f"{opening:%A} {opening:%Y-%m-%dT%H:%M%z}",
    }


def _instead(meant: ModelAnswer, profile: AssistantProfile) -> str:
    if meant.handoff:
        return canned_text("handoff", language=profile.language)
    return unknown_text(language=profile.language, offers_human=profile.handoff.enabled)


def _context(profile: AssistantProfile, *, now: datetime) -> list[str]:
    """What the prompt tells of the time, and the days that it follows from."""
    here = now.astimezone(time_zone(profile.timezone))
    days = [f"{here + timedelta(days=days):%Y-%m-%d}" for days in range(-1, DAYS_AHEAD)]
    opens = (business_now(profile, now=now) or {}).get("opens_next")
    # The sign of a time's zone is none of the time.
    opening = str(opens or "").replace("T", " ")[:-5]
    return [f"{here:%H:%M}", *days, opening, profile.organization_name, profile.assistant_name]
