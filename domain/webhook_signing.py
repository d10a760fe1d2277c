"""What a receiver verifies an event by: the headers of Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook

from contracts.ids import EventId


def signed_headers(
    event_id: EventId, body: str, *, secrets: Sequence[str], at: datetime
) -> dict[str, str]:
    """The headers that sign this body.

    Args:
        event_id: the same on each try, so that a receiver knows what it has had.
        secrets: all that sign, `whsec_…`; several while one is replaced.
        at: of this try, in UTC: receivers refuse what is minutes old.
    """
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(
            Webhook(secret).sign(event_id, at, body) for secret in secrets
        ),
    }
