"""Runs many mutated deliveries against the reader and the door of the product.

    python -m tests.fuzz.webhooks --count 200000 --door 20000 --seed 1

`--count` of them are read, and what is read is held to what every store takes. `--door` of them go
through the webhook of the real application, signed, onto real servers that this starts; afterwards
every conversation that one of them touched must have recorded what was accepted and answer a
normal message. It prints what came of them, and exits 1 if anything did not hold. The same seed is
the same deliveries: a failure names the one that failed.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

import pytest

COUNT: Final = "PARLEY_FUZZ_COUNT"
DOOR: Final = "PARLEY_FUZZ_DOOR"
SEED: Final = "PARLEY_FUZZ_SEED"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.webhooks")
    parser.add_argument("--count", type=int, default=200_000, help="deliveries to read")
    parser.add_argument("--door", type=int, default=20_000, help="deliveries to send through HTTP")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    os.environ[COUNT] = str(arguments.count)
    os.environ[DOOR] = str(arguments.door)
    os.environ[SEED] = str(arguments.seed)
    tests = Path(__file__).with_name("test_webhooks.py")
    return pytest.main(["-q", "-s", "-p", "no:logging", "-p", "no:cacheprovider", str(tests)])


if __name__ == "__main__":
    sys.exit(main())
