"""Replies as the product writes them: its search, its prompt, the chat model, its reading of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from activities.answers import AnswerReader
from adapters.openai.chat import CompletionRequest
from adapters.openai.tokens import count_tokens
from adapters.postgres.assistant_profiles import AssistantProfile
from adapters.retrieval import Hit
from adapters.temporal.metrics import WorkerMetrics
from bench.quality.moment import NOW
from bench.quality.stage import Stage
from contracts.ids import ChannelId, KnowledgeBaseId
from contracts.outbound import TextContent
from domain.answer import EmptyAnswerError
from domain.model_tools import AssistantTools
from domain.outbound.words import words_of
from domain.prompt import Passage, Persona, Prompt, build_prompt
from domain.retrieval_query import MOST_PASSAGES, retrieval_query
from domain.transcript import Utterance
from local.demo.businesses import Business

TOOLS: Final = AssistantTools()


@dataclass(frozen=True)
class Given:
    """A reply, and what it was written from."""

    text: str
    abstained: bool
    """The model said that the passages hold no answer, or cited none of them."""
    handoff: bool
    offers: bool
    """Choices, a link or the like go with it."""
    hits: Sequence[Hit]
    prompt: Prompt
    seconds: float
    """Of the chat model."""


class Assistant:
    """One business's assistant, with these knowledge bases."""

    def __init__(
        self, stage: Stage, business: Business, *, knowledge_base_ids: Sequence[KnowledgeBaseId]
    ) -> None:
        self._stage = stage
        self._knowledge_base_ids = knowledge_base_ids
        self._answers = AnswerReader(WorkerMetrics())
        self._profile = AssistantProfile(
            organization_id=stage.library.organization_id,
            organization_name=business.name,
            channel_id=ChannelId("chn_quality"),
            phone_number_id=business.phone_number_id,
            access_token="",
            assistant_name=business.assistant_name,
            instructions=business.instructions,
            language=business.language,
            tools=TOOLS,
        )
        self._persona = Persona(
            name=business.assistant_name,
            instructions=business.instructions,
            organization_name=business.name,
            language=business.language,
            hands_over=TOOLS.handoff,
        )

    async def answer(self, text: str, *, history: Sequence[Utterance] = ()) -> Given:
        """The reply to a message, as a turn of a conversation makes it."""
        found = await self._stage.knowledge.retriever.search(
            self._stage.library.organization_id,
            knowledge_base_ids=self._knowledge_base_ids,
            queries=retrieval_query([text], history=history).queries,
            limit=MOST_PASSAGES,
        )
        prompt = build_prompt(
            [Utterance(sender="user", text=text, sent_at=NOW)],
            persona=self._persona,
            history=history,
            passages=[
                Passage(id=hit.passage_id, title=hit.title, heading=hit.heading, text=hit.text)
                for hit in (found.hits if found.answerable else [])
            ],
            now=NOW,
            count_tokens=count_tokens,
            total_tokens=self._stage.prompt_tokens,
        )
        began = time.monotonic()
        completion = await self._stage.models.complete(
            CompletionRequest(
                model=self._stage.chat_model,
                messages=prompt.messages,
                tools=TOOLS.definitions(),
            )
        )
        seconds = time.monotonic() - began
        try:
            read = self._answers.read(
                completion,
                profile=self._profile,
                prompt=prompt,
                told=[text, *(utterance.text for utterance in history)],
                now=NOW,
            )
        except EmptyAnswerError:
            return Given("", True, False, False, found.hits, prompt, seconds)
        return Given(
            text="\n".join(words_of(content) for content in read.contents),
            abstained=not (read.answered and read.cited_passage_ids),
            handoff=read.handoff,
            offers=not all(isinstance(content, TextContent) for content in read.contents),
            hits=found.hits,
            prompt=prompt,
            seconds=seconds,
        )
