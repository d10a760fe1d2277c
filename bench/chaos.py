"""Kills workers and APIs while people write, and looks whether each was answered once, in order.

python -m bench.chaos [--people N] [--turns N] [--kill-every SECONDS] [--seed N]

The whole product on the embedded stack, on loopback only, with two API and two worker processes
and an instant model. The simulator stands for Meta: it delivers a message again and again until it
is acknowledged, and tells the fate of each send by webhook. Exits with 1 when an answer came twice,
is missing, or came out of order.
"""

import argparse
import asyncio
import dataclasses
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from adapters.dynamodb.table import open_dynamodb
from bench.__main__ import instant_servers
from bench.tenant import make_channels
from bench.verdict import Books, Verdict, judge
from contracts import names
from local.kept_secrets import keep_secrets
from local.ports import LOOPBACK, free_port
from local.process import Part
from local.product import Product
from local.stack import Stack, answers, plan_stack
from local.supervisor import Supervisor
from settings import Settings, load_settings

LONGEST_PAUSE_SECONDS = 1.0
"""Before a killed process is started again: what is down cannot be killed."""
UNCERTAIN_SECONDS = 60
"""A status that is late, because the API was killed too, must still come before the policy."""
RETRY_CAP_SECONDS = 4
"""Meta's patience, shortened, so that a run does not wait for its last webhooks."""
LOOK_SECONDS = 0.2
SHARE_OF_PATIENT = 0.6
"""So many of the turns begin when the one before was answered; the others do not wait for it."""
PATIENT_SECONDS = 60.0
HURRY_SECONDS = (0.0, 2.0)
KILLED = ("api", "api-2", "worker", "worker-2")


@dataclass(frozen=True)
class Plan:
    people: int
    turns: int
    kill_every: float
    at_once: int
    settle_seconds: float
    seed: int


@dataclass(frozen=True)
class Outcome:
    verdict: Verdict
    kills: Counter[str]
    sends: Counter[str]
    """Sends that were uncertain for a while, by how they ended."""
    asking_seconds: float
    seconds: float


class Ups:
    """A reporter that knows which parts are up; deaths are what this is about."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def starting(self, name: str) -> None:
        self.names.discard(name)

    def up(self, name: str, *, seconds: float) -> None:  # noqa: ARG002 - as the protocol has it
        self.names.add(name)

    def failed(self, name: str) -> None:
        self.names.discard(name)

    def waiting(self, name: str) -> None: ...
    def say(self, sentence: str) -> None: ...


class Answers:
    """What has come back so far, for people who wait for it."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._last = 0
        self.numbers: set[str] = set()
        self._changed = asyncio.Condition()

    async def follow(self) -> None:
        while True:
            found, self._last = self._books.answers(after=self._last)
            if found:
                async with self._changed:
                    self.numbers.update(*(answer.numbers for answer in found))
                    self._changed.notify_all()
            await asyncio.sleep(LOOK_SECONDS)

    async def wait_for(self, numbers: set[str], *, within: float) -> None:
        """Return when all are answered, or when it has taken too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within), self._changed:
                await self._changed.wait_for(lambda: numbers <= self.numbers)


class Killer:
    """Ends a random process with `kill -9`, again and again; the supervisor starts it again.

    Only one that works: to kill what is starting disturbs nobody.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        ups: Ups,
        temporal: Client,
        *,
        every: float,
        dice: random.Random,
    ) -> None:
        self._supervisor = supervisor
        self._ups = ups
        self._temporal = temporal
        self._every = every
        self._dice = dice
        self.kills: Counter[str] = Counter()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(0.5, 1.5) * self._every)
            working = await self._working()
            if not working:
                continue
            name = self._dice.choice(sorted(working))
            with suppress(ProcessLookupError):
                os.kill(working[name], signal.SIGKILL)
                self._ups.names.discard(name)
                self.kills[name.removesuffix("-2")] += 1

    async def _working(self) -> dict[str, int]:
        """Process ids of APIs that answer and of workers that ask for tasks."""
        described = await self._temporal.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=self._temporal.namespace,
                task_queue=TaskQueue(name=names.CONVERSATIONS_QUEUE),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            )
        )
        pollers = {poller.identity.partition("@")[0] for poller in described.pollers}
        return {
            name: process_id
            for name, process_id in self._supervisor.process_ids.items()
            if name in KILLED
            and name in self._ups.names
            and (name.startswith("api") or str(process_id) in pollers)
        }


