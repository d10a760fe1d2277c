"""How fast many small documents go in, and how long replies take meanwhile.

python -m bench.ingestion [--documents N]

The whole product on the embedded stack, on loopback only, with an instant model: what is measured
is Parley. The documents (Markdown, plain text, DOCX, PDF) are of one organisation, the
conversations of another.
"""

import argparse
import asyncio
import io
import os
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import docx
import httpx
from reportlab.pdfgen.canvas import Canvas

from bench.fairness import QUANTILES, QUIET, Desk
from bench.figures import Figure, print_figures, quantile
from bench.tenant import make_channels
from local.product import Product

DOCUMENTS = 1000
FILES_OF_A_REQUEST = 50
TURNS = 30
LOOK_SECONDS = 0.5
LONGEST_SECONDS = 3600
SENTENCES = 40

File = tuple[str, bytes]


async def measure_ingestion(product: Product, instant: str, *, documents: int) -> list[Figure]:
    """Replies alone, then beside the documents, and the documents' rate."""
    await make_channels(product, debounces={QUIET: 0})
    files = [_file(number) for number in range(documents)]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        desk = Desk(session, product, instant)
        await desk.turns(QUIET, first=0, count=5)
        alone = await desk.turns(QUIET, first=1000, count=TURNS)
        beside: list[float] = []
        ingesting = asyncio.create_task(_ingest(product, files))
        while not ingesting.done():
            beside += await desk.turns(QUIET, first=2000 + len(beside), count=1)
        seconds = await ingesting
    return [
        Figure(name=f"documents a minute, of {documents}", measured=60 * documents / seconds,
               unit="/min"),
        *(
            Figure(
                name=f"reply beside them, {name} of {len(beside)}",
                measured=quantile(beside, at),
                floor=quantile(alone, at),
                unit="ms",
                aim="a little more than alone",
            )
            for name, at in QUANTILES
        ),
    ]  # fmt: skip


async def _ingest(product: Product, files: list[File]) -> float:
    """Seconds from the first upload until all documents are ready."""
    headers = {"Authorization": f"Bearer {product.admin_key}"}
    async with httpx.AsyncClient(
        base_url=f"{product.api_url}/v1", headers=headers, timeout=120, trust_env=False
    ) as api:
        organization = await _create(api, "/organizations", {"name": "Importer"})
        bases = f"/organizations/{organization['id']}/knowledge-bases"
        documents = f"{bases}/{(await _create(api, bases, {'name': 'All'}))['id']}/documents"
        began = time.monotonic()
        for first in range(0, len(files), FILES_OF_A_REQUEST):
            parts = [("file", file) for file in files[first : first + FILES_OF_A_REQUEST]]
            answer = (await api.post(documents, files=parts)).raise_for_status().json()
            if problems := [one["problem"] for one in answer.get("items", []) if one["problem"]]:
                raise RuntimeError(f"a file was refused: {problems[0]['detail']}")
        while await _any(api, documents, "pending") or await _any(api, documents, "processing"):
            if time.monotonic() > began + LONGEST_SECONDS:
                raise TimeoutError("the documents were not ingested in time")
            await asyncio.sleep(LOOK_SECONDS)
        seconds = time.monotonic() - began
        if failed := await _any(api, documents, "failed"):
            raise RuntimeError(f"a document could not be ingested: {failed[0]['error']}")
        return seconds


async def _create(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = (await api.post(path, json=body)).raise_for_status().json()
    return made


async def _any(api: httpx.AsyncClient, documents: str, status: str) -> list[dict[str, Any]]:
    answer = await api.get(documents, params={"status": status, "limit": 1})
    items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
    return items


def _file(number: int) -> File:
    """Of one page or two; each has sentences of its own."""
    lines = list(_sentences(number))
    match number % 4:
        case 0:
            return f"{number}.md", f"# Item {number}\n\n{' '.join(lines)}".encode()
        case 1:
            return f"{number}.txt", "\n\n".join([f"Item {number}", *lines]).encode()
        case 2:
            word = docx.Document()
            word.add_heading(f"Item {number}")
            for line in lines:
                word.add_paragraph(line)
            word.save(saved := io.BytesIO())
            return f"{number}.docx", saved.getvalue()
        case _:
            canvas = Canvas(drawn := io.BytesIO())
            for row, line in enumerate([f"Item {number}", *lines]):
                canvas.drawString(40, 800 - 18 * row, line)
            canvas.save()
            return f"{number}.pdf", drawn.getvalue()


def _sentences(number: int) -> Iterator[str]:
    for line in range(SENTENCES):
        yield f"Part {line} of item {number} weighs {number * line % 97} grams and costs {line}.90."


async def main(*, documents: int) -> None:
    from bench.__main__ import running_bench

    async with running_bench() as (product, instant):
        print_figures(await measure_ingestion(product, instant, documents=documents))
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"load average {load} on {os.cpu_count()} cores")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.ingestion", description=__doc__)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    asyncio.run(main(documents=parser.parse_args().documents))
