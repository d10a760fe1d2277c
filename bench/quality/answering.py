"""Replies as the product writes them: its search, its prompt, the chat model, its reading of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from activities.lookup import PASSAGES
from adapters.openai.chat import CompletionRequest
from adapters.openai.tokens import count_tokens
from adapters.retrieval import Hit
from bench.quality.moment import NOW
from bench.quality.stage import Stage
from contracts.ids import KnowledgeBaseId
from domain.answer import EmptyAnswerError, read_answer, without_reasoning
from domain.model_tools import AssistantTools
from domain.prompt import Passage, Persona, Prompt, build_prompt
from domain.retrieval_query import retrieval_query
from domain.tool_calls import Offer, read_tool_calls
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
    offer: Offer | None
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
            limit=PASSAGES,
        )
        prompt = build_prompt(
            [Utterance(sender="user", text=text, sent_at=NOW)],
            persona=self._persona,
            history=history,
            passages=[
                Passage(id=hit.passage_id, title=hit.title, heading=hit.heading, text=hit.text)
                for hit in found.hits
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
        meant = read_tool_calls(
            without_reasoning(completion.text),
            completion.tool_calls,
            tools=TOOLS,
            sources=[self._persona.instructions, *(one.text for one in prompt.passages)],
        )
        try:
            said = read_answer(meant.text, passages=prompt.passages)
            words, cited = said.text, bool(said.cited_passage_ids)
        except EmptyAnswerError:
            words, cited = "", False
        return Given(
            text=words,
            abstained=not (meant.answered and cited),
            handoff=meant.handoff,
            offer=meant.offer,
            hits=found.hits,
            prompt=prompt,
            seconds=seconds,
        )
