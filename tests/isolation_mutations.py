"""Takes out every rule that keeps organisations apart, one at a time, and tells what notices.

    python -m tests.isolation_mutations            # all, some minutes
    python -m tests.isolation_mutations sees       # those whose name holds a word

Each mutant is a pytest process of its own on the tests that are there to catch it. The rule is
taken out inside that process (`tests.isolation_mutants`), never in a file. Exits 1 if a mutant
survives.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.isolation_mutants import MUTANTS, VARIABLE, Mutant

ROOT: Final = Path(__file__).resolve().parents[1]
SECONDS: Final = 600
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (\S+?)(?:\[.*)?(?: - .*)?$", re.MULTILINE)


class Verdict(NamedTuple):
    mutant: Mutant
    caught_by: Sequence[str]


def main(words: Sequence[str]) -> int:
    chosen = [one for one in MUTANTS if not words or any(word in one.name for word in words)]
    verdicts = []
    for mutant in chosen:
        verdict = _try(mutant)
        verdicts.append(verdict)
        print(_row(verdict), flush=True)
    survivors = [verdict.mutant.name for verdict in verdicts if not verdict.caught_by]
    print(f"\n{len(verdicts)} rules taken out, {len(survivors)} not noticed.")
    return 1 if survivors else 0


def _try(mutant: Mutant) -> Verdict:
    """The tests that fail without the rule, by file and name."""
    ran = subprocess.run(  # noqa: S603 - our own tests
        [sys.executable, "-m", "pytest", "-q", "-x", "--tb=no", "-p", "tests.isolation_mutants",
         *mutant.tests],
        cwd=ROOT, env={**os.environ, VARIABLE: mutant.name}, capture_output=True, text=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    if ran.returncode not in (0, 1):
        raise RuntimeError(f"{mutant.name}: pytest could not run\n{ran.stdout}{ran.stderr}")
    return Verdict(mutant, sorted(set(_FAILED.findall(ran.stdout))))


def _row(verdict: Verdict) -> str:
    caught = ", ".join(name.removeprefix("tests/") for name in verdict.caught_by)
    return f"| {verdict.mutant.rule} | {caught or 'SURVIVED'} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