async def main(plan: Plan) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="parley-chaos-") as directory:
        os.chmod(directory, 0o755)  # noqa: S103 - PostgreSQL's own user has to pass through it
        async with instant_servers() as instant:
            stack, api_urls = _stack(Path(directory) / "data", instant=instant)
            ups = Ups()
            supervisor = Supervisor(
                stack.parts,
                reporter=ups,
                clock=time.monotonic,
                longest_pause=LONGEST_PAUSE_SECONDS,
            )
            try:
                await supervisor.start()
                print(f"the product is up after {time.monotonic() - began:.0f} s")
                temporal = await Client.connect(stack.addresses["Temporal"])
                killer = Killer(
                    supervisor,
                    ups,
                    temporal,
                    every=plan.kill_every,
                    dice=random.Random(plan.seed),  # noqa: S311 - chaos that can be repeated
                )
                outcome = await _measure(plan, stack, api_urls, killer, Path(directory))
            finally:
                await supervisor.stop()
    _print(plan, outcome)
    return 0 if outcome.verdict.is_good else 1


def _stack(data_dir: Path, *, instant: str) -> tuple[Stack, list[str]]:
    """The product as `parley run` starts it, with a second API and a second worker."""
    ports = {name: free_port() for name in ("API", "SIMULATOR", "TEMPORAL", "TEMPORAL_UI")}
    os.environ.update(
        {f"PARLEY_{name}_PORT": str(port) for name, port in ports.items()}
        | {
            "PARLEY_DATA_DIR": str(data_dir),
            "OPENAI_BASE_URL": f"{instant}/v1",
            "OPENAI_API_KEY": "bench",
            "PARLEY_EMBEDDING_MODEL": "bench-embedding",
            "PARLEY_UNCERTAIN_SEND_SECONDS": str(UNCERTAIN_SECONDS),
        }
    )
    data_dir.mkdir()
    stack = plan_stack(
        load_settings(),
        data_dir=data_dir,
        kept=keep_secrets(data_dir),
        environment=dict(os.environ),
    )
    second = f"http://{LOOPBACK}:{(port := free_port())}"
    parts = []
    for part in stack.parts:
        if part.name == "simulator":
            limits = ("--messages-per-second", "0", "--pair-burst", "0")
            patience = ("--retry-cap-seconds", str(RETRY_CAP_SECONDS))
            part = dataclasses.replace(part, command=(*part.command, *limits, *patience))
        parts.append(part)
        if part.name == "api":
            environment = {**part.environment, "PARLEY_API_PORT": str(port)}
            twin = _twin(part)
            parts.append(
                dataclasses.replace(
                    twin, environment=environment, probe=answers(f"{second}/healthz")
                )
            )
        if part.name == "worker":
            parts.append(_twin(part))
    return dataclasses.replace(stack, parts=parts), [stack.api_url, second]


def _twin(part: Part) -> Part:
    name = f"{part.name}-2"
    return dataclasses.replace(part, name=name, log_file=part.log_file.with_stem(name))


async def _measure(
    plan: Plan, stack: Stack, api_urls: list[str], killer: Killer, directory: Path
) -> Outcome:
    numbers = await _set_up(stack, api_urls)
    books = Books(directory / "data" / "simulator" / "simulator.sqlite3")
    answered = Answers(books)
    asked = {f"q{who}-{turn}" for who in range(plan.people) for turn in range(plan.turns)}
    began = time.monotonic()
    async with _beside(answered.follow()):
        async with _beside(killer.run()), _simulator(stack) as simulator:
            gate = asyncio.Semaphore(plan.at_once)

            async def one(who: int) -> None:
                async with gate:
                    number = numbers[who % len(numbers)]
                    own_dice = random.Random(f"{plan.seed} {who}")  # noqa: S311 - as above
                    await _write(simulator, answered, number, plan, who=who, dice=own_dice)

            await asyncio.gather(*(one(who) for who in range(plan.people)))
        asking_seconds = time.monotonic() - began
        await answered.wait_for(asked, within=plan.settle_seconds)
        seconds = time.monotonic() - began
        # What comes twice comes late: the last webhooks have to be in, and what they may cause.
        await _until_delivered(books, within=plan.settle_seconds)
    verdict = judge(books.questions(), books.answers()[0])
    sends = await _uncertain_sends(stack)
    return Outcome(verdict, killer.kills, sends, asking_seconds, seconds)


async def _set_up(stack: Stack, api_urls: list[str]) -> list[str]:
    """A number for each API process; its webhooks go there."""
    product = Product(
        process_id=os.getpid(), data_dir=Path(), api_url=stack.api_url,
        simulator_url=stack.simulator_url or "", temporal_address="", temporal_ui_url="",
        admin_key=stack.admin_key, app_secret=stack.app_secret, verify_token=stack.verify_token,
    )  # fmt: skip
    numbers = [str(1001 + index) for index in range(len(api_urls))]
    await make_channels(product, debounces=dict.fromkeys(numbers, 0.0))
    async with _simulator(stack) as simulator:
        for number, api_url in zip(numbers, api_urls, strict=True):
            settings = {
                "waba_id": "1",
                "display_phone_number": "+15550001111",
                "name": f"Chaos {number}",
                "app_secret": stack.app_secret,
                "access_token": "bench",
                "verify_token": stack.verify_token,
                "callback_url": f"{api_url}/webhooks/whatsapp",
            }
            answer = await simulator.put(f"/simulator/numbers/{number}", json=settings)
            answer.raise_for_status()
    return numbers


