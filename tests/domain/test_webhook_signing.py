"""Signatures are those of Standard Webhooks: published values, and the library as a receiver."""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from contracts.ids import EventId
from domain.webhook_signing import signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ANOTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def test_the_published_example_is_reproduced() -> None:
    """`msg_p5jX…` of the specification's own test vectors."""
    headers = signed_headers(
        EventId("msg_p5jXN8AQM9LWM0D4loKWxJek"),
        '{"test": 2432232314}',
        secrets=[SECRET],
        at=datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("secret", [SECRET, ANOTHER])
def test_each_secret_verifies_while_one_is_replaced(secret: str) -> None:
    headers = signed_headers(
        EventId("evt_1"), '{"a":"é"}', secrets=[ANOTHER, SECRET], at=datetime.now(UTC)
    )
    assert Webhook(secret).verify('{"a":"é"}'.encode(), headers) == {"a": "é"}


def test_another_body_does_not_verify() -> None:
    headers = signed_headers(EventId("evt_1"), "{}", secrets=[SECRET], at=datetime.now(UTC))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b'{"a":1}', headers)
