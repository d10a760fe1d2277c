"""Keeps the notes on a conversation: its summary, and what is known about the person.

It runs beside the turns and answers nobody. Facts are written before the summary that covers their
messages, and neither twice: what is cut off in between is done again by the next run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from temporalio import activity

from activities.failures import retry_as_told
from activities.heartbeats import heartbeating
from activities.profiles import model_server
from activities.quotas import QuotaKeeper
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.messages import StoredMessage
from adapters.dynamodb.outbox import Draft, Outbox
from adapters.dynamodb.summaries import StoredSummary, Summaries, SummaryChanged
from adapters.openai.chat import ChatModels, CompletionRequest
from adapters.openai.errors import ModelServerError
from adapters.postgres import person_facts
from adapters.postgres.assistant_profiles import AssistantProfile, AssistantProfiles
from adapters.postgres.database import Database
from contracts.conversation import ConversationRef, RefreshedMemory, RefreshMemory, Turn
from contracts.ids import MessageId, TurnId
from domain.memory import KnownFact, Notes, chunks, notes_prompt, older_lines, read_notes
from domain.prompt_budget import PROMPT_TOKENS, CountTokens
from domain.transcript import Line, changed_since, transcript

MOST_CHUNKS: Final = 5
"""Requests of one run; a conversation that is far behind is caught up by several runs."""
ATTEMPTS: Final = 2
"""Requests for one chunk, when the first answer cannot be read."""

SHOWN_SHARE: Final = 6
"""One part in so many of a prompt is surely there for the newest messages: half of their share."""
CHUNK_SHARE: Final = 2
"""One part in so many of a prompt's tokens is what one request for notes reads of a transcript."""

_OF_REPLIES: Final = frozenset(
    {"max_tokens", "max_completion_tokens", "stop", "response_format", "tools", "tool_choice", "n"}
)
"""Parameters that an assistant has for its replies alone."""


@dataclass(frozen=True)
class _Plan:
    """What is to be done."""

    summary: StoredSummary | None
    """As it is stored."""
    text: str | None
    """To go on from; None: from nothing."""
    begins_after: MessageId | None
    covers_up_to: MessageId | None
    changes_seen_up_to: MessageId
    lines: list[Line]
    """To take in, oldest first."""
    is_rebuilt: bool


