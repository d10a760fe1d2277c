"""Whose update is whose, within a delivery."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from contracts.conversation import InboundMessage
from domain.webhook.lanes import lanes
from domain.webhook.updates import Identity, IdentityChanged, MessageReceived, PersonalUpdate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def wrote(
    words: str, wa_id: str | None = None, user_id: str | None = None, *, to: str = "1"
) -> MessageReceived:
    return MessageReceived(
        phone_number_id=to,
        sender=Identity(wa_id=wa_id, user_id=user_id),
        message=InboundMessage(
            whatsapp_message_id=words, type="text", reply="answer", text=words, sent_at=NOW
        ),
    )


def changed(before: str, after: str) -> IdentityChanged:
    return IdentityChanged(
        phone_number_id="1", previous=Identity(wa_id=before), current=Identity(wa_id=after), at=NOW
    )


def words(*updates: PersonalUpdate) -> list[str]:
    def told(lane: list[PersonalUpdate]) -> Iterator[str]:
        for update in lane:
            yield update.message.text or "" if isinstance(update, MessageReceived) else "changed"

    return sorted(" ".join(told(lane)) for lane in lanes(updates))


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        ([], []),
        ([wrote("a", "1"), wrote("b", "2"), wrote("c", "1")], ["a c", "b"]),
        ([wrote("a", "1"), wrote("b", None, "U"), wrote("c", "1", "U")], ["a b c"]),
        ([wrote("a", None, "U"), wrote("b", "1", "U"), wrote("c", "1")], ["a b c"]),
        ([wrote("a", "1"), changed("1", "2"), wrote("b", "2")], ["a changed b"]),
        ([wrote("b", "2"), wrote("a", "1"), changed("1", "2"), wrote("c", "1")],
         ["b a changed c"]),
        ([wrote("a", "1"), wrote("b", "1", to="another number")], ["a", "b"]),
    ],
)  # fmt: skip
def test_updates_that_share_an_identifier_are_one_persons(
    updates: list[PersonalUpdate], expected: list[str]
) -> None:
    assert words(*updates) == expected
