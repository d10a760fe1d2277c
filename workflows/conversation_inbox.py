"""What a person has sent and is not handled yet: each message once, in the order it was sent."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contracts.conversation import ReceivedMessage

SEEN_LIMIT: Final = 500
"""Message ids remembered for dedupe. Older redeliveries are caught by the record in DynamoDB."""


class Inbox:
    def __init__(self, *, seen: Iterable[str], pending: Iterable[ReceivedMessage]) -> None:
        """
        Args:
            seen: ids of messages that an earlier run has had, oldest first.
            pending: what it left to this one.
        """
        self._seen = dict.fromkeys(seen)
        self._pending = deque(pending)

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, received: ReceivedMessage) -> None:
        """Take a message in. Meta delivers more than once: a known id changes nothing."""
        if self.is_new(received.message.whatsapp_message_id):
            self._pending.append(received)

    def is_new(self, whatsapp_message_id: str) -> bool:
        """Whether this id comes for the first time; from now on it is known."""
        if whatsapp_message_id in self._seen:
            return False
        self._seen[whatsapp_message_id] = None
        return True

    def take(self) -> list[ReceivedMessage]:
        """All that has come in, in the order it was sent. Meta's clock has seconds; what it cannot
        tell apart stays in the order of arrival."""
        arrived = sorted(self._pending, key=lambda received: received.message.sent_at)
        self._pending.clear()
        return arrived

    @property
    def quiet_seconds(self) -> float:
        """How long a pause ends the burst, as of the message that came last."""
        return self._pending[-1].debounce_seconds

    @property
    def asks_for_reply(self) -> bool:
        return any(received.message.reply != "none" for received in self._pending)

    @property
    def pending(self) -> tuple[ReceivedMessage, ...]:
        return tuple(self._pending)

    @property
    def seen(self) -> tuple[str, ...]:
        """The newest ids, oldest first: as many as the next run has to know."""
        return tuple(self._seen)[-SEEN_LIMIT:]
