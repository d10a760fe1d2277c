"""What a failure tells beyond the message that met it: of its number, its account, its recipient.

Meta refuses a message in its answer, or accepts it and tells of the failure by webhook, with the
same codes. Both ways end here.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog

from adapters.dynamodb.statuses import AppliedStatus
from adapters.dynamodb.values import utc_now
from adapters.postgres.channel_pauses import ChannelPauses, Paused
from adapters.postgres.consents import Consents
from contracts.ids import ChannelId, OrganizationId, PersonId, parties_of
from domain.graph_errors import BLOCKING, Verdict, verdict_of_failure

NEWS_AGE: Final = timedelta(minutes=10)
"""A failure that is told later says nothing of the number now: it may have been mended since."""
_log = structlog.stdlib.get_logger(__name__)


class SendFailures:
    def __init__(self, *, pauses: ChannelPauses, consents: Consents) -> None:
        self._pauses = pauses
        self._consents = consents

    async def told_by_status(self, organization_id: OrganizationId, applied: AppliedStatus) -> None:
        """Act on a `failed` status that has just been applied; on all others do nothing.

        The message is failed in any case: Meta had accepted it, and it is not sent again.
        """
        if applied.failed_at is None or applied.conversation_id is None:
            return
        channel_id, person_id = parties_of(applied.conversation_id)
        verdict = verdict_of_failure(applied.error_code)
        if verdict is Verdict.OPTED_OUT:
            await self.opted_out(organization_id, person_id, at=applied.failed_at)
        elif verdict in BLOCKING and utc_now() - applied.failed_at < NEWS_AGE:
            await self.blocked(organization_id, channel_id, code=applied.error_code)

    async def blocked(
        self,
        organization_id: OrganizationId,
        channel_id: ChannelId,
        *,
        code: int | None,
        revision: int | None = None,
    ) -> Paused:
        """Pause the channel, or all of its account; arguments as of `ChannelPauses.pause`."""
        paused = await self._pauses.pause(organization_id, channel_id, code=code, revision=revision)
        if paused == "paused":
            _log.error("channel_paused", channel_id=channel_id, code=code)
        return paused

    async def opted_out(
        self, organization_id: OrganizationId, person_id: PersonId, *, at: datetime
    ) -> None:
        """Note that the person has stopped marketing messages."""
        _log.info("opted_out_at_meta", person_id=person_id)
        await self._consents.opted_out(organization_id, person_id, source="error_131050", at=at)
