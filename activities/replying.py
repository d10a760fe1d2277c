"""Writes the reply of a turn and keeps it as the turn's draft. Nothing is sent here."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import retry_as_told
from activities.heartbeats import heartbeating
from activities.profiles import model_server, profile_of
from activities.quotas import QuotaKeeper
from activities.transcripts import Transcripts, TurnTranscript
from adapters.dynamodb.messages import Citation
from adapters.dynamodb.outbox import Draft, DraftPart, Outbox
from adapters.memory import Memories
from adapters.openai.chat import ChatModels, CompletionRequest
from adapters.openai.errors import ModelServerError
from adapters.postgres.assistant_profiles import AssistantProfile, AssistantProfiles
from adapters.postgres.passages import StoredPassage
from adapters.retrieval import Retriever
from contracts.conversation import CannedReply, DraftedReply, GenerateReply, Turn
from domain.answer import Answer, EmptyAnswerError, read_answer
from domain.canned import canned_text
from domain.formatting import split_message, to_whatsapp
from domain.prompt import Memory, Passage, Persona, Prompt, build_prompt
from domain.prompt_budget import PROMPT_TOKENS, CountTokens
from domain.time_zones import time_zone

LATE_AFTER: Final = timedelta(hours=1)
"""A message that waited so long is answered as late, not as fresh."""


class ReplyActivities:
    def __init__(
        self,
        *,
        profiles: AssistantProfiles,
        transcripts: Transcripts,
        outbox: Outbox,
        retriever: Retriever,
        models: ChatModels,
        quotas: QuotaKeeper,
        memories: Memories,
        default_model: str,
        count_tokens: CountTokens,
        prompt_tokens: int = PROMPT_TOKENS,
    ) -> None:
        self._profiles = profiles
        self._transcripts = transcripts
        self._outbox = outbox
        self._retriever = retriever
        self._models = models
        self._quotas = quotas
        self._memories = memories
        self._default_model = default_model
        self._count_tokens = count_tokens
        self._prompt_tokens = prompt_tokens

    @activity.defn(name="generate_reply")
    async def generate_reply(self, request: GenerateReply) -> DraftedReply:
        """Have the model write the reply and keep it as the draft of the turn."""
        turn = request.turn
        async with heartbeating():
            profile = await profile_of(turn, self._profiles)
            found = [passage.passage_id for passage in request.passages]
            transcript, stored, memory = await asyncio.gather(
                self._transcripts.of(turn),
                self._retriever.passages_by_id(profile.organization_id, passage_ids=found),
                self._memories.of(turn.conversation),
            )
            if transcript.is_withdrawn:
                return await self._keep(turn, Draft(parts=()))
            hits = [stored[passage_id] for passage_id in found if passage_id in stored]
            prompt = self._prompt(profile, transcript, hits, memory)
            try:
                completion = await self._models.complete(
                    CompletionRequest(
                        model=profile.model or self._default_model,
                        messages=prompt.messages,
                        temperature=profile.temperature,
                        parameters=profile.model_parameters,
                    ),
                    server=model_server(profile, self._models.default),
                )
                # Paid for, whatever becomes of the answer; also when it was superseded.
                counted = self._quotas.count_tokens(
                    turn, profile, tokens=completion.input_tokens + completion.output_tokens
                )
            except ModelServerError as error:
                raise retry_as_told(error) from error
            generated = Draft(
                parts=(),
                model=completion.model,
                input_tokens=completion.input_tokens,
                cached_tokens=completion.cached_tokens,
                output_tokens=completion.output_tokens,
            )
            try:
                answer = read_answer(completion.text, passages=prompt.passages)
            except EmptyAnswerError as error:
                # Nothing to send, but its tokens are usage like any other's.
                await self._outbox.save_draft(turn, generated)
                raise ApplicationError(str(error), type="EmptyAnswer") from error
            citations = _citations(answer, hits)
            parts = [
                DraftPart(text=text, citations=citations)
                for text in split_message(to_whatsapp(answer.text))
            ]
            if turn.first_contact and profile.welcome_message:
                parts.insert(0, DraftPart(text=profile.welcome_message))
            drafted = await self._keep(turn, generated.model_copy(update={"parts": tuple(parts)}))
            await counted
            return drafted

    @activity.defn(name="draft_canned_reply")
    async def draft_canned_reply(self, request: CannedReply) -> DraftedReply:
        """Keep one of the assistant's prepared texts as the draft of the turn."""
        profile = await profile_of(request.turn, self._profiles)
        own = {
            "fallback": profile.fallback_message,
            "acknowledgement": profile.unsupported_message,
            "welcome": profile.welcome_message,
            "slow_down": profile.slow_down_message,
            "quota": profile.quota_message,
        }
        text = own.get(request.kind) or canned_text(request.kind, language=profile.language)
        parts = tuple(DraftPart(text=part) for part in split_message(text))
        return await self._keep(request.turn, Draft(parts=parts))

    async def _keep(self, turn: Turn, draft: Draft) -> DraftedReply:
        draft_id = await self._outbox.save_draft(turn, draft)
        return DraftedReply(
            draft_id=draft_id,
            parts=len(draft.parts),
            model=draft.model,
            input_tokens=draft.input_tokens,
            cached_tokens=draft.cached_tokens,
            output_tokens=draft.output_tokens,
            cited=len(draft.parts[-1].citations) if draft.parts else 0,
        )

    def _prompt(
        self,
        profile: AssistantProfile,
        transcript: TurnTranscript,
        hits: Sequence[StoredPassage],
        memory: Memory,
    ) -> Prompt:
        now = datetime.now(UTC)
        waiting = [one for one in transcript.asked if one.kind == "message"]
        return build_prompt(
            transcript.asked,
            persona=Persona(
                name=profile.assistant_name,
                instructions=profile.instructions,
                organization_name=profile.organization_name,
                language=profile.language,
            ),
            history=transcript.history,
            passages=[
                Passage(id=hit.passage_id, title=hit.title, heading=hit.heading, text=hit.text)
                for hit in hits
            ],
            now=now.astimezone(time_zone(profile.timezone)),
            count_tokens=self._count_tokens,
            memory=memory,
            is_late=any(now - one.sent_at > LATE_AFTER for one in waiting),
            total_tokens=self._prompt_tokens,
        )


def _citations(answer: Answer, hits: Sequence[StoredPassage]) -> tuple[Citation, ...]:
    by_id = {str(hit.passage_id): hit for hit in hits}
    return tuple(
        Citation(passage_id=hit.passage_id, document_id=hit.document_id, title=hit.title)
        for hit in (by_id[passage_id] for passage_id in answer.cited_passage_ids)
    )
