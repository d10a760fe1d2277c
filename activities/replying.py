"""Writes the reply of a turn and keeps it as the turn's draft. Nothing is sent here."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.answers import AnswerReader, business_now
from activities.failures import retry_as_told
from activities.heartbeats import heartbeating
from activities.lookup import PassageLookup
from activities.pictures import Pictures, may_be_about_pictures
from activities.profiles import model_server, profile_of
from activities.quotas import QuotaKeeper
from activities.receipts import ReadReceipts
from activities.transcripts import Transcripts, TurnTranscript
from activities.unanswered import UnansweredQuestions
from adapters.dynamodb.messages import Citation
from adapters.dynamodb.outbox import Draft, DraftPart, Outbox
from adapters.memory import Memories
from adapters.openai.chat import ChatModels, Completion, CompletionRequest
from adapters.openai.errors import ModelServerError
from adapters.postgres.assistant_profiles import AssistantProfile, AssistantProfiles
from adapters.postgres.passages import StoredPassage
from adapters.retrieval import Retriever
from contracts.conversation import CannedReply, DraftedReply, GenerateReply, Turn, WriteReply
from contracts.ids import MessageId
from domain.answer import EmptyAnswerError
from domain.canned import canned_text
from domain.formatting import split_message
from domain.opening_words import opening_sentence
from domain.overlaps import without_overlaps
from domain.prompt import Memory, Passage, Persona, Prompt, PromptImage, build_prompt
from domain.prompt_budget import PROMPT_TOKENS, CountTokens
from domain.time_zones import time_zone
from domain.unanswered import looks_like_a_question

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
        lookup: PassageLookup,
        receipts: ReadReceipts,
        memories: Memories,
        answers: AnswerReader,
        unanswered: UnansweredQuestions,
        default_model: str,
        count_tokens: CountTokens,
        prompt_tokens: int = PROMPT_TOKENS,
    ) -> None:
        self._profiles = profiles
        self._transcripts = transcripts
        self._outbox = outbox
        self._retriever = retriever
        self._models = models
        self._pictures = pictures
        self._quotas = quotas
        self._lookup = lookup
        self._receipts = receipts
        self._memories = memories
        self._answers = answers
        self._unanswered = unanswered
        self._default_model = default_model
        self._count_tokens = count_tokens
        self._prompt_tokens = prompt_tokens

    @activity.defn(name="write_reply")
    async def write_reply(self, request: WriteReply) -> DraftedReply:
        """Look up what may answer the turn, have the model write the reply, keep it as a draft."""
        async with heartbeating():
            profile = await profile_of(request.turn, self._profiles)
            if request.mark_read is not None and activity.info().attempt == 1:
                self._receipts.start(profile, request.mark_read, typing=True)
            found = await self._lookup.of(request.turn)
        return await self.generate_reply(GenerateReply(turn=request.turn, passages=found.passages))

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
            pictures = await self._pictures.of(turn, transcript.current)
            now = datetime.now(UTC)
            prompt = self._prompt(profile, transcript, hits, memory, pictures, now=now)
            try:
                try:
                    completion = await self._complete(profile, prompt)
                except ModelServerError as error:
                    if not pictures or not may_be_about_pictures(error):
                        raise
                    prompt = self._prompt(profile, transcript, hits, memory, {}, now=now)
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
            told = [*transcript.told, memory.summary or "", *memory.facts]
            try:
                # Ten milliseconds, and a second where somebody has sent pages of figures.
                answer = await asyncio.to_thread(
                    self._answers.read,
                    completion,
                    profile=profile,
                    prompt=prompt,
                    told=told,
                    now=now,
                )
            except EmptyAnswerError as error:
                # Nothing to send, but its tokens are usage like any other's.
                await self._outbox.save_draft(turn, generated)
                raise ApplicationError(str(error), type="EmptyAnswer") from error
            citations = _citations(answer.cited_passage_ids, hits)
            parts = [DraftPart.of(content, citations=citations) for content in answer.contents]
            if turn.first_contact and profile.welcome_message:
                parts[:0] = _texts(profile.welcome_message)
            drafted = await self._keep(turn, generated.model_copy(update={"parts": tuple(parts)}))
            asked = transcript.spoken
            if not answer.answered or (not hits and looks_like_a_question(asked)):
                self._unanswered.note(profile, turn.conversation, asked)
            await counted
            return drafted.model_copy(
                update={
                    "handoff": "model" if answer.handoff else None,
                    "answered": answer.answered,
                }
            )

    @activity.defn(name="draft_canned_reply")
    async def draft_canned_reply(self, request: CannedReply) -> DraftedReply:
        """Keep one of the assistant's prepared texts as the draft of the turn."""
        profile = await profile_of(request.turn, self._profiles)
        if request.mark_read is not None:
            self._receipts.start(profile, request.mark_read, typing=False)
        if request.kind == "reopening":
            template = profile.reopening_template
            parts = () if template is None else (DraftPart.of(template),)
            return await self._keep(request.turn, Draft(parts=parts))
        own = {
            "fallback": profile.fallback_message,
            "acknowledgement": profile.unsupported_message,
            "welcome": profile.welcome_message,
            "slow_down": profile.slow_down_message,
            "quota": profile.quota_message,
            "handoff": profile.handoff.message,
            "taken_over": profile.handoff.notice,
            "stopped": profile.stopped_message,
            "resumed": profile.resumed_message,
        }
        text = own.get(request.kind) or canned_text(request.kind, language=profile.language)
        if request.kind == "handoff" and (back := _back_again(profile, now=datetime.now(UTC))):
            text = f"{text} {back}"
        return await self._keep(request.turn, Draft(parts=tuple(_texts(text))))

    async def _complete(self, profile: AssistantProfile, prompt: Prompt) -> Completion:
        return await self._models.complete(
            CompletionRequest(
                model=profile.model or self._default_model,
                messages=prompt.messages,
                temperature=profile.temperature,
                parameters=profile.model_parameters,
                tools=profile.tools.definitions(),
            ),
            server=model_server(profile, self._models.default),
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
            cited=len(draft.parts[-1].citations) if draft.parts else 0,
        )

    def _prompt(
        self,
        profile: AssistantProfile,
        transcript: TurnTranscript,
        hits: Sequence[StoredPassage],
        memory: Memory,
        pictures: Mapping[MessageId, PromptImage],
        *,
        now: datetime,
    ) -> Prompt:
        asked = transcript.asked(shown=pictures)
        waiting = [one for one in asked if one.kind == "message"]
        return build_prompt(
            asked,
            persona=Persona(
                name=profile.assistant_name,
                instructions=profile.instructions,
                organization_name=profile.organization_name,
                language=profile.language,
                hands_over=profile.tools.handoff,
            ),
            history=transcript.history,
            passages=[
                Passage(
                    id=hit.passage_id,
                    title=hit.title,
                    heading=hit.heading,
                    text=text,
                    page=hit.page,
                )
                for hit, text in zip(hits, without_overlaps(hits), strict=True)
            ],
            now=now.astimezone(time_zone(profile.timezone)),
            count_tokens=self._count_tokens,
            memory=memory,
            images=[
                pictures[message.id] for message in transcript.current if message.id in pictures
            ],
            is_late=any(now - one.sent_at > LATE_AFTER for one in waiting),
            business=business_now(profile, now=now),
            total_tokens=self._prompt_tokens,
        )


def _texts(text: str) -> list[DraftPart]:
    return [DraftPart(text=part) for part in split_message(text)]


def _back_again(profile: AssistantProfile, *, now: datetime) -> str | None:
    """When somebody is there again, to be said by who is called while nobody is."""
    hours = profile.opening_hours
    if hours is None or hours.is_open(now):
        return None
    opening = hours.next_opening(now)
    if opening is None:
        return None
    return opening_sentence(opening, now=now, language=profile.language)


def _citations(cited: Sequence[str], hits: Sequence[StoredPassage]) -> tuple[Citation, ...]:
    by_id = {str(hit.passage_id): hit for hit in hits}
    return tuple(
        Citation(
            passage_id=hit.passage_id,
            document_id=hit.document_id,
            title=hit.title,
            page=hit.page,
            section=hit.heading,
            url=hit.url,
        )
        for hit in (by_id[passage_id] for passage_id in cited)
    )
