"""`make bench`: Parley beside the raw floor of Temporal, in the same run on the same machine, and a
large organisation beside a small one.

python -m bench [--turns N] [--messages N] [--requests N]
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from temporalio.client import Client

from bench import floor
from bench.conversations import measure_conversations
from bench.deliveries import Delivery, delivery, post
from bench.fairness import measure_fairness
from bench.figures import Figure, Latency, print_figures
from bench.tenant import make_channels
from bench.turns import measure_turns
from local.aws import AwsServer, aws_part
from local.ports import free_port
from local.process import PartProcess
from local.product import Product, running_product

IN_FLIGHT = 64
PEOPLE = 200
ROUNDS = 3
PATIENT = "1002"
"""Phone number id: it gathers a burst for so long that nothing is answered while acknowledgements
are measured."""

AWS_START_SECONDS = 30

RESULTS = Path(__file__).parent / "results.json"


@asynccontextmanager
async def running_bench() -> AsyncIterator[tuple[Product, str]]:
    """The product beside an instant model and Graph API, and the address of these."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as directory:
        os.chmod(directory, 0o755)  # noqa: S103 - PostgreSQL's own user has to pass through it
        async with instant_servers() as instant, aws_server(Path(directory)):
            environment = {
                "OPENAI_BASE_URL": f"{instant}/v1",
                "OPENAI_API_KEY": "bench",
                "PARLEY_EMBEDDING_MODEL": "bench-embedding",
                "WHATSAPP_GRAPH_URL": instant,
                "PARLEY_LOG_LEVEL": "WARNING",
                "PARLEY_API_REQUESTS_PER_MINUTE": "1000000",
            }
            async with running_product(
                Path(directory) / "data", environment=environment
            ) as product:
                yield product, instant


async def main(*, turns: int, messages: int, requests: int) -> None:
    async with running_bench() as (product, instant):
        figures = await measure(product, instant, turns=turns, messages=messages)
        figures += await measure_fairness(product, instant)
        # Last, because a hundred thousand conversations stay in the table.
        figures += await measure_conversations(product, requests=requests)
    print_figures(figures)
    RESULTS.write_text(
        json.dumps(
            {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "machine": f"{os.cpu_count()} cores, {platform.machine()}",
                "python": platform.python_version(),
                "figures": [{**figure.model_dump(), "ratio": figure.ratio} for figure in figures],
            },
            indent=2,
        )
        + "\n"
    )


async def measure(product: Product, instant: str, *, turns: int, messages: int) -> list[Figure]:
    client = await Client.connect(product.temporal_address)
    await make_channels(product, debounces={PATIENT: 30})
    last_step = floor.LastStep()
    async with floor.worker(client, last_step):
        figures = await measure_turns(product, instant, client, last_step, turns=turns)
        figures += await measure_acknowledgements(product, client, messages)
    return figures


async def measure_acknowledgements(product: Product, client: Client, messages: int) -> list[Figure]:
    """Signed deliveries answered 200, beside bare SignalWithStart calls, in turns."""
    rates: list[float] = []
    raw_rates: list[float] = []
    seconds: list[float] = []
    raw: list[float] = []
    # Everybody is known already, as most people are who write to a business.
    await _acknowledge(product, messages=PEOPLE)
    for _ in range(ROUNDS):
        rate, each = await floor.signal_with_start_rate(
            client, people=PEOPLE, messages=messages, in_flight=IN_FLIGHT
        )
        raw_rates.append(rate)
        raw += each
        rate, each = await _acknowledge(product, messages=messages)
        rates.append(rate)
        seconds += each
    ours, bare = Latency.of(seconds), Latency.of(raw)
    return [
        Figure(name=f"acknowledgements, {IN_FLIGHT} in flight", measured=sorted(rates)[ROUNDS // 2],
               floor=sorted(raw_rates)[ROUNDS // 2], unit="/s", aim="at least 0.8"),
        Figure(name="acknowledgement, p50", measured=ours.p50, floor=bare.p50, unit="ms"),
        Figure(name="acknowledgement, p99", measured=ours.p99, floor=bare.p99, unit="ms"),
    ]  # fmt: skip


async def _acknowledge(product: Product, *, messages: int) -> tuple[float, list[float]]:
    """Acknowledgements a second, and the seconds that each took."""
    gate = asyncio.Semaphore(IN_FLIGHT)
    deliveries = [
        delivery(
            phone_number_id=PATIENT,
            wa_id=f"3461{number % PEOPLE:07d}",
            text="x" * 100,
            app_secret=product.app_secret,
        )
        for number in range(messages)
    ]

    async with fresh_session() as session:

        async def one(each: Delivery) -> float:
            async with gate:
                return await post(session, product.webhook_url, each)

        began = time.monotonic()
        seconds = await asyncio.gather(*(one(each) for each in deliveries))
    return messages / (time.monotonic() - began), list(seconds)


def fresh_session() -> aiohttp.ClientSession:
    """For one round only: the server closes what was idle while the floor was measured."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT))


@asynccontextmanager
async def instant_servers() -> AsyncIterator[str]:
    """The address of an instant model and Graph API."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.instant", str(port))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def aws_server(directory: Path) -> AsyncIterator[None]:
    """The embedded DynamoDB and S3, in the environment of the product and of the benchmarks."""
    server = AwsServer(port=free_port())
    part = aws_part(server, data_dir=directory / "aws", log_file=directory / "aws.log")
    process = await PartProcess.start(part)
    try:
        await process.wait_healthy(timeout=AWS_START_SECONDS)
        os.environ.update(server.environment())
        yield
    finally:
        await process.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--turns", type=int, default=60, help="turns of each of three rounds")
    parser.add_argument("--messages", type=int, default=1000, help="deliveries of each round")
    parser.add_argument(
        "--requests", type=int, default=300, help="requests of each kind to each organisation"
    )
    arguments = parser.parse_args()
    asyncio.run(
        main(turns=arguments.turns, messages=arguments.messages, requests=arguments.requests)
    )
