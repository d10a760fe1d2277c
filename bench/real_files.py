"""Feeds files that other people made to the parser, with the process and limits of production.

python -m bench.real_files [--keep DIR]

The files are those with which pypdf, python-docx and python-pptx test themselves: they come with
the source distributions in the package registry. Each has to become text or be refused for a reason
that is true by the judgement of other code: pdfminer for PDFs, the bare XML for Office files. Exits
with 1 when anything ends otherwise.
"""

import argparse
import asyncio
import resource
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adapters.parsing.document import UnreadableDocument
from adapters.parsing.parser import DocumentParser
from bench.second_opinion import is_true

DISTRIBUTIONS = ("pypdf==7.1.1", "python-docx==1.2.0", "python-pptx==1.0.2")

DOCUMENTS = frozenset(["pdf", "docx", "pptx", "pptm", "xlsx", "html", "md", "txt", "rst", "json"])
OTHERS = frozenset(
    ["png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "emf", "wmf", "eps", "ttf", "bin"]
)

SAMPLE_SECONDS = 0.004


@dataclass(frozen=True)
class Outcome:
    path: str
    kind: str
    reason: str
    """`ready`, or why it was refused."""
    sentence: str
    seconds: float
    """CPU time of the child process: what else the machine does does not count."""
    megabytes: float
    """Peak memory of the child process, sampled; 0 when it was gone too soon."""
    expected: bool
    """Whether other code says the same."""


async def main(files: list[Path], directory: Path) -> int:
    outcomes = [await outcome_of(path, directory) for path in files]
    print_outcomes(outcomes)
    return 0 if outcomes and all(outcome.expected for outcome in outcomes) else 1


def files_in(directory: Path) -> list[Path]:
    download(directory)
    return sorted(
        path
        for path in directory.rglob("*")
        if path.is_file() and path.suffix.lower().lstrip(".") in DOCUMENTS | OTHERS
    )


def download(directory: Path) -> None:
    """Fetch and unpack the source distributions that are not there yet."""
    if any(directory.iterdir()):
        return
    with tempfile.TemporaryDirectory() as scratch:
        tools = Path(scratch) / "venv"
        venv.create(tools, with_pip=True)  # our own environment has no pip
        subprocess.run(  # noqa: S603 - our own arguments
            [
                tools / "bin" / "python", "-m", "pip", "download", "--quiet", "--no-deps",
                "--no-binary", ":all:", "--dest", scratch, *DISTRIBUTIONS,
            ],
            check=True,
        )  # fmt: skip
        for archive in sorted(Path(scratch).glob("*.tar.gz")):
            with tarfile.open(archive) as file:
                file.extractall(directory, filter="data")


async def outcome_of(path: Path, directory: Path) -> Outcome:
    name = str(path.relative_to(directory))
    kind = path.suffix.lower().lstrip(".")
    parser = DocumentParser()
    spent = _cpu_of_children()
    parsing = asyncio.create_task(parser.parse_file(path))
    peak = 0.0
    while not parsing.done():
        peak = max(peak, _peak_of_children())
        await asyncio.wait([parsing], timeout=SAMPLE_SECONDS)
    sentence = ""
    try:
        document = await parsing
        reason = "ready"
        sentence = " ".join(document.warnings)
    except UnreadableDocument as error:
        reason, sentence = error.reason.value, error.sentence
    seconds = _cpu_of_children() - spent
    expected = await asyncio.to_thread(is_true, reason, path)
    return Outcome(name, kind, reason, sentence, seconds, peak, expected)


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _peak_of_children() -> float:
    """Megabytes that the parsing process has had at most."""
    peak = 0.0
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # either may end while we look
            for child in (task / "children").read_text().split():
                status = (Path("/proc") / child / "status").read_text()
                for line in status.splitlines():
                    if line.startswith("VmHWM:"):
                        peak = max(peak, int(line.split()[1]) / 1024)
    return peak


def print_outcomes(outcomes: list[Outcome]) -> None:
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.kind, outcome.reason].append(outcome)
    print("| files | outcome | count | CPU s, median | most | most memory, MB |")
    print("|---|---|---|---|---|---|")
    for (kind, reason), group in sorted(groups.items()):
        seconds = sorted(outcome.seconds for outcome in group)
        print(
            f"| {kind} | {reason} | {len(group)} | {seconds[len(seconds) // 2]:.2f} "
            f"| {seconds[-1]:.2f} | {max(outcome.megabytes for outcome in group):.0f} |"
        )
    for outcome in outcomes:
        if outcome.reason != "ready" and outcome.kind in DOCUMENTS:
            print(f"{outcome.reason}: {outcome.path}: {outcome.sentence}")
        elif outcome.sentence and outcome.reason == "ready":
            print(f"ready, with a warning: {outcome.path}: {outcome.sentence}")
    unexpected = [outcome for outcome in outcomes if not outcome.expected]
    for outcome in unexpected:
        print(f"NOT TRUE {outcome.reason}: {outcome.path}: {outcome.sentence}")
    print(f"{len(outcomes)} files, {len(unexpected)} of them with an end that is not true")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--keep", type=Path, help="keep the files here, and use those there")
    chosen = arguments.parse_args().keep
    if chosen is not None:
        chosen.mkdir(parents=True, exist_ok=True)
        sys.exit(asyncio.run(main(files_in(chosen), chosen)))
    with tempfile.TemporaryDirectory() as unkept:
        sys.exit(asyncio.run(main(files_in(Path(unkept)), Path(unkept))))
