"""WhatsApp Cloud API over HTTP: send messages, mark as read, ask about numbers and accounts.

What an error means is told apart by whether the message may have gone out, because a message that
is sent twice cannot be taken back.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx

from domain.graph_errors import Verdict, verdict_of

REQUEST_TIMEOUT = httpx.Timeout(20, connect=5)
NUMBERS_PER_PAGE = 100


class GraphUnreachable(Exception):
    """No connection was made: Meta has not seen the request, it may be repeated."""


class GraphOutcomeUnknown(Exception):
    """The request went out and no answer came, or one that says nothing: it may have been done."""


class GraphError(Exception):
    """Meta's answer. `verdict` says what it means for the message."""

    def __init__(
        self, detail: str, *, code: int | None, verdict: Verdict, retry_after: float | None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.verdict = verdict
        self.retry_after = retry_after
        """Seconds that Meta asks to wait."""


class GraphClient:
    """Calls for any number: each brings its own access token. The HTTP client is handed in."""

    def __init__(self, http: httpx.AsyncClient, *, base_url: str, version: str) -> None:
        """
        Args:
            http: shared connection pool.
            base_url: e.g. `https://graph.facebook.com`.
            version: pinned Graph version, e.g. `v24.0`.
        """
        self._http = http
        self._root = f"{base_url.rstrip('/')}/{version}"

    async def send_message(
        self, phone_number_id: str, access_token: str, message: dict[str, Any]
    ) -> str:
        """The id under which Meta accepted the message. Accepted is not delivered.

        Raises:
            GraphUnreachable: it was not sent.
            GraphOutcomeUnknown: it may have been sent.
            GraphError: Meta's verdict.
        """
        answer = await self._call("POST", f"{phone_number_id}/messages", access_token, body=message)
        messages = answer.get("messages")
        if isinstance(messages, list) and messages and isinstance(messages[0], dict):
            whatsapp_message_id = messages[0].get("id")
            if isinstance(whatsapp_message_id, str) and whatsapp_message_id:
                return whatsapp_message_id
        raise GraphOutcomeUnknown("a success without a message id")

    async def mark_read(
        self,
        phone_number_id: str,
        access_token: str,
        whatsapp_message_id: str,
        *,
        typing: bool,
    ) -> None:
        """Mark this message and earlier ones as read. The typing indicator ends with the next
        message, or after 25 seconds (Meta: typing indicators)."""
        body: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": whatsapp_message_id,
        }
        if typing:
            body["typing_indicator"] = {"type": "text"}
        await self._call("POST", f"{phone_number_id}/messages", access_token, body=body)

    async def media(
        self, media_id: str, access_token: str, *, phone_number_id: str
    ) -> dict[str, Any]:
        """What Meta says of a file that a person sent to the number: `url`, `mime_type`, `sha256`,
        `file_size`. Errors as in `send_message`, but that asking twice does no harm."""
        query = {"phone_number_id": phone_number_id}
        return await self._call("GET", media_id, access_token, query=query)

    async def number(
        self, phone_number_id: str, access_token: str, *, fields: tuple[str, ...]
    ) -> dict[str, Any]:
        """The fields of a number, as far as Meta tells them. Errors as in `send_message`."""
        return await self._call(
            "GET", phone_number_id, access_token, query={"fields": ",".join(fields)}
        )

    async def account_numbers(self, waba_id: str, access_token: str) -> AsyncIterator[str]:
        """Ids of an account's numbers, page by page. Errors as in `send_message`."""
        query = {"fields": "id", "limit": str(NUMBERS_PER_PAGE)}
        while True:
            page = await self._call("GET", f"{waba_id}/phone_numbers", access_token, query=query)
            for number in _objects(page.get("data")):
                yield str(number.get("id"))
            # Meta's ready-made address of the next page would carry the token in its query.
            paging = _mapping(page.get("paging"))
            after = _mapping(paging.get("cursors")).get("after")
            if "next" not in paging or not isinstance(after, str):
                return
            query = query | {"after": after}

    async def subscribe(self, waba_id: str, access_token: str) -> None:
        """Let the token's app get the account's webhooks; again changes nothing."""
        await self._call("POST", f"{waba_id}/subscribed_apps", access_token)

    async def subscribed_apps(self, waba_id: str, access_token: str) -> list[dict[str, Any]]:
        """The apps that get the account's webhooks, as far as the token may see them."""
        answer = await self._call("GET", f"{waba_id}/subscribed_apps", access_token)
        return _objects(answer.get("data"))

    async def _call(
        self,
        method: str,
        path: str,
        access_token: str,
        *,
        body: dict[str, Any] | None = None,
        query: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        try:
            response = await self._http.request(
                method,
                f"{self._root}/{path}",
                json=body,
                params=query,
                headers={"Authorization": f"Bearer {access_token}"},
                timeout=REQUEST_TIMEOUT,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise GraphUnreachable(type(error).__name__) from error
        except httpx.HTTPError as error:
            raise GraphOutcomeUnknown(type(error).__name__) from error
        answer = _object(response)
        if response.is_success and "error" not in answer:
            return answer
        raise _graph_error(response, answer)


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        return _mapping(response.json())
    except (ValueError, RecursionError):
        return {}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _graph_error(response: httpx.Response, answer: dict[str, Any]) -> GraphError:
    error = _mapping(answer.get("error"))
    code = error.get("code")
    code = code if isinstance(code, int) else None
    data = error.get("error_data")
    detail = (data.get("details") if isinstance(data, dict) else None) or error.get("message")
    retry_after = response.headers.get("retry-after", "")
    return GraphError(
        str(detail or f"HTTP {response.status_code}"),
        code=code,
        verdict=verdict_of(code, http_status=response.status_code),
        retry_after=float(retry_after) if retry_after.isdigit() else None,
    )