class MemoryActivities:
    """Implements `refresh_memory`."""

    def __init__(
        self,
        *,
        profiles: AssistantProfiles,
        conversations: Conversations,
        summaries: Summaries,
        outbox: Outbox,
        database: Database,
        models: ChatModels,
        quotas: QuotaKeeper,
        default_model: str,
        count_tokens: CountTokens,
        prompt_tokens: int = PROMPT_TOKENS,
    ) -> None:
        self._profiles = profiles
        self._conversations = conversations
        self._summaries = summaries
        self._outbox = outbox
        self._database = database
        self._models = models
        self._quotas = quotas
        self._default_model = default_model
        self._count_tokens = count_tokens
        self._prompt_tokens = prompt_tokens

    @activity.defn(name="refresh_memory")
    async def refresh_memory(self, request: RefreshMemory) -> RefreshedMemory:
        """Bring the summary of a conversation, and what is known of the person, up to date."""
        ref = request.conversation
        async with heartbeating():
            try:
                profile = await self._profiles.for_channel(ref.organization_id, ref.channel_id)
            except LookupError:
                return RefreshedMemory()  # The channel is gone, and its assistant with it.
            plan = await self._plan(request)
            if plan is None:
                return RefreshedMemory()
            return await self._carry_out(request, plan, profile)

    async def _plan(self, request: RefreshMemory) -> _Plan | None:
        """What the stored summary lacks; None when it lacks nothing."""
        ref = request.conversation
        summary = await self._summaries.get(ref.organization_id, ref.conversation_id)
        covered = summary.covers_up_to if summary else None
        messages = await self._messages(ref, after=covered)
        if not messages:
            return None
        plan = _Plan(
            summary=summary,
            text=summary.text if summary else None,
            begins_after=summary.begins_after if summary else None,
            covers_up_to=covered,
            changes_seen_up_to=messages[-1].id,
            lines=[],
            is_rebuilt=False,
        )
        if summary is not None and await self._has_changed(ref, summary, messages):
            messages = await self._messages(ref, after=plan.begins_after)
            plan = replace(plan, text=None, covers_up_to=plan.begins_after, is_rebuilt=True)
        lines = [line for line in transcript(messages) if line.message_id <= request.up_to]
        older = older_lines(
            lines, tokens=self._prompt_tokens // SHOWN_SHARE, count=self._count_tokens
        )
        return replace(plan, lines=older) if older or plan.is_rebuilt else None

    async def _has_changed(
        self, ref: ConversationRef, summary: StoredSummary, messages: Sequence[StoredMessage]
    ) -> bool:
        """Whether something that the summary covers was edited or deleted since; facts that were
        learned from it are forgotten."""
        seen = summary.changes_seen_up_to or ""
        targets = changed_since(message for message in messages if message.id > seen)
        targets -= {message.whatsapp_message_id or "" for message in messages}
        if not targets or summary.covers_up_to is None:
            return False
        covered = [
            message.id
            for message in await self._conversations.quoted(ref, sorted(targets))
            if message.id <= summary.covers_up_to
        ]
        if not covered:
            return False
        async with self._database.tenant(ref.organization_id) as session:
            await person_facts.forget_messages(
                session, covered, person_id=ref.person_id, conversation_id=ref.conversation_id
            )
        return any(message > (summary.begins_after or "") for message in covered)

    async def _messages(
        self, ref: ConversationRef, *, after: MessageId | None
    ) -> list[StoredMessage]:
        pages = self._conversations.after_message(ref, after=after)
        return [message async for page in pages for message in page]

    async def _carry_out(
        self, request: RefreshMemory, plan: _Plan, profile: AssistantProfile
    ) -> RefreshedMemory:
        learned, is_summarised = 0, False
        batches = list(
            chunks(plan.lines, tokens=self._prompt_tokens // CHUNK_SHARE, count=self._count_tokens)
        )
        try:
            if plan.is_rebuilt:
                # Before anything else: from here on the deleted words reach no prompt.
                plan = await self._write(request.conversation, plan)
            for lines in batches[:MOST_CHUNKS]:
                facts = await self._known(request.conversation)
                notes = await self._ask(request, plan, profile, lines, facts)
                if notes is None:
                    break
                learned += await self._learn(request.conversation, notes)
                newest = MessageId(lines[-1].message_id)
                plan = await self._write(
                    request.conversation, replace(plan, text=notes.summary, covers_up_to=newest)
                )
                is_summarised = True
        except SummaryChanged:
            pass  # Somebody was faster; what is missing then, the next run takes in.
        return RefreshedMemory(summarised=is_summarised, facts=learned)

    async def _ask(
        self,
        request: RefreshMemory,
        plan: _Plan,
        profile: AssistantProfile,
        lines: Sequence[Line],
        facts: Sequence[KnownFact],
    ) -> Notes | None:
        """The model's notes; None when it does not write any that can be read."""
        parameters: dict[str, Any] = {
            name: value
            for name, value in profile.model_parameters.items()
            if name not in _OF_REPLIES
        }
        prompt = notes_prompt(
            lines, organization_name=profile.organization_name, summary=plan.text, facts=facts
        )
        turn = _as_turn(request)
        for _ in range(ATTEMPTS):
            try:
                completion = await self._models.complete(
                    CompletionRequest(
                        model=profile.model or self._default_model,
                        messages=prompt,
                        parameters=parameters,
                    ),
                    server=model_server(profile, self._models.default),
                )
            except ModelServerError as error:
                raise retry_as_told(error) from error
            counted = self._quotas.count_tokens(
                turn, profile, tokens=completion.input_tokens + completion.output_tokens
            )
            # Nothing to send, but its tokens are usage like any other's.
            used = Draft(
                parts=(),
                model=completion.model,
                input_tokens=completion.input_tokens,
                cached_tokens=completion.cached_tokens,
                output_tokens=completion.output_tokens,
            )
            await self._outbox.save_draft(turn, used)
            await counted
            notes = read_notes(completion.text, lines=lines, facts=facts)
            if notes is not None:
                return notes
        return None

    async def _known(self, ref: ConversationRef) -> list[KnownFact]:
        async with self._database.tenant(ref.organization_id) as session:
            return await person_facts.known(session, ref.person_id)

    async def _learn(self, ref: ConversationRef, notes: Notes) -> int:
        if not notes.facts:
            return 0
        async with self._database.tenant(ref.organization_id) as session:
            return await person_facts.learn(
                session,
                notes.facts,
                organization_id=ref.organization_id,
                person_id=ref.person_id,
                conversation_id=ref.conversation_id,
            )

    async def _write(self, ref: ConversationRef, plan: _Plan) -> _Plan:
        written = await self._summaries.write(
            ref.organization_id,
            ref.conversation_id,
            plan.summary,
            text=plan.text,
            source="model",
            begins_after=plan.begins_after,
            covers_up_to=plan.covers_up_to,
            changes_seen_up_to=plan.changes_seen_up_to,
        )
        return replace(plan, summary=written)


def _as_turn(request: RefreshMemory) -> Turn:
    """What its tokens are counted under."""
    return Turn(
        conversation=request.conversation,
        turn_id=TurnId(f"memory/{request.up_to}"),
        message_ids=[],
    )
