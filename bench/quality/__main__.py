"""`make eval`: how good searches and replies are, on labelled questions.

python -m bench.quality [--cache DIRECTORY] [--check]

Writes docs/quality.md and bench/quality-results.json. The first run embeds everything, which takes
some ten minutes on two cores; later ones find the vectors in the cache.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from bench.quality.report import report
from bench.quality.results import Results, shortcomings
from bench.quality.run import measure
from bench.quality.stage import running_stage
from telemetry import configure_logging

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "docs" / "quality.md"
RESULTS = ROOT / "bench" / "quality-results.json"


async def main(*, cache: Path) -> Results:
    async with running_stage(cache) as stage:
        results = await measure(stage, say=lambda sentence: print(sentence, flush=True))
    RESULTS.write_text(results.model_dump_json(indent=2) + "\n", encoding="utf-8")
    REPORT.write_text(report(results), encoding="utf-8")
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument(
        "--cache",
        type=Path,
        default=ROOT / ".parley" / "quality",
        help="where vectors are kept (default: .parley/quality)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="exit with 1 when search, abstention or the handling of hostile documents falls short",
    )
    arguments = parser.parse_args()
    configure_logging(level="WARNING", output="console", process="eval")
    found = asyncio.run(main(cache=arguments.cache))
    print(f"Written to {REPORT.relative_to(ROOT)} and {RESULTS.relative_to(ROOT)}.")
    short = shortcomings(found)
    for sentence in short:
        print(sentence, file=sys.stderr)
    sys.exit(1 if arguments.check and short else 0)
