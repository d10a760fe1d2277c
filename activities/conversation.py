"""The record of a conversation: what came in, and that it has ended."""

import asyncio

from temporalio import activity

from activities.quotas import QuotaKeeper
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.people import People
from adapters.dynamodb.values import utc_now
from adapters.events import Tell, tell_nobody
from adapters.postgres.database import Database
from adapters.postgres.whatsapp_users import remember
from contracts.conversation import ChangeStatus, RecordedInbound, RecordInbound, Turn
from domain.business_events import conversation_event, message_received


class ConversationActivities:
    def __init__(
        self,
        *,
        conversations: Conversations,
        people: People,
        database: Database,
        quotas: QuotaKeeper,
        tell: Tell = tell_nobody,
    ) -> None:
        self._conversations = conversations
        self._people = people
        self._database = database
        self._quotas = quotas
        self._tell = tell

    @activity.defn(name="record_inbound")
    async def record_inbound(self, request: RecordInbound) -> RecordedInbound:
        """Write messages into the transcript; tell which of them no earlier turn has had, and
        which are beyond a quota."""
        recorded = await self._conversations.record_inbound(request)
        fresh = [record for record in request.messages if record.message_id in recorded.fresh]
        limit, _, _ = await asyncio.gather(
            self._quotas.limit_of(request, recorded),
            self._remember_person(request),
            self._tell(
                *(
                    message_received(
                        request.conversation, record.message_id, at=record.message.sent_at
                    )
                    for record in fresh
                )
            ),
        )
        return RecordedInbound(
            fresh=recorded.fresh, first_contact=recorded.first_contact, limit=limit
        )

    @activity.defn(name="close_conversation")
    async def close_conversation(self, turn: Turn) -> None:
        """Note in the conversation's record that its service window has passed."""
        await self._conversations.close(turn.conversation)
        change = ChangeStatus(conversation=turn.conversation, status="closed")
        await self._tell(conversation_event(change, occurrence=turn.turn_id, at=utc_now()))

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
