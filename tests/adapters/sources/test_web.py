"""Pages are fetched from the outside only, within limits, and as robots.txt asks."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from anyio import SpooledTemporaryFile
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from adapters import guarded_http
from adapters.guarded_http import GuardedHttp
from adapters.sources.items import ItemFailed, Known, SourceFailed
from adapters.sources.pace import Pace
from adapters.sources.robots import Robots
from adapters.sources.web import Page, PageGone, Unmodified, Website, filename_of
from tests.http_server import serving

SECRET = "the secret of a server inside"


class Servers:
    """One that stands for the internet, at 127.0.0.1, and one inside, at 127.0.0.2: each hears of
    what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.robots: Response | None = None

    async def answer(self, request: Request) -> Response:
        path, host = request.url.path, request.headers["host"].partition(":")[0]
        self.asked.append(f"{host}{path}")
        port = request.url.port
        match path:
            case "/robots.txt":
                return self.robots or Response("none", 404)
            case "/to-address":
                return RedirectResponse(f"http://127.0.0.2:{port}/secret")
            case "/to-name":
                return RedirectResponse(f"http://inside.example:{port}/secret")
            case "/to-metadata":
                return RedirectResponse("http://169.254.169.254/latest/meta-data/")
            case "/to-file":
                return RedirectResponse("file:///etc/passwd")
            case "/moved":
                return RedirectResponse("/page", 308)
            case "/circle":
                return RedirectResponse("/circle")
            case "/endless":
                return StreamingResponse(self._endless())
            case "/packed":
                return Response(gzip.compress(b"words"), headers={"content-encoding": "gzip"})
            case "/bomb":
                packed = gzip.compress(b"0" * 50_000_000)
                return Response(packed, headers={"content-encoding": "gzip"})
            case "/brotli":
                return Response(b"x", headers={"content-encoding": "br"})
            case "/busy":
                return Response("later", 429, headers={"retry-after": "7"})
            case "/secret":
                return Response(SECRET)
            case "/page":
                if request.headers.get("if-none-match") == '"1"':
                    return Response(status_code=304)
                return Response("A page", headers={"etag": '"1"'})
            case _:
                return Response("no", 404)

    async def _endless(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0)
            yield b"x" * 65536


@pytest.fixture
def servers() -> Servers:
    return Servers()


@pytest.fixture
async def url(servers: Servers) -> AsyncIterator[str]:
    routes = [Route("/{path:path}", servers.answer)]
    async with serving(Starlette(routes=routes)) as url:
        yield url.replace("127.0.0.1", "outside.example")


@pytest.fixture
async def website(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Website]:
    """As in production, but that 127.0.0.1 counts as the internet."""
    is_public = guarded_http.is_public
    monkeypatch.setattr(
        guarded_http, "is_public", lambda address: address == "127.0.0.1" or is_public(address)
    )
    names = {"outside.example": "127.0.0.1", "inside.example": "127.0.0.2"}

    async def resolve(host: str, _port: int) -> list[str]:
        return [names.get(host, host)]

    async with GuardedHttp(resolve=resolve) as http:
        yield Website(http)


async def fetched(
    website: Website, url: str, *, known: Known | None = None, **limits: Any
) -> tuple[Page | Unmodified, bytes]:
    async with SpooledTemporaryFile[bytes](max_size=1024) as file:
        page = await website.get(url, file, known=known, **limits)
        await file.seek(0)
        return page, await file.read()


@pytest.mark.parametrize("path", ["/to-address", "/to-name", "/to-metadata", "/to-file"])
async def test_a_redirect_does_not_lead_inside(
    website: Website, servers: Servers, url: str, path: str
) -> None:
    with pytest.raises(ItemFailed) as raised:
        await fetched(website, url + path)
    assert not raised.value.retryable
    assert SECRET not in str(raised.value)
    assert servers.asked == [f"outside.example{path}"]


@pytest.mark.parametrize(
    "address", ["http://127.0.0.2:{port}/secret", "http://inside.example:{port}/secret",
                "http://[::1]:{port}/secret", "http://localhost:{port}/secret"]
)  # fmt: skip
async def test_what_stands_inside_is_not_called(
    website: Website, servers: Servers, url: str, address: str
) -> None:
    with pytest.raises(ItemFailed):
        await fetched(website, address.format(port=url.rpartition(":")[2]))
    assert servers.asked == []


async def test_a_redirect_is_followed_to_the_page(website: Website, url: str) -> None:
    page, body = await fetched(website, f"{url}/moved")
    assert (page.url, body) == (f"{url}/page", b"A page")
    assert isinstance(page, Page)
    assert filename_of(page) == "page"


async def test_what_is_as_it_was_is_not_sent_again(website: Website, url: str) -> None:
    page, body = await fetched(website, f"{url}/page", known=Known('"1"', None, None))
    assert (page, body) == (Unmodified(f"{url}/page"), b"")


async def test_what_others_said_is_sent_to_nobody_as_a_header(website: Website, url: str) -> None:
    known = Known('"1"\r\nx-injected: yes', None, None)
    _, body = await fetched(website, f"{url}/page", known=known)
    assert body == b"A page"


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/circle", "without end"),
        ("/endless", "more than 1 MB"),
        ("/bomb", "more than 1 MB"),
        ("/brotli", "not asked for"),
        ("/busy", "answered 429"),
    ],
)
async def test_what_is_no_page_is_told_in_a_sentence(
    website: Website, url: str, path: str, sentence: str
) -> None:
    with pytest.raises(ItemFailed, match=sentence):
        await fetched(website, url + path, most_bytes=1024 * 1024)


async def test_a_server_says_when_to_come_back(website: Website, url: str) -> None:
    with pytest.raises(ItemFailed) as raised:
        await fetched(website, f"{url}/busy")
    assert (raised.value.retryable, raised.value.retry_after) == (True, 7)
    with pytest.raises(PageGone):
        await fetched(website, f"{url}/nothing")


async def test_a_slow_page_is_given_up_on(website: Website, url: str) -> None:
    with pytest.raises(ItemFailed, match="no answer within"):
        await fetched(website, f"{url}/endless", seconds=0.2)


async def test_what_comes_packed_is_unpacked(website: Website, url: str) -> None:
    _, body = await fetched(website, f"{url}/packed")
    assert body == b"words"


async def test_a_host_is_left_alone_for_as_long_as_it_asks(
    website: Website, servers: Servers, url: str
) -> None:
    rules = "User-agent: parley\nCrawl-delay: 0.2\nDisallow: /private\n\nUser-agent: *\nDisallow: /"
    servers.robots = Response(rules)
    pace = Pace(Robots(website))
    began = time.monotonic()
    for number in range(3):
        await pace.wait(f"{url}/{number}")
    assert time.monotonic() - began >= 0.4
    with pytest.raises(ItemFailed, match=r"robots\.txt"):
        await pace.wait(f"{url}/private/x")
    assert servers.asked == ["outside.example/robots.txt"]


@pytest.mark.parametrize(("status", "allowed"), [(404, True), (403, True), (500, False)])
async def test_rules_that_are_not_there_forbid_nothing_and_those_that_fail_everything(
    website: Website, servers: Servers, url: str, status: int, allowed: bool
) -> None:
    servers.robots = Response("User-agent: *\nDisallow: /", status)
    robots = Robots(website)
    if allowed:
        assert await robots.allows(f"{url}/page")
        return
    with pytest.raises(SourceFailed, match="cannot be read now"):
        await robots.allows(f"{url}/page")
