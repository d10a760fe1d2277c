"""Files are fetched whole and as they were sent, and the token goes nowhere else."""

import base64
import gzip
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio import SpooledTemporaryFile
from fastapi.responses import Response, StreamingResponse

from adapters.whatsapp.client import GraphClient
from adapters.whatsapp.media import FetchedFile, MediaDownloads, MediaNotFetched
from contracts.conversation import MediaReference
from domain.media_types import LARGEST, MediaKind
from domain.media_words import MediaProblem
from tests.http_server import serving
from tests.meta_media import (
    JPEG,
    MOVING_STICKER,
    MP4,
    OGG,
    PNG,
    STICKER,
    TOKEN,
    MetaMedia,
    graph_error,
    redirect,
    reference,
)
from tests.simulator.stage import PHONE_NUMBER_ID, Stage, staged


async def fetch(
    graph_url: str,
    media: MediaReference,
    *,
    kind: MediaKind = "image",
    phone_number_id: str = "1",
    **options: Any,
) -> tuple[FetchedFile, bytes]:
    async with (
        httpx.AsyncClient() as http,
        SpooledTemporaryFile[bytes](max_size=1024 * 1024) as file,
    ):
        graph = GraphClient(http, base_url=graph_url, version="v24.0")
        fetched = await MediaDownloads(http, graph, graph_url=graph_url, **options).fetch(
            media,
            kind=kind,
            phone_number_id=phone_number_id,
            access_token=TOKEN,
            into=file,
        )
        await file.seek(0)
        return fetched, await file.read()


async def problem(graph_url: str, media: MediaReference, **options: Any) -> MediaNotFetched:
    with pytest.raises(MediaNotFetched) as raised:
        await fetch(graph_url, media, **options)
    return raised.value


@asynccontextmanager
async def meta(content: bytes = JPEG, **about: Any) -> AsyncIterator[tuple[MetaMedia, str]]:
    server = MetaMedia(content, **about)
    async with serving(server.application) as url:
        yield server, url


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as stage:
        yield stage


async def sent(stage: Stage, content: bytes, mime_type: str, kind: str) -> MediaReference:
    """The file as the webhook names it after a person has sent it from the phone."""
    person = await stage.person()
    file = {"content_base64": base64.b64encode(content).decode(), "mime_type": mime_type}
    await stage.write(person, type=kind, text=None, **{kind: file})
    await stage.receiver.until(lambda: bool(stage.receiver.messages()))
    told = stage.receiver.messages()[0][kind]
    return MediaReference(media_id=told["id"], sha256=told["sha256"], mime_type=told["mime_type"])


@pytest.mark.parametrize(
    ("kind", "content", "mime_type"),
    [
        ("image", JPEG, "image/jpeg"),
        ("image", PNG, "image/png"),
        ("audio", OGG, "audio/ogg; codecs=opus"),
        ("video", MP4, "video/mp4"),
        ("document", b"%PDF-1.7 hello", "application/pdf"),
        ("document", b"just words", "text/plain"),
        ("sticker", STICKER, "image/webp"),
    ],
)
async def test_what_a_person_sends_is_fetched_as_it_was(
    stage: Stage, kind: MediaKind, content: bytes, mime_type: str
) -> None:
    media = await sent(stage, content, mime_type, kind)
    fetched, written = await fetch(stage.url, media, kind=kind, phone_number_id=PHONE_NUMBER_ID)
    assert written == content
    assert fetched.sha256 == hashlib.sha256(content).hexdigest()
    assert fetched.size_bytes == len(content)
    assert fetched.mime_type == mime_type.partition(";")[0]


async def test_after_seven_days_it_is_gone(stage: Stage) -> None:
    media = await sent(stage, JPEG, "image/jpeg", "image")
    await stage.http.post("/simulator/clock", json={"skip_seconds": 7 * 24 * 3600 + 1})
    error = await problem(stage.url, media, phone_number_id=PHONE_NUMBER_ID)
    assert (error.problem, error.retryable) == (MediaProblem.GONE, False)


async def test_of_another_number_there_is_nothing(stage: Stage) -> None:
    media = await sent(stage, JPEG, "image/jpeg", "image")
    error = await problem(stage.url, media, phone_number_id="999")
    assert error.problem is MediaProblem.GONE


async def test_an_address_that_has_ended_is_asked_for_again_once() -> None:
    async with meta() as (server, url):
        server.answers.append(Response(status_code=404))
        _, written = await fetch(url, reference(JPEG))
        assert written == JPEG
        assert server.asked == ["info", "file"] * 2
        server.answers += [Response(status_code=404), Response(status_code=404)]
        assert (await problem(url, reference(JPEG))).problem is MediaProblem.GONE


async def test_what_came_damaged_is_fetched_again_once() -> None:
    async with meta() as (server, url):
        server.answers.append(Response(JPEG[:-10]))
        _, written = await fetch(url, reference(JPEG))
        assert written == JPEG
        server.answers += [Response(JPEG[:-10]), Response(JPEG + b"x")]
        assert (await problem(url, reference(JPEG))).problem is MediaProblem.DAMAGED


