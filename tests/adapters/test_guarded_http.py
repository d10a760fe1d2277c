"""Posts to addresses of others' choice: what is inside our network is never reached."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from adapters.guarded_http import (
    ANSWER_BYTES,
    GuardedHttp,
    Refused,
    Unreachable,
    check_url,
    is_public,
)
from tests.certificates import certificate_for
from tests.http_server import serving


class Inside:
    """A server that stands where nobody from outside may call."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.sent = 0

    async def take(self, request: Request) -> Response:
        self.called.append(request.url.path)
        match request.url.path:
            case "/redirect":
                return RedirectResponse("/elsewhere")
            case "/endless":
                return StreamingResponse(self._endless())
            case _:
                return Response("fine")

    async def _endless(self) -> AsyncIterator[bytes]:
        while True:
            self.sent += 1
            await asyncio.sleep(0)
            yield b"x" * 4096

    @property
    def application(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self.take, methods=["POST", "GET"])])


def resolving(*addresses: str) -> Callable[[str, int], Any]:
    async def resolve(_host: str, _port: int) -> list[str]:
        return list(addresses)

    return resolve


async def post(http: GuardedHttp, url: str, *, seconds: float = 5) -> int:
    return (await http.post(url, headers={}, body=b"{}", seconds=seconds)).status


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        str(IPv4Address(0)), "255.255.255.255", "224.0.0.1", "192.0.2.1", "168.63.129.16",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
        "2001:db8::1",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101"]
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example.com/", "https://127.0.0.1/", "https://[::1]/", "https://localhost/",
        "https://api.localhost/", "https://metadata.google.internal/", "https://printer.local/",
        "https://intranet/", "https://10.0.0.1:8443/x", "https://user:pass@shop.example.com/",
        "ftp://shop.example.com/", "https://", "not a url", "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/", "https://LOCALHOST./",
    ],
)  # fmt: skip
def test_what_is_plainly_inside_is_refused_before_it_is_resolved(url: str) -> None:
    with pytest.raises(Refused):
        check_url(url, allow_private=False)


@pytest.mark.parametrize(
    "url", ["https://shop.example.com/hook?a=b", "https://1.1.1.1/", "https://münchen.de/"]
)
def test_a_public_address_is_taken(url: str) -> None:
    check_url(url, allow_private=False)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254"]
)
async def test_a_name_that_leads_inside_is_not_connected_to(address: str) -> None:
    async with GuardedHttp(resolve=resolving(address)) as http:
        with pytest.raises(Refused, match="not public"):
            await post(http, "https://shop.example.com/")


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1"])
async def test_other_spellings_of_loopback_are_resolved_and_refused(host: str) -> None:
    """As the operating system reads them: the check is on the address that it makes of them."""
    async with GuardedHttp() as http:
        with pytest.raises((Refused, Unreachable)) as raised:
            await post(http, f"https://{host}/")
    assert "accepts a connection" not in str(raised.value)


async def test_a_name_is_resolved_once_and_the_checked_address_is_called() -> None:
    """A second answer of the resolver, which leads elsewhere, is never asked for."""
    inside, asked = Inside(), 0

    async def rebinding(_host: str, _port: int) -> list[str]:
        nonlocal asked
        asked += 1
        return ["127.0.0.1"] if asked == 1 else ["203.0.113.1"]

    async with serving(inside.application) as url:
        address = url.replace("127.0.0.1", "shop.example.com")
        async with GuardedHttp(allow_private=True, resolve=rebinding) as http:
            assert await post(http, f"{address}/hook") == 200
    assert asked == 1


async def test_a_second_address_of_a_name_is_tried() -> None:
    inside = Inside()
    async with serving(inside.application) as url:
        address = url.replace("127.0.0.1", "shop.example.com")
        resolve = resolving("127.0.0.2", "127.0.0.1")
        async with GuardedHttp(allow_private=True, resolve=resolve) as http:
            assert await post(http, f"{address}/hook") == 200


async def test_redirects_are_not_followed() -> None:
    inside = Inside()
    async with serving(inside.application) as url, GuardedHttp(allow_private=True) as http:
        assert await post(http, f"{url}/redirect") == 307
    assert inside.called == ["/redirect"]


async def test_no_more_of_an_answer_is_read_than_needed() -> None:
    inside = Inside()
    async with serving(inside.application) as url, GuardedHttp(allow_private=True) as http:
        assert await post(http, f"{url}/endless") == 200
    assert inside.sent * 4096 < 200 * ANSWER_BYTES


async def test_whoever_does_not_answer_is_left_in_time() -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 - ASGI
        while (await receive())["type"] != "http.disconnect":
            pass

    async with serving(silent) as url, GuardedHttp(allow_private=True) as http:
        with pytest.raises(Unreachable, match=r"no answer within 0\.3 s"):
            await post(http, f"{url}/", seconds=0.3)


async def test_nobody_listening_is_said_so() -> None:
    async with GuardedHttp(allow_private=True) as http:
        with pytest.raises(Unreachable, match="nobody accepts"):
            await post(http, "http://127.0.0.1:1/")


async def test_a_name_of_nobody_is_said_so() -> None:
    async with GuardedHttp() as http:
        with pytest.raises(Unreachable, match="cannot be resolved"):
            await post(http, "https://nobody.invalid/")


async def test_the_certificate_must_be_of_the_name_although_the_address_is_called(
    tmp_path: Path,
) -> None:
    """What is verified is the name, not the address that was connected to."""
    made = certificate_for("shop.example.com", tmp_path)
    trusting = ssl.create_default_context(cafile=str(made.certificate))
    inside = Inside()
    async with (
        serving(inside.application, certificate=made) as url,
        GuardedHttp(
            allow_private=True, resolve=resolving("127.0.0.1"), ssl_context=trusting
        ) as http,
        GuardedHttp(allow_private=True, resolve=resolving("127.0.0.1")) as wary,
    ):
        port = url.rpartition(":")[2]
        assert await post(http, f"https://shop.example.com:{port}/") == 200
        for client, name in ((http, "other.example.com"), (wary, "shop.example.com")):
            with pytest.raises(Unreachable, match="certificate"):
                await post(client, f"https://{name}:{port}/")
    assert inside.called == ["/"]
