"""Writes the reply of a turn and keeps it as the turn's draft. Nothing is sent here."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import retry_as_told
from activities.heartbeats import heartbeating
from activities.pictures import Pictures, may_be_about_pictures
from activities.profiles import own_server, profile_of
from activities.quotas import QuotaKeeper
from activities.transcripts import Transcripts, TurnTranscript, told
from adapters.dynamodb.messages import Citation
from adapters.dynamodb.outbox import Draft, DraftPart, Outbox
from adapters.openai.chat import ChatModels, Completion, CompletionRequest
from adapters.openai.errors import ModelServerError
from adapters.postgres.assistant_profiles import AssistantProfile, AssistantProfiles
from adapters.postgres.passages import StoredPassage
from adapters.retrieval import Retriever
from contracts.conversation import CannedReply, DraftedReply, GenerateReply, Turn
from contracts.ids import MessageId
from domain.answer import Answer, EmptyAnswerError, read_answer
from domain.canned import canned_text
from domain.formatting import split_message, to_whatsapp
from domain.prompt import Passage, Persona, Prompt, PromptImage, build_prompt
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
        pictures: Pictures,
        quotas: QuotaKeeper,
        default_model: str,
    ) -> None:
        self._profiles = profiles
        self._transcripts = transcripts
        self._outbox = outbox
        self._retriever = retriever
        self._models = models
        self._pictures = pictures
        self._quotas = quotas
        self._default_model = default_model

    @activity.defn(name="generate_reply")
    async def generate_reply(self, request: GenerateReply) -> DraftedReply:
        """Have the model write the reply and keep it as the draft of the turn."""
        turn = request.turn
        async with heartbeating():
            profile = await profile_of(turn, self._profiles)
            found = [passage.passage_id for passage in request.passages]
            transcript, stored = await asyncio.gather(
                self._transcripts.of(turn),
                self._retriever.passages_by_id(profile.organization_id, passage_ids=found),
            )
            hits = [stored[passage_id] for passage_id in found if passage_id in stored]
            pictures = await self._pictures.of(turn, transcript.current)
            prompt = _prompt(profile, transcript, hits, pictures)
            try:
                try:
                    completion = await self._complete(profile, prompt)
                except ModelServerError as error:
                    if not pictures or not may_be_about_pictures(error):
                        raise
                    prompt = _prompt(profile, transcript, hits, {})
                    completion = await self._complete(profile, prompt)
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

    async def _complete(self, profile: AssistantProfile, prompt: Prompt) -> Completion:
        return await self._models.complete(
            CompletionRequest(
                model=profile.model or self._default_model,
                messages=prompt.messages,
                temperature=profile.temperature,
                parameters=profile.model_parameters,
            ),
            server=own_server(profile, self._models.default),
        )

    async def _keep(self, turn: Turn, draft: Draft) -> DraftedReply:
        draft_id = await self._outbox.save_draft(turn, draft)
        return DraftedReply(
            draft_id=draft_id,
            parts=len(draft.parts),
            model=draft.model,
            input_tokens=draft.input_tokens,
            cached_tokens=draft.cached_tokens,
            output_tokens=draft.output_tokens,
            cited=len(draft.parts[-1].citations),
        )


def _prompt(
    profile: AssistantProfile,
    transcript: TurnTranscript,
    hits: Sequence[StoredPassage],
    pictures: Mapping[MessageId, PromptImage],
) -> Prompt:
    current = [message for message in transcript.current if message.text]
    now = datetime.now(UTC)
    return build_prompt(
        told(current, shown=pictures),
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
        images=[pictures[message.id] for message in current if message.id in pictures],
        is_late=any(now - (message.sent_at or now) > LATE_AFTER for message in current),
    )


def _citations(answer: Answer, hits: Sequence[StoredPassage]) -> tuple[Citation, ...]:
    by_id = {str(hit.passage_id): hit for hit in hits}
    return tuple(
        Citation(passage_id=hit.passage_id, document_id=hit.document_id, title=hit.title)
        for hit in (by_id[passage_id] for passage_id in answer.cited_passage_ids)
    )
