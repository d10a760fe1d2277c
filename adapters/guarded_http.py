"""Requests to addresses that tenants have chosen, which must not reach into our own network.

A name is resolved here, each of its addresses is checked, and the connection is made to an address
that was checked: a name that resolves to something else a moment later changes nothing. TLS still
verifies the certificate against the name. Redirects are not followed (whoever follows one asks
again, and it is checked again), and no proxy is asked.
"""

import asyncio
import ipaddress
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self

import httpcore
import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Addresses of a host name, best first."""

CONNECTIONS: Final = 200
KEPT_OPEN_SECONDS: Final = 15.0
PATIENCE_WITH_ONE: Final = 2.0
"""Seconds given to an address of a name that has more of them."""
ANSWER_BYTES: Final = 64 * 1024
"""Read of an answer, and thrown away, so that its connection can be used again; more closes it."""

_UNPACKED: Final = ("identity", "")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
"""Addresses of IPv4 within IPv6 (RFC 6052)."""
_AZURE_HOST: Final = ipaddress.ip_address("168.63.129.16")
"""A public address that means Azure's own host, inside Azure."""


class Refused(Exception):
    """The address must not be called. The message is a sentence for whoever has entered it."""


class Unreachable(Exception):
    """No answer came, or none that is HTTP. The message says what went wrong, without contents."""


class TooLarge(Exception):
    """The answer has more bytes than are taken."""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    """By their names in small letters."""


class WritableFile(Protocol):
    """Where what comes in goes: one of anyio's files on disk."""

    async def write(self, data: bytes, /) -> int: ...


def is_public(address: str) -> bool:
    """Whether this IP address is somewhere on the internet, also where it wraps another."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return (
        ip.is_global
        and not ip.is_multicast
        and ip != _AZURE_HOST
        and all(is_public(str(inner)) for inner in _wrapped(ip))
    )


def check_url(url: str, *, allow_private: bool, allow_plain: bool = False) -> httpx.URL:
    """The address as it will be called, as far as that can be said without resolving its name.

    Args:
        allow_private: also in our own network, and without TLS.
        allow_plain: without TLS, because anybody may see what comes from there.

    Raises:
        Refused: it must not be called, or is none.
    """
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii").rstrip(".").lower()
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise Refused("This is not a valid URL.") from None
    if not host or parsed.scheme not in ("http", "https"):
        raise Refused("The URL must begin with https:// and name a host.")
    if parsed.userinfo:
        raise Refused("The URL must not hold a user name or password.")
    if allow_private:
        return parsed
    if parsed.scheme != "https" and not allow_plain:
        raise Refused("The URL must begin with https://.")
    if not _may_be_public(host):
        raise Refused("The URL must lead to a public address.")
    return parsed


class GuardedHttp:
    """Calls addresses of tenants' choice. Open it with `async with`."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Resolve | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """
        Args:
            allow_private: also in our own network, and without TLS: for local development.
            resolve: by default the operating system's.
            ssl_context: by default with the certificate authorities that httpx trusts.
        """
        self._allow_private = allow_private
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context or httpx.create_ssl_context(trust_env=False),
            max_connections=CONNECTIONS,
            keepalive_expiry=KEPT_OPEN_SECONDS,
            network_backend=_CheckedBackend(
                resolve or resolve_by_system, allow_private=allow_private
            ),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._pool.aclose()

    async def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Answer:
        """The answer, of which the body is thrown away.

        Args:
            seconds: for all of it.

        Raises:
            Refused: the address must not be called.
            Unreachable: there is no answer.
        """
        target = _target(check_url(url, allow_private=self._allow_private))
        async with _telling(seconds):
            return await self._post(target, headers, body)

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        into: WritableFile,
        most_bytes: int,
        seconds: float,
    ) -> Answer:
        """The answer; the body of one with status 200 is written into `into`, unpacked.

        Args:
            most_bytes: of the body, before and after it is unpacked.
            seconds: for all of it.

        Raises:
            Refused: the address must not be called.
            Unreachable: there is no answer, or it breaks off.
            TooLarge: it has more bytes; `into` holds some of them.
        """
        target = _target(check_url(url, allow_private=self._allow_private, allow_plain=True))
        sent = _encoded({**headers, "host": _host(target), "accept-encoding": "identity"})
        async with (
            _telling(seconds),
            self._pool.stream("GET", target, headers=sent) as response,
        ):
            answer = _answer(response)
            body = response.aiter_stream()
            if answer.status != 200:
                await _discard(body)
                return answer
            length = answer.headers.get("content-length", "")
            if length.isdecimal() and int(length) > most_bytes:
                raise TooLarge
            async for piece in _unpacked(body, answer.headers, most_bytes=most_bytes):
                await into.write(piece)
            return answer

    async def _post(self, target: httpcore.URL, headers: Mapping[str, str], body: bytes) -> Answer:
        sent = _encoded(headers)
        async with self._pool.stream("POST", target, headers=sent, content=body) as response:
            await _discard(response.aiter_stream())
            return _answer(response)


@asynccontextmanager
async def _telling(seconds: float) -> AsyncIterator[None]:
    """Bounds a call in time, and tells what went wrong with it in our own words."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Unreachable(f"no answer within {seconds:g} s") from None
    except (socket.gaierror, UnicodeError):
        raise Unreachable("its name cannot be resolved") from None
    except (httpcore.ConnectError, httpcore.ConnectTimeout, OSError) as error:
        raise Unreachable(_of_connecting(error)) from error
    except (httpcore.TimeoutException, httpcore.NetworkError) as error:
        raise Unreachable("the connection was lost before an answer came") from error
    except (httpcore.ProtocolError, zlib.error) as error:
        raise Unreachable("the answer is not HTTP") from error


