"""Takes out every rule that keeps organisations apart, one at a time, and tells what notices.

    python -m tests.isolation_mutations               # all; docs/security.md says how long
    python -m tests.isolation_mutations sees rls-     # those whose name holds one of the words
    python -m tests.isolation_mutations --door sees   # whether the test of all routes notices, too

Each mutant is a pytest process of its own, which ends at the first test that fails: first those
that are there to notice it, then, if they do not, the test of every route. The rule is taken out
inside that process (`tests.mutants`), never in a file. Exits 1 if a mutant survives.
"""

import asyncio
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final, NamedTuple

import pytest

from tests.mutants import MUTANTS, SERVERS_VARIABLE, VARIABLE, Servers
from tests.mutants.rule import DOOR, Mutant
from tests.servers import make_directory, running_aws, running_postgres, running_temporal

AT_ONCE: Final = os.cpu_count() or 1
SECONDS: Final = 600
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (\S+?)(?:\[.*)?(?: - .*)?$", re.MULTILINE)


class Verdict(NamedTuple):
    mutant: Mutant
    caught_by: str | None
    """The test that fails without the rule, by file and name."""
    at_the_door: str | None
    """The same of the test of every route, when it was asked."""


async def main(arguments: Sequence[str]) -> int:
    words = [argument for argument in arguments if argument != "--door"]
    chosen = [one for one in MUTANTS if not words or any(word in one.name for word in words)]
    gate = asyncio.Semaphore(AT_ONCE)

    # Each mutant is a process of its own, forked from one that has imported the product.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.mutants"])
    pool = ProcessPoolExecutor(AT_ONCE, mp_context=context, max_tasks_per_child=1)

    async with _servers() as servers:

        async def judge(mutant: Mutant) -> Verdict:
            async with gate:
                verdict = await _judge(mutant, servers, pool, door="--door" in arguments)
            print(_row(verdict), flush=True)
            return verdict

        verdicts = await asyncio.gather(*map(judge, chosen))
    survivors = [one.mutant.name for one in verdicts if not (one.caught_by or one.at_the_door)]
    print(f"\n{len(verdicts)} rules taken out, {len(survivors)} not noticed: {survivors}")
    return 1 if survivors else 0


@asynccontextmanager
async def _servers() -> AsyncIterator[Servers]:
    directory = make_directory()
    try:
        async with AsyncExitStack() as stack:
            postgres = await stack.enter_async_context(running_postgres(directory))
            yield Servers(
                postgres_port=postgres.port,
                postgres_password=postgres.password.get_secret_value(),
                aws=await stack.enter_async_context(running_aws(directory)),
                temporal=await stack.enter_async_context(running_temporal(directory)),
            )
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _judge(mutant: Mutant, servers: Servers, pool: Executor, *, door: bool) -> Verdict:
    caught = await _fails(mutant, servers, pool, *mutant.tests)
    if mutant.tests == (DOOR,):
        return Verdict(mutant, caught, caught)
    if caught and not (door and mutant.at_the_door):
        return Verdict(mutant, caught, None)
    return Verdict(mutant, caught, await _fails(mutant, servers, pool, DOOR))


async def _fails(mutant: Mutant, servers: Servers, pool: Executor, *tests: str) -> str | None:
    """The first test that fails without the rule."""
    run = partial(_run, mutant.name, servers.model_dump_json(), tests)
    async with asyncio.timeout(SECONDS):
        code, output = await asyncio.get_running_loop().run_in_executor(pool, run)
    if code not in (0, 1):
        # Counts as not noticed: somebody must look.
        print(f"{mutant.name}: pytest could not run\n{output}", file=sys.stderr)
    found: list[str] = _FAILED.findall(output)
    return found[0].removeprefix("tests/") if found else None


def _run(name: str, servers: str, tests: Sequence[str]) -> tuple[int, str]:
    """Pytest's exit code and output; in a process that does nothing else and then ends."""
    os.environ |= {VARIABLE: name, SERVERS_VARIABLE: servers}
    with tempfile.TemporaryFile("w+") as told:
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)
        code = pytest.main(
            ["-q", "-x", "--tb=no", "-p", "no:cacheprovider", "-p", "tests.mutants", *tests]
        )
        sys.stdout.flush()
        told.seek(0)
        return int(code), told.read()


def _row(verdict: Verdict) -> str:
    caught = [one for one in (verdict.caught_by, verdict.at_the_door) if one]
    return f"| {verdict.mutant.rule} | {', '.join(dict.fromkeys(caught)) or 'SURVIVED'} |"


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
