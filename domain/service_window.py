"""Meta's customer service window: how long a business may write freely after a person has written.

The window opens, or begins anew, with each message of the person, and lasts 24 hours by Meta's
clock. Outside it only approved templates are delivered; anything else is refused with 131047
(WhatsApp Business Platform, "Send messages", customer service windows).
"""

from datetime import datetime, timedelta
from typing import Final

WINDOW: Final = timedelta(hours=24)

MARGIN: Final = timedelta(minutes=2)
"""Meta's clock and ours differ, its timestamps are whole seconds, and a message that is handed over
in the last moment may be looked at after it."""


def closes_at(last_inbound_at: datetime) -> datetime:
    """Until when something else than a template may be sent.

    Args:
        last_inbound_at: the newest `sent_at` of the person's messages, which a message that is
            delivered late never turns back.
    """
    return last_inbound_at + WINDOW - MARGIN


def is_open(last_inbound_at: datetime | None, now: datetime) -> bool:
    """Whether something else than a template may be sent; never to who has not written yet."""
    return last_inbound_at is not None and now < closes_at(last_inbound_at)