@pytest.mark.parametrize("who", ["webhook", "info"])
async def test_each_hash_that_is_told_must_be_the_files(who: str) -> None:
    other = hashlib.sha256(b"another file")
    told = base64.b64encode(other.digest()).decode() if who == "webhook" else None
    info = {"sha256": other.hexdigest()} if who == "info" else {}
    async with meta(info=info) as (_, url):
        media = reference(JPEG, sha256=told)
        assert (await problem(url, media)).problem is MediaProblem.DAMAGED


@pytest.mark.parametrize("told", [None, "", "rubbish", "é" * 64, base64.b64encode(b"x").decode()])
async def test_a_hash_that_is_none_says_nothing(told: str | None) -> None:
    async with meta(info={"sha256": told}) as (_, url):
        _, written = await fetch(url, reference(JPEG, sha256=told))
        assert written == JPEG


async def test_the_token_is_never_sent_to_a_foreign_host() -> None:
    async with meta() as (thief, elsewhere), meta() as (server, url):
        server.answers.append(redirect(f"{elsewhere}/file"))
        assert (await problem(url, reference(JPEG))).problem is MediaProblem.REFUSED
        server.info = {"url": f"{elsewhere}/file"}
        assert (await problem(url, reference(JPEG))).problem is MediaProblem.REFUSED
        assert thief.asked == []
        assert set(server.tokens) == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    "url",
    [
        "http://lookaside.fbsbx.com/a",  # in clear
        "https://lookaside.fbsbx.com:8443/a",
        "https://lookaside.fbsbx.com@example.com/a",
        "https://user:password@lookaside.fbsbx.com/a",
        "https://fbsbx.com.example.com/a",
        "https://evilfbsbx.com/a",
        "https://graph.facebook.com.example.com/a",
        "https://example.com/?x=lookaside.fbsbx.com",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "//lookaside.fbsbx.com/a",
        "https://[::1",
        "",
    ],
)
async def test_addresses_that_only_look_like_metas_are_not_asked(url: str) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"url": url, "id": "1"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        base = "https://graph.facebook.com"
        graph = GraphClient(http, base_url=base, version="v24.0")
        downloads = MediaDownloads(http, graph, graph_url=base)
        async with SpooledTemporaryFile[bytes]() as file:
            with pytest.raises(MediaNotFetched) as raised:
                await downloads.fetch(
                    reference(JPEG), kind="image", phone_number_id="1", access_token=TOKEN,
                    into=file,
                )  # fmt: skip
    assert raised.value.problem is MediaProblem.REFUSED
    assert [request.url.path for request in asked] == ["/v24.0/1"]


