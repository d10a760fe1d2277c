"""The demo's own documents, parsed, cut, embedded by the offline model, and asked about."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from adapters.openai.tokens import count_tokens
from adapters.postgres.database import Database
from local.model.app import create_app
from local.model.embedder import MODEL, Embedder
from migrations import upgrade
from tests.activities.test_ingestion import Steps
from tests.http_server import serving
from tests.knowledge import new_knowledge

DIRECTORY = Path(__file__).parents[3] / "local" / "demo" / "documents" / "bicycles"
DOCUMENTS = {path.name: path.read_bytes() for path in sorted(DIRECTORY.iterdir())}

QUESTIONS = {
    "How long is the warranty on a new bicycle?": "warranty.txt",
    "When are you open on Saturday?": "opening-hours-and-contact.md",
    "Can I send a bicycle back that I bought online?": "delivery-and-returns.docx",
    "What does a puncture repair cost?": "workshop-services-and-prices.md",
    "How much is it to rent a bike for a day?": "renting-a-bicycle.pdf",
    "¿Cuánto cuesta alquilar una bicicleta por un día?": "renting-a-bicycle.pdf",
    "¿Cuánto dura la garantía de una bicicleta nueva?": "warranty.txt",
}


@pytest.fixture(scope="module")
async def shop(database_url: str) -> AsyncIterator[Steps]:
    """A knowledge base with all of the bicycle shop's documents."""
    await upgrade(database_url)
    database = Database(database_url)
    with Embedder(threads=1) as embedder:
        async with (
            serving(create_app(embedder)) as url,
            AsyncOpenAI(base_url=f"{url}/v1", api_key="offline") as client,
        ):
            knowledge = await new_knowledge(database, model=MODEL, language="english")
            steps = Steps(knowledge, client, model=MODEL, tokens=count_tokens)
            for name, content in DOCUMENTS.items():
                await steps.ingest(await knowledge.add(content, title=name))
            yield steps
    await database.close()


@pytest.mark.parametrize(("question", "document"), QUESTIONS.items())
async def test_the_document_with_the_answer_is_among_the_first(
    shop: Steps, question: str, document: str
) -> None:
    assert document in [hit.title for hit in await shop.search(question, limit=5)]


async def test_a_pdf_is_cited_with_its_page(shop: Steps) -> None:
    hits = await shop.search("How much is it to rent a bike for a day?")
    assert {hit.page for hit in hits if hit.title.endswith(".pdf")} == {1}
    assert {hit.page for hit in hits if not hit.title.endswith(".pdf")} <= {None}
