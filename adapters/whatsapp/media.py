"""Fetches the files that people send from Meta.

Graph tells where a file is; the address lives five minutes and needs the access token. The token
goes to Meta's hosts only, whatever address or redirect an answer names.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import httpx

from adapters.whatsapp.client import (
    GraphClient,
    GraphError,
    GraphOutcomeUnknown,
    GraphUnreachable,
)
from contracts.conversation import MediaReference
from domain.graph_errors import Verdict
from domain.media_types import LARGEST, SNIFFED_BYTES, MediaKind, is_animated, true_type
from domain.media_words import MediaProblem

DOWNLOAD_TIMEOUT: Final = httpx.Timeout(20, connect=5)
MOST_REDIRECTS: Final = 3

META_HOSTS: Final = ("graph.facebook.com", ".whatsapp.net", ".fbcdn.net", ".fbsbx.com")
"""Where Meta serves media (`lookaside.fbsbx.com`, `mmg.whatsapp.net`, …): a name, or what it ends
in."""

_MEDIA_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_RETRYABLE: Final = frozenset({MediaProblem.UNREACHABLE})
_ASKED_AGAIN: Final = frozenset({MediaProblem.GONE, MediaProblem.DAMAGED})
"""An address that has ended, a transfer that went wrong: a fresh address may help, once."""
_WAITING: Final = frozenset({Verdict.BACK_OFF, Verdict.PAIR_BACK_OFF, Verdict.UNCERTAIN})


class MediaNotFetched(Exception):
    """The file could not be had.

    Attributes:
        problem: why.
        retryable: the same call may succeed later.
        retry_after: seconds that the server asked to wait, if it did.
    """

    def __init__(self, problem: MediaProblem, *, retry_after: float | None = None) -> None:
        super().__init__(f"the file could not be fetched: {problem}")
        self.problem = problem
        self.retryable = problem in _RETRYABLE
        self.retry_after = retry_after


class WritableFile(Protocol):
    """Where a download goes: `anyio.SpooledTemporaryFile` is one."""

    async def write(self, data: bytes, /) -> int: ...
    async def seek(self, offset: int, /) -> int: ...
    async def truncate(self, size: int | None = None, /) -> int: ...


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """What was written. `mime_type` is what the bytes are, not what was claimed."""

    sha256: str
    size_bytes: int
    mime_type: str
    animated: bool


class MediaDownloads:
    """Downloads for any number: each brings its own access token. The HTTP client is handed in."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        graph: GraphClient,
        *,
        graph_url: str,
        largest: Mapping[MediaKind, int] = LARGEST,
    ) -> None:
        """
        Args:
            http: shared connection pool.
            graph: asks where a file is.
            graph_url: base of the Graph API. Its host may have the token too: the simulator serves
                files itself.
            largest: bytes of a file, by the type of its message.
        """
        self._http = http
        self._graph = graph
        self._graph_url = httpx.URL(graph_url)
        self._largest = largest

    async def fetch(
        self,
        media: MediaReference,
        *,
        kind: MediaKind,
        phone_number_id: str,
        access_token: str,
        into: WritableFile,
    ) -> FetchedFile:
        """Write the file into `into`, from its beginning on; the position is then its end.

        Raises:
            MediaNotFetched: gone, too large, not what it claims to be, damaged, refused, or not to
                be reached now. `into` may hold a part of it then.
        """
        for is_last in (False, True):
            info = await self._info(media, phone_number_id, access_token)
            await into.seek(0)
            await into.truncate(0)
            try:
                return await self._download(info, media, kind, access_token, into)
            except MediaNotFetched as error:
                if is_last or error.problem not in _ASKED_AGAIN:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _info(
        self, media: MediaReference, phone_number_id: str, access_token: str
    ) -> dict[str, Any]:
        if not _MEDIA_ID.fullmatch(media.media_id):
            raise MediaNotFetched(MediaProblem.GONE)
        try:
            return await self._graph.media(
                media.media_id, access_token, phone_number_id=phone_number_id
            )
        except (GraphUnreachable, GraphOutcomeUnknown) as error:
            raise MediaNotFetched(MediaProblem.UNREACHABLE) from error
        except GraphError as error:
            if error.verdict in _WAITING:
                raise MediaNotFetched(
                    MediaProblem.UNREACHABLE, retry_after=error.retry_after
                ) from error
            refused = error.verdict is Verdict.SENDER_BLOCKED
            problem = MediaProblem.REFUSED if refused else MediaProblem.GONE
            raise MediaNotFetched(problem) from error

    async def _download(
        self,
        info: dict[str, Any],
        media: MediaReference,
        kind: MediaKind,
        access_token: str,
        into: WritableFile,
    ) -> FetchedFile:
        largest = self._largest[kind]
        if isinstance(size := info.get("file_size"), int) and size > largest:
            raise MediaNotFetched(MediaProblem.TOO_LARGE)
        url = info.get("url")
        if not isinstance(url, str):
            raise MediaNotFetched(MediaProblem.UNREACHABLE)
        try:
            async with await self._open(url, access_token) as response:
                start, size, sha256 = await _copy(response, into, largest=largest)
        except httpx.HTTPError as error:
            raise MediaNotFetched(MediaProblem.UNREACHABLE) from error
        for told in (info.get("sha256"), media.sha256):
            if (digest := _digest(told)) is not None and digest.hex() != sha256:
                raise MediaNotFetched(MediaProblem.DAMAGED)
        claimed = media.mime_type or info.get("mime_type")
        mime_type = true_type(
            start, kind=kind, claimed=claimed if isinstance(claimed, str) else None
        )
        if mime_type is None:
            raise MediaNotFetched(MediaProblem.WRONG_TYPE)
        return FetchedFile(sha256, size, mime_type, is_animated(start))

    async def _open(self, url: str, access_token: str) -> "_Opened":
        """The answer at the end of all redirects, each of which must stay at Meta's hosts."""
        for _ in range(MOST_REDIRECTS + 1):
            target = self._trusted(url)
            request = self._http.build_request(
                "GET",
                target,
                # As it is: what unpacks to more than it says would pass the limit.
                headers={"Authorization": f"Bearer {access_token}", "Accept-Encoding": "identity"},
                timeout=DOWNLOAD_TIMEOUT,
            )
            response = await self._http.send(request, stream=True, follow_redirects=False)
            if not response.has_redirect_location:
                return _Opened(response)
            await response.aclose()
            url = str(target.join(response.headers["location"]))
        raise MediaNotFetched(MediaProblem.REFUSED)

    def _trusted(self, url: str) -> httpx.URL:
        """The address, when its host may have the token."""
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL:
            raise MediaNotFetched(MediaProblem.REFUSED) from None
        if not target.userinfo and (self._is_meta(target) or self._is_graph(target)):
            return target
        raise MediaNotFetched(MediaProblem.REFUSED)

    def _is_meta(self, target: httpx.URL) -> bool:
        if target.scheme != "https" or target.port is not None:
            return False
        return any(
            target.host.endswith(host) if host.startswith(".") else target.host == host
            for host in META_HOSTS
        )

    def _is_graph(self, target: httpx.URL) -> bool:
        own = self._graph_url
        return (target.scheme, target.host, target.port) == (own.scheme, own.host, own.port)