def _target(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )


def _host(target: httpcore.URL) -> str:
    host = target.host.decode("ascii")
    host = f"[{host}]" if ":" in host else host
    return host if target.port is None else f"{host}:{target.port}"


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]


def _answer(response: httpcore.Response) -> Answer:
    return Answer(
        response.status,
        {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.headers
        },
    )


async def _discard(body: AsyncIterator[bytes]) -> None:
    """Read so much of it that the connection can be used again, if that is not too much."""
    read = 0
    async for piece in body:
        read += len(piece)
        if read > ANSWER_BYTES:
            break


async def _unpacked(
    body: AsyncIterator[bytes], headers: Mapping[str, str], *, most_bytes: int
) -> AsyncIterator[bytes]:
    """The bytes as they are meant. Some servers pack them although they are asked not to."""
    packed = headers.get("content-encoding", "identity").strip().lower()
    if packed not in (*_UNPACKED, "gzip", "x-gzip", "deflate"):
        raise Unreachable("the answer is packed in a way that was not asked for")
    # 32: with the header of either format.
    unpack = zlib.decompressobj(32 + zlib.MAX_WBITS) if packed not in _UNPACKED else None
    size = 0
    async for piece in body:
        left = most_bytes - size + 1
        piece = unpack.decompress(piece, left) if unpack else piece
        size += len(piece)
        if size > most_bytes or (unpack and unpack.unconsumed_tail):
            raise TooLarge
        yield piece


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses that it has checked, whatever a name means to anybody else."""

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self._resolve = resolve
        self._allow_private = allow_private
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await self._resolve(host.strip("[]"), port)
        addresses = [one for one in found if self._allow_private or is_public(one)]
        if not addresses:
            raise Refused("The URL leads to an address that is not public.")
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(
                    address, port, PATIENCE_WITH_ONE, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def resolve_by_system(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
    )
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _wrapped(ip: Address) -> list[Address]:
    """Addresses of IPv4 that a gateway would make of this one."""
    if not isinstance(ip, ipaddress.IPv6Address):
        return []
    if ip in _NAT64:
        return [ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)]
    return [ip.sixtofour] if ip.sixtofour else []


def _may_be_public(host: str) -> bool:
    try:
        return is_public(host.strip("[]"))
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".internal", ".local"))


def _of_connecting(error: Exception) -> str:
    certificate = isinstance(error.__cause__ or error.__context__, ssl.SSLError)
    return "its certificate is not accepted" if certificate else "nobody accepts a connection"
