"""The embedding model of a knowledge base: chosen, changed, called off."""

from fastapi import FastAPI
from sqlmodel import col, update

from adapters.postgres.tables import KnowledgeBase
from api.services import Services
from contracts.ids import KnowledgeBaseId, OrganizationId, reembedding_workflow_id
from tests.api.conftest import Organization, check_problem, created
from tests.api.test_search import searchable

OWN, OTHER = "text-embedding-3-small", "another-model"


async def shown(ours: Organization, path: str) -> tuple[str, int | None]:
    base = (await ours.viewer.get(path)).json()
    assert base["reindexing"] is None
    return base["embedding_model"], base["embedding_dimensions"]


async def test_a_knowledge_base_has_the_model_that_was_asked_for(ours: Organization) -> None:
    path = f"{ours.path}/knowledge-bases"
    plain = await created(ours.admin, path, name="Menu")
    assert (plain["embedding_model"], plain["embedding_dimensions"]) == (OWN, None)
    small = await created(ours.admin, path, name="Menu", embedding_dimensions=256)
    assert (small["embedding_model"], small["embedding_dimensions"]) == (OWN, 256)
    other = await created(ours.admin, path, name="Menu", embedding_model=OTHER)
    assert (other["embedding_model"], other["reindexing"]) == (OTHER, None)


async def test_a_model_that_is_not_offered_is_refused_with_those_that_are(
    ours: Organization,
) -> None:
    body = {"name": "Menu", "embedding_model": "unheard-of"}
    answer = await ours.admin.post(f"{ours.path}/knowledge-bases", json=body)
    problem = check_problem(answer, 422)
    assert problem["errors"][0]["field"] == "embedding_model"
    assert f"{OWN}, {OTHER}" in problem["detail"]


async def test_without_passages_the_model_changes_at_once(ours: Organization) -> None:
    base = await created(ours.admin, f"{ours.path}/knowledge-bases", name="Menu")
    path = f"{ours.path}/knowledge-bases/{base['id']}"
    changed = (await ours.admin.patch(path, json={"embedding_model": OTHER})).json()
    assert changed["revision"] > base["revision"]
    assert await shown(ours, path) == (OTHER, None)
    await ours.admin.patch(path, json={"embedding_dimensions": 512})
    assert await shown(ours, path) == (OTHER, 512)
    await ours.admin.patch(path, json={"embedding_dimensions": None})
    assert await shown(ours, path) == (OTHER, None)


async def test_with_passages_it_is_on_its_way_until_that_is_called_off(
    ours: Organization, app: FastAPI
) -> None:
    path = await searchable(ours, app, "Paella is served on Thursdays.")
    answer = await ours.admin.patch(path, json={"embedding_model": OTHER})
    assert answer.status_code == 200, answer.text
    on_its_way = {
        "embedding_model": OTHER,
        "embedding_dimensions": None,
        "status": "running",
        "progress": 0,
        "error": None,
    }
    assert (answer.json()["embedding_model"], answer.json()["reindexing"]) == (OWN, on_its_way)
    services: Services = app.state.services
    base_id = KnowledgeBaseId(path.rpartition("/")[2])
    workflow = services.temporal.get_workflow_handle(reembedding_workflow_id(base_id))
    assert (await workflow.describe()).workflow_type == "ReembedKnowledgeBase"
    again = await ours.admin.patch(path, json={"embedding_model": OTHER})
    assert again.json()["reindexing"] == on_its_way
    elsewhere = await ours.admin.patch(path, json={"embedding_dimensions": 256})
    assert check_problem(elsewhere, 409)["type"].endswith("reindexing")
    renamed = await ours.admin.patch(path, json={"name": "Dishes"})
    assert renamed.json()["reindexing"] == on_its_way
    off = await ours.admin.patch(path, json={"embedding_model": OWN})
    assert off.status_code == 200
    assert await shown(ours, path) == (OWN, None)


async def test_why_it_stopped_is_shown_until_it_is_begun_again(
    ours: Organization, app: FastAPI
) -> None:
    path = await searchable(ours, app, "Paella is served on Thursdays.")
    await ours.admin.patch(path, json={"embedding_model": OTHER})
    services: Services = app.state.services
    async with services.database.tenant(OrganizationId(ours.id)) as session:
        await session.exec(
            update(KnowledgeBase)
            .where(col(KnowledgeBase.id) == path.rpartition("/")[2])
            .values(reindexing_error="The model server refused the API key.")
        )
    stopped = (await ours.viewer.get(path)).json()["reindexing"]
    assert (stopped["status"], stopped["error"]) == (
        "failed", "The model server refused the API key.",
    )  # fmt: skip
    answer = await ours.admin.patch(path, json={"embedding_model": OTHER})
    assert answer.json()["reindexing"]["status"] == "running"


async def test_a_viewer_cannot_change_the_model(ours: Organization) -> None:
    base = await created(ours.admin, f"{ours.path}/knowledge-bases", name="Menu")
    path = f"{ours.path}/knowledge-bases/{base['id']}"
    check_problem(await ours.viewer.patch(path, json={"embedding_model": OTHER}), 403)
