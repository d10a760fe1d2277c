"""The record of a conversation: what came in, and what it asks for."""

import asyncio

from temporalio import activity

from activities.consenting import keep_consent
from activities.quotas import QuotaKeeper
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.people import People
from adapters.events import Tell, tell_nobody
from adapters.postgres.assistant_profiles import AssistantProfiles
from adapters.postgres.consents import Consents
from adapters.postgres.database import Database
from adapters.postgres.whatsapp_users import remember
from contracts.conversation import (
    ConversationRef,
    InboundRecord,
    RecordedInbound,
    RecordInbound,
)
from contracts.handoff import HandoffSettings
from contracts.ids import MessageId
from domain.business_events import message_received
from domain.handoff import in_their_words, wanted_handoff


class ConversationActivities:
    def __init__(
        self,
        *,
        conversations: Conversations,
        people: People,
        database: Database,
        quotas: QuotaKeeper,
        profiles: AssistantProfiles,
        consents: Consents,
        tell: Tell = tell_nobody,
    ) -> None:
        self._conversations = conversations
        self._people = people
        self._database = database
        self._quotas = quotas
        self._profiles = profiles
        self._consents = consents
        self._tell = tell

    @activity.defn(name="record_inbound")
    async def record_inbound(self, request: RecordInbound) -> RecordedInbound:
        """Write messages into the transcript; tell which of them no earlier turn has had, which
        are beyond a quota, and what they ask for besides an answer."""
        recorded = await self._conversations.record_inbound(request)
        request = _under_kept_ids(request, recorded.renamed)
        ids = set(recorded.fresh)
        fresh = [record for record in request.messages if record.message_id in ids]
        asking = [record.message for record in fresh if record.message.reply != "none"]
        limit, _, consent, settings, _ = await asyncio.gather(
            self._quotas.limit_of(request, recorded),
            self._remember_person(request),
            keep_consent(asking, conversation=request.conversation, consents=self._consents),
            self._handoff_settings(request.conversation, needed=bool(asking) or request.opening),
            self._tell(
                *(
                    message_received(
                        request.conversation, record.message_id, at=record.message.sent_at
                    )
                    for record in fresh
                )
            ),
        )
        handoff = wanted_handoff(in_their_words(asking), settings)
        return RecordedInbound(
            fresh=recorded.fresh,
            renamed=recorded.renamed,
            first_contact=recorded.first_contact,
            limit=limit,
            held=recorded.held,
            handoff=handoff,
            handoff_rules=settings.rules() if request.opening else None,
            consent=consent,
        )

    async def _handoff_settings(
        self, conversation: ConversationRef, *, needed: bool
    ) -> HandoffSettings:
        """From memory, as a rule."""
        if not needed:
            return HandoffSettings()
        try:
            profile = await self._profiles.for_channel(
                conversation.organization_id, conversation.channel_id
            )
        except LookupError:
            # The channel is gone: nobody would notice that a human is wanted.
            return HandoffSettings(enabled=False)
        return profile.handoff

    async def _remember_person(self, request: RecordInbound) -> None:
        """The organisation's list of people is in PostgreSQL; once a run is often enough."""
        if not request.opening:
            return
        ref = request.conversation
        person = await self._people.get(ref.organization_id, ref.person_id)
        if person is None:
            return
        async with self._database.tenant(ref.organization_id) as session:
            await remember(
                session,
                ref.person_id,
                organization_id=ref.organization_id,
                wa_id=person.wa_id,
                user_id=person.user_id,
                parent_user_id=person.parent_user_id,
                username=person.username,
                profile_name=person.profile_name,
            )


def _under_kept_ids(request: RecordInbound, renamed: dict[MessageId, MessageId]) -> RecordInbound:
    if not renamed:
        return request
    messages = [
        InboundRecord(
            message_id=renamed.get(record.message_id, record.message_id), message=record.message
        )
        for record in request.messages
    ]
    return request.model_copy(update={"messages": messages})