async def _write(
    simulator: httpx.AsyncClient,
    answered: Answers,
    number: str,
    plan: Plan,
    *,
    who: int,
    dice: random.Random,
) -> None:
    """A person's turns: some wait for the answer to the one before, some do not."""
    person = await simulator.post("/simulator/people", json={"name": f"Person {who}"})
    person_id = person.raise_for_status().json()["id"]
    for turn in range(plan.turns):
        question = f"q{who}-{turn}"
        answer = await simulator.post(
            f"/simulator/people/{person_id}/messages",
            json={
                "phone_number_id": number,
                "type": "text",
                "text": f"{question}: when do you open?",
            },
        )
        answer.raise_for_status()
        if dice.random() < SHARE_OF_PATIENT:
            await answered.wait_for({question}, within=PATIENT_SECONDS)
        else:
            await asyncio.sleep(dice.uniform(*HURRY_SECONDS))


async def _until_delivered(books: Books, *, within: float) -> None:
    """Every webhook is acknowledged, also of what was sent last, whose statuses take a while."""
    quiet = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            while quiet < 2 / LOOK_SECONDS:
                quiet = 0 if books.undelivered() else quiet + 1
                await asyncio.sleep(LOOK_SECONDS)


async def _uncertain_sends(stack: Stack) -> Counter[str]:
    """How sends ended that were uncertain for a while, as the product's table has it."""
    environment = next(part.environment for part in stack.parts if part.name == "worker")
    os.environ.update(
        {name: value for name, value in environment.items() if name.startswith("AWS_")}
    )
    ends: Counter[str] = Counter()
    async with open_dynamodb(Settings()) as table:
        pages = table.client.get_paginator("scan").paginate(
            TableName=table.name,
            FilterExpression="send_state = :uncertain OR attribute_exists(resent_at)",
            ExpressionAttributeValues={":uncertain": {"S": "uncertain"}},
        )
        async for page in pages:
            for item in page["Items"]:
                ends[_end_of(set(item))] += 1
    return ends


def _end_of(attributes: set[str]) -> str:
    if "resent_at" in attributes:
        return "sent once more"
    told = any(name.startswith("reached_") for name in attributes)
    return "settled by a status" if told else "left uncertain"


@asynccontextmanager
async def _simulator(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        # No connection is kept: the simulator may close one at the moment it is used again.
        base_url=stack.simulator_url or "",
        timeout=60,
        trust_env=False,
        limits=httpx.Limits(max_keepalive_connections=0),
    ) as client:
        yield client


@asynccontextmanager
async def _beside(coroutine: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(coroutine)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _print(plan: Plan, outcome: Outcome) -> None:
    verdict = outcome.verdict
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    for name, value in {
        "people x turns": f"{plan.people} x {plan.turns}, {plan.at_once} people at once",
        "questions": verdict.questions,
        "messages of the business": verdict.answers,
        "  without a question's number": verdict.numberless,
        "answered twice": f"{len(verdict.twice)} {verdict.twice[:10] or ''}",
        "missing": f"{len(verdict.missing)} {verdict.missing[:10] or ''}",
        "out of order": f"{len(verdict.out_of_order)} {verdict.out_of_order[:10] or ''}",
        "delivered more than once": verdict.redelivered,
        "never acknowledged": verdict.unacknowledged,
        "kills": dict(outcome.kills),
        f"uncertain sends (resend after {UNCERTAIN_SECONDS} s)": dict(outcome.sends) or 0,
        "seconds": f"{outcome.seconds:.0f}, of which {outcome.asking_seconds:.0f} with kills",
        "turns a second": f"{verdict.questions / outcome.seconds:.1f}",
        "seed": plan.seed,
        "load average": f"{load} on {os.cpu_count()} cores",
    }.items():
        print(f"{name:<42}{value}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--turns", type=int, default=20, help="of each person")
    parser.add_argument("--kill-every", type=float, default=15, help="seconds, on average")
    parser.add_argument("--at-once", type=int, default=40, help="people who write side by side")
    parser.add_argument(
        "--settle-seconds", type=float, default=300, help="for the last answers, at most"
    )
    parser.add_argument("--seed", type=int, default=1)
    sys.exit(asyncio.run(main(Plan(**vars(parser.parse_args())))))