class _Opened:
    """An answer that begins to come in, closed at the end of the block; its status is a success."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    async def __aenter__(self) -> httpx.Response:
        problem = _problem_of(self._response.status_code)
        if problem is None:
            return self._response
        await self._response.aclose()
        asked = self._response.headers.get("retry-after", "")
        raise MediaNotFetched(problem, retry_after=float(asked) if asked.isdecimal() else None)

    async def __aexit__(self, *_error: object) -> None:
        await self._response.aclose()


async def _copy(
    response: httpx.Response, into: WritableFile, *, largest: int
) -> tuple[bytes, int, str]:
    """The first bytes, the size and the SHA-256 of what was written; no more than `largest`."""
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > largest:
        raise MediaNotFetched(MediaProblem.TOO_LARGE)
    start, size, digest = b"", 0, hashlib.sha256()
    async for piece in response.aiter_raw():
        size += len(piece)
        if size > largest:
            raise MediaNotFetched(MediaProblem.TOO_LARGE)
        if len(start) < SNIFFED_BYTES:
            start = (start + piece)[:SNIFFED_BYTES]
        digest.update(piece)
        await into.write(piece)
    return start, size, digest.hexdigest()


def _problem_of(status: int) -> MediaProblem | None:
    if status == httpx.codes.OK:
        return None
    if status in (404, 410):
        return MediaProblem.GONE
    if status in (408, 425, 429) or status >= 500:
        return MediaProblem.UNREACHABLE
    return MediaProblem.REFUSED


def _digest(told: object) -> bytes | None:
    """A SHA-256 as webhooks (base64) or media info (hex) tell it; None for what is neither."""
    if not isinstance(told, str):
        return None
    try:
        if len(told) == 64:
            return bytes.fromhex(told)
        digest = base64.b64decode(told, validate=True)
    except (ValueError, binascii.Error):
        return None
    return digest if len(digest) == 32 else None
