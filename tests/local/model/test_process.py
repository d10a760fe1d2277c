"""The server as the process that the embedded stack starts."""

import asyncio
import signal
import socket
import sys

import httpx


async def test_the_process_serves_until_it_is_told_to_stop() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local.model", "--host", "127.0.0.1", "--port", str(port)
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            async with asyncio.timeout(30):
                while not await healthy(http):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
            body = {"model": "multilingual-e5-small", "input": "query: hello"}
            response = await http.post("/v1/embeddings", json=body, timeout=30)
        assert len(response.json()["data"][0]["embedding"]) == 384
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode in (0, -signal.SIGTERM)


async def healthy(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/health")).status_code == 200
    except httpx.TransportError:
        return False