@pytest.mark.parametrize(
    "url",
    [
        "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1",
        "https://mmg.whatsapp.net/a",
        "https://scontent.xx.fbcdn.net/a",
        "https://graph.facebook.com/a",
    ],
)
async def test_metas_own_hosts_get_the_token_and_may_pass_on_to_one_another(url: str) -> None:
    tokens: dict[str, str | None] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        tokens[str(request.url)] = request.headers.get("authorization")
        if request.url.path == "/v24.0/1":
            return httpx.Response(200, json={"url": url, "id": "1"})
        if request.url.path == "/last":
            return httpx.Response(200, stream=httpx.ByteStream(JPEG))
        return httpx.Response(302, headers={"location": "https://lookaside.fbsbx.com/last"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        base = "https://graph.facebook.com"
        graph = GraphClient(http, base_url=base, version="v24.0")
        async with SpooledTemporaryFile[bytes]() as file:
            await MediaDownloads(http, graph, graph_url=base).fetch(
                reference(JPEG), kind="image", phone_number_id="1", access_token=TOKEN, into=file
            )
    assert len(tokens) == 3
    assert set(tokens.values()) == {f"Bearer {TOKEN}"}


async def test_redirects_that_do_not_end_are_not_followed_for_ever() -> None:
    async with meta() as (server, url):
        server.answers += [redirect("/file")] * 9
        assert (await problem(url, reference(JPEG))).problem is MediaProblem.REFUSED
        assert server.asked.count("file") == 4


@pytest.mark.parametrize("kind", LARGEST)
async def test_too_large_is_known_before_it_is_fetched(kind: MediaKind) -> None:
    async with meta(info={"file_size": LARGEST[kind] + 1}) as (server, url):
        error = await problem(url, reference(JPEG), kind=kind)
        assert (error.problem, error.retryable) == (MediaProblem.TOO_LARGE, False)
        assert server.asked == ["info"]


@pytest.mark.parametrize("says_its_length", [True, False])
async def test_a_file_that_is_larger_than_told_is_cut_off(says_its_length: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield JPEG + bytes(9_000)

    async with meta(info={"file_size": 10, "sha256": None}) as (server, url):
        whole = Response(JPEG + bytes(200_000))
        server.answers.append(whole if says_its_length else StreamingResponse(pieces()))
        error = await problem(url, reference(JPEG), largest={**LARGEST, "image": 100_000})
        assert error.problem is MediaProblem.TOO_LARGE


async def test_what_is_packed_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    async with meta() as (server, url):
        server.answers += [Response(bomb, headers={"content-encoding": "gzip"})] * 2
        error = await problem(url, reference(JPEG), largest={**LARGEST, "image": 100_000})
        assert error.problem is MediaProblem.DAMAGED


@pytest.mark.parametrize(
    ("kind", "content", "mime_type"),
    [
        ("image", OGG, "image/jpeg"),
        ("image", b"<html>", "image/jpeg"),
        ("image", b"", "image/jpeg"),
        ("audio", JPEG, "audio/ogg"),
        ("video", OGG, "video/mp4"),
        ("sticker", JPEG, "image/webp"),
        ("document", JPEG, "application/pdf"),
        ("document", b"just words", "image/png"),
        ("document", MP4, "text/plain"),
    ],
)
async def test_what_is_not_what_it_claims_to_be(
    kind: MediaKind, content: bytes, mime_type: str
) -> None:
    async with meta(content) as (_, url):
        error = await problem(url, reference(content, mime_type=mime_type), kind=kind)
        assert (error.problem, error.retryable) == (MediaProblem.WRONG_TYPE, False)


@pytest.mark.parametrize(
    ("content", "claimed", "kept"),
    [
        (PNG, None, "image/png"),
        (b"words", None, "application/octet-stream"),
        (b"<script>", "text/html", "application/octet-stream"),
        (b"PK\x03\x04", "application/vnd.ms-excel", "application/vnd.ms-excel"),
        ("höchst".encode("utf-16"), "text/csv", "text/csv"),
    ],
)
async def test_a_document_may_be_anything(content: bytes, claimed: str | None, kept: str) -> None:
    async with meta(content, info={"mime_type": claimed}) as (_, url):
        fetched, _ = await fetch(url, reference(content), kind="document")
        assert fetched.mime_type == kept


async def test_whether_a_sticker_moves_is_in_its_bytes() -> None:
    for content, moves in ((STICKER, False), (MOVING_STICKER, True)):
        async with meta(content) as (_, url):
            fetched, _ = await fetch(url, reference(content), kind="sticker")
            assert fetched.animated is moves


@pytest.mark.parametrize(
    ("answer", "expected", "retryable"),
    [
        (graph_error(100), MediaProblem.GONE, False),
        (graph_error(190, 401), MediaProblem.REFUSED, False),
        (graph_error(10, 403), MediaProblem.REFUSED, False),
        (graph_error(4), MediaProblem.UNREACHABLE, True),
        (graph_error(2, 500), MediaProblem.UNREACHABLE, True),
        (Response(status_code=502), MediaProblem.UNREACHABLE, True),
    ],
)
async def test_what_graph_says_of_a_file(
    answer: Response, expected: MediaProblem, retryable: bool
) -> None:
    async with meta() as (server, url):
        server.info_answers.append(answer)
        error = await problem(url, reference(JPEG))
        assert (error.problem, error.retryable) == (expected, retryable)


@pytest.mark.parametrize(
    ("answer", "expected", "retry_after"),
    [
        (Response(status_code=401), MediaProblem.REFUSED, None),
        (Response(status_code=403), MediaProblem.REFUSED, None),
        (Response(status_code=500), MediaProblem.UNREACHABLE, None),
        (Response(status_code=429, headers={"retry-after": "7"}), MediaProblem.UNREACHABLE, 7),
    ],
)
async def test_what_a_download_is_answered(
    answer: Response, expected: MediaProblem, retry_after: float | None
) -> None:
    async with meta() as (server, url):
        server.answers.append(answer)
        error = await problem(url, reference(JPEG))
        assert (error.problem, error.retry_after) == (expected, retry_after)


async def test_nobody_there_is_worth_another_try() -> None:
    error = await problem("http://127.0.0.1:9", reference(JPEG))
    assert (error.problem, error.retryable) == (MediaProblem.UNREACHABLE, True)


async def test_a_transfer_that_breaks_off_is_worth_another_try() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield JPEG
        raise ConnectionResetError

    async with meta() as (server, url):
        server.answers.append(StreamingResponse(broken()))
        error = await problem(url, reference(JPEG))
        assert (error.problem, error.retryable) == (MediaProblem.UNREACHABLE, True)


@pytest.mark.parametrize("media_id", ["../1/messages", "", "1?fields=x", "1/2", "é", "." * 3])
async def test_an_id_that_is_none_asks_nobody(media_id: str) -> None:
    async with meta() as (server, url):
        media = reference(JPEG, media_id=media_id)
        assert (await problem(url, media)).problem is MediaProblem.GONE
        assert server.asked == []
