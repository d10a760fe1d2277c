"""Searching a knowledge base over HTTP finds what an assistant would find, and only there."""

import hashlib

import pytest
from fastapi import FastAPI

from adapters.postgres.ingestion import Ingestions
from api.services import Services
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId
from contracts.ingestion import IngestDocument
from domain.chunking import Chunk
from tests.api.conftest import Organization, check_problem, created


async def searchable(organization: Organization, app: FastAPI, text: str) -> str:
    """Path of a knowledge base with one document that is switched on."""
    services: Services = app.state.services
    base = await created(organization.admin, f"{organization.path}/knowledge-bases", name="Menu")
    path = f"{organization.path}/knowledge-bases/{base['id']}"
    document = await created(
        organization.admin, f"{path}/documents", status=202, title="Menu", text=text
    )
    ref = IngestDocument(
        organization_id=OrganizationId(organization.id),
        knowledge_base_id=KnowledgeBaseId(base["id"]),
        document_id=DocumentId(document["id"]),
    )
    ingestions = Ingestions(services.database)
    chunk = Chunk(text=text, start=0, end=len(text), heading="Dishes", page=None)
    version = await ingestions.stage(ref, chunks=[chunk])
    digest = hashlib.sha256(text.encode()).hexdigest()
    await ingestions.activate(ref, version=version, content_sha256=digest, passage_count=1)
    return path


async def test_a_search_finds_passages_with_where_they_stand(
    ours: Organization, app: FastAPI
) -> None:
    path = await searchable(ours, app, "Paella is served on Thursdays.")
    response = await ours.viewer.post(f"{path}/search", json={"query": "When is paella served?"})
    assert response.status_code == 200, response.text
    (found,) = response.json()["items"]
    assert found["text"] == "Paella is served on Thursdays."
    assert (found["title"], found["heading"], found["position"]) == ("Menu", "Dishes", 0)
    assert (found["start_offset"], found["end_offset"], found["url"]) == (0, 30, None)
    assert (found["dense_score"], found["dense_rank"], found["lexical_rank"]) == (None, None, 1)
    assert (found["relevant"], found["shown"]) == (True, True)
    result = response.json()
    assert (result["lexical_only"], result["least_cosine"]) == (True, None)
    assert (result["answerable"], result["queries"]) == (True, ["When is paella served?"])
    assert result["timings"]["words"] > 0
    nothing = await ours.viewer.post(f"{path}/search", json={"query": "zebra"})
    assert (nothing.json()["items"], nothing.json()["answerable"]) == ([], False)


async def test_a_follow_up_is_searched_with_what_it_leans_on(
    ours: Organization, app: FastAPI
) -> None:
    path = await searchable(ours, app, "Paella is served on Thursdays.")
    body = {"query": "And when?", "earlier": ["Do you serve paella?"]}
    result = (await ours.viewer.post(f"{path}/search", json=body)).json()
    assert result["queries"] == ["And when?", "Do you serve paella? And when?"]
    assert [found["title"] for found in result["items"]] == ["Menu"]
    too_many = {"query": "And when?", "earlier": ["a"] * 11}
    check_problem(await ours.viewer.post(f"{path}/search", json=too_many), 422)


async def test_a_deleted_document_is_found_no_more(ours: Organization, app: FastAPI) -> None:
    path = await searchable(ours, app, "Gazpacho is cold.")
    (document,) = (await ours.viewer.get(f"{path}/documents")).json()["items"]
    assert (document["status"], document["chunk_count"]) == ("ready", 1)
    assert (await ours.admin.delete(f"{path}/documents/{document['id']}")).status_code == 204
    response = await ours.viewer.post(f"{path}/search", json={"query": "gazpacho"})
    assert response.json()["items"] == []


async def test_a_search_stays_in_its_knowledge_base_and_organization(
    ours: Organization, theirs: Organization, app: FastAPI
) -> None:
    path = await searchable(ours, app, "Our secret sauce has capers.")
    other = await searchable(ours, app, "Bread is free.")
    foreign = await searchable(theirs, app, "Their sauce has none.")
    query = {"query": "sauce capers"}
    assert len((await ours.viewer.post(f"{path}/search", json=query)).json()["items"]) == 1
    assert (await ours.viewer.post(f"{other}/search", json=query)).json()["items"] == []
    check_problem(await theirs.viewer.post(f"{path}/search", json=query), 404)
    mixed = path.replace(ours.id, theirs.id)
    check_problem(await theirs.viewer.post(f"{mixed}/search", json=query), 404)
    answer = await theirs.viewer.post(f"{foreign}/search", json=query)
    assert [hit["text"] for hit in answer.json()["items"]] == ["Their sauce has none."]


@pytest.mark.parametrize(
    "body", [{}, {"query": ""}, {"query": " "}, {"query": "a\x00"}, {"query": "a", "limit": 0}]
)
async def test_a_search_for_nothing_is_a_problem(
    ours: Organization, body: dict[str, object]
) -> None:
    base = await created(ours.admin, f"{ours.path}/knowledge-bases", name="Menu")
    path = f"{ours.path}/knowledge-bases/{base['id']}/search"
    check_problem(await ours.viewer.post(path, json=body), 422)


@pytest.mark.parametrize(
    "query", ["'); DROP TABLE passages;--", "& | ! :*", "💬", "\\", "a " * 900]
)
async def test_any_words_can_be_searched(ours: Organization, query: str) -> None:
    base = await created(ours.admin, f"{ours.path}/knowledge-bases", name="Menu")
    path = f"{ours.path}/knowledge-bases/{base['id']}/search"
    response = await ours.viewer.post(path, json={"query": query})
    assert response.status_code == 200, response.text
