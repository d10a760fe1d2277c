"""One try to tell an endpoint of an event: signed, bounded in time, and noted."""

import time
from datetime import datetime
from typing import Final, NamedTuple

from adapters.guarded_http import GuardedHttp, Refused, Unreachable
from adapters.keyring import KeyRing
from adapters.postgres import webhook_endpoints
from adapters.postgres.tables import WebhookEndpoint
from contracts.events import BusinessEvent
from domain.webhook_retries import read_retry_after
from domain.webhook_signing import signed_headers

SECONDS: Final = 10.0
"""For a whole try. Receivers are asked to answer first and to work afterwards."""


class Posted(NamedTuple):
    """How an endpoint has answered."""

    status_code: int | None
    """None: it has not."""
    error: str | None
    """Why it has not taken the event, as a sentence without contents; None: it has."""
    duration_ms: int
    retry_after: float | None = None
    """Seconds that it asks to be left alone."""

    @property
    def is_gone(self) -> bool:
        """It wants to hear nothing more, ever."""
        return self.status_code == 410


class WebhookPosts:
    def __init__(self, http: GuardedHttp, keyring: KeyRing) -> None:
        self._http = http
        self._keyring = keyring

    async def post(
        self, endpoint: WebhookEndpoint, event: BusinessEvent, payload: str, *, now: datetime
    ) -> Posted:
        """Never fails: what goes wrong is the answer. `SealError` when the secret does not open."""
        secrets = webhook_endpoints.signing_secrets(endpoint, keyring=self._keyring, now=now)
        headers = {
            "content-type": "application/json",
            "user-agent": "Parley-Webhooks/1",
            **signed_headers(event.id, payload, secrets=secrets, at=now),
        }
        began = time.monotonic()
        try:
            answer = await self._http.post(
                endpoint.url, headers=headers, body=payload.encode(), seconds=SECONDS
            )
        except Refused as refusal:
            return Posted(None, str(refusal), _since(began))
        except Unreachable as failure:
            return Posted(None, f"No answer: {failure}.", _since(began))
        if 200 <= answer.status < 300:
            return Posted(answer.status, None, _since(began))
        waits = answer.headers.get("retry-after")
        return Posted(
            answer.status,
            f"It answered {answer.status}.",
            _since(began),
            None if waits is None else read_retry_after(waits, now=now),
        )


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
