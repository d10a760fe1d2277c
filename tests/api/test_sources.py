"""Sources keep a knowledge base as they are: over days, failures and deaths."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from fastapi import FastAPI
from temporalio.service import RPCError

from api.services import Services
from contracts.ids import SourceId, source_schedule_id
from local.aws import AwsServer
from local.temporal_server import TemporalServer
from settings import Settings
from tests.api.conftest import Organization, check_problem, created
from tests.api.conftest import settings as settings_of_others
from tests.api.sources_world import PATIENCE, KnowledgeWorld, Site, counts, days_ago, syncing
from tests.embedding_server import EmbeddingServer
from tests.http_server import serving


@pytest.fixture(scope="module")
async def embeddings() -> AsyncIterator[tuple[EmbeddingServer, str]]:
    server = EmbeddingServer()
    async with serving(server.application) as url:
        yield server, url


@pytest.fixture(scope="module")
def settings(
    database_url: str,
    aws: AwsServer,
    aws_environment: None,
    temporal_server: TemporalServer,
    new_table_name: Callable[[], str],
    embeddings: tuple[EmbeddingServer, str],
) -> Settings:
    made: Settings = settings_of_others.__wrapped__(  # type: ignore[attr-defined]
        database_url, aws, aws_environment, temporal_server, new_table_name
    )
    return made.model_copy(
        update={
            "parley_embedding_base_url": f"{embeddings[1]}/v1",
            "parley_embedding_model": "counting-words",
            "parley_sources_from_private_addresses": True,
            "parley_s3_source_buckets": ["handbooks"],
        }
    )


@pytest.fixture(scope="module")
async def dies(settings: Settings, app: FastAPI) -> AsyncIterator[set[str]]:  # noqa: ARG001 - it migrates
    """Where the workers of this module die."""
    async with syncing(settings) as points:
        yield points


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    async with serving(site.application) as url:
        site.url = url
        yield site


@pytest.fixture
async def world(ours: Organization, app: FastAPI, dies: set[str]) -> KnowledgeWorld:  # noqa: ARG001 - they work
    base = await created(ours.admin, f"{ours.path}/knowledge-bases", name="Help")
    services: Services = app.state.services
    return KnowledgeWorld(ours, base["id"], services)


async def test_a_page_is_kept_current_and_costs_nothing_while_it_stays_the_same(
    world: KnowledgeWorld, site: Site, embeddings: tuple[EmbeddingServer, str]
) -> None:
    site.pages["/hours.md"] = "We open at nine."
    source = await world.make(type="url", name="Hours", url=f"{site.url}/hours.md")
    (run,) = await world.runs(source["id"])
    assert (run["status"], run["trigger"], counts(run)) == ("succeeded", "manual", {"added": 1})
    documents = await world.documents(source["id"])
    assert documents["hours.md"]["status"] == "ready"
    assert documents["hours.md"]["url"] == f"{site.url}/hours.md"
    assert await world.found("open nine") == ["We open at nine."]
    assert site.agents == {"Parley-Sources/1"}

    embedded = len(embeddings[0].inputs)
    run = await world.sync(source["id"])
    assert counts(run) == {"unchanged": 1}
    assert site.unchanged["/hours.md"] == 1
    site.has_etags = False
    run = await world.sync(source["id"])
    assert counts(run) == {"unchanged": 1}
    # Each sync asked, and nothing was embedded.
    assert len(embeddings[0].inputs) == embedded
    assert site.asked["/hours.md"] == 3

    site.pages["/hours.md"] = "We open at ten."
    run = await world.sync(source["id"])
    assert counts(run) == {"changed": 1}
    assert [item["outcome"] for item in run["items"]] == ["changed"]
    assert await world.found("open") == ["We open at ten."]
    again = await world.documents(source["id"])
    assert again["hours.md"]["id"] == documents["hours.md"]["id"]


async def test_a_schedule_follows_a_site_over_days_and_loses_nothing_to_its_failures(
    world: KnowledgeWorld, site: Site
) -> None:
    for name in "abcdef":
        site.pages[f"/{name}.md"] = f"Subject{name} on the first day."
    site.sitemap("/a.md", "/b.md")
    source = await world.make(
        type="sitemap",
        name="Site",
        url=f"{site.url}/sitemap.xml",
        schedule={"cron": "0 6 * * *", "timezone": "Europe/Madrid"},
    )
    key = source["id"]
    assert source["next_run_at"] is not None
    assert set(await world.documents(key)) == {"a.md", "b.md"}

    # Something appears, and something changes.
    site.sitemap("/a.md", "/b.md", "/c.md")
    site.pages["/b.md"] = "Subjectb on the second day."
    run = await world.sync_on_days(key, days_ago(9))
    assert (run["trigger"], run["status"]) == ("schedule", "succeeded")
    assert counts(run) == {"added": 1, "changed": 1, "unchanged": 1}
    found = await world.found("Subjectb")
    assert "Subjectb on the second day." in found
    assert "Subjectb on the first day." not in found

    # A page fails: what was read of it before stays, and the others are synced.
    site.statuses["/a.md"] = 500
    run = await world.sync_on_days(key, days_ago(8))
    assert (run["status"], counts(run)) == ("partly", {"unchanged": 2, "failed": 1})
    assert run["items"][0]["reason"] == "The website answered 500."
    # The list fails, is cut off, or is not a list: nothing is touched.
    for day, (status, text) in enumerate(
        [(503, ""), (200, site.pages["/sitemap.xml"][:-30]), (200, "<html>Maintenance</html>")]
    ):
        site.statuses = {} if status == 200 else {"/sitemap.xml": status}
        site.pages["/sitemap.xml"] = text
        run = await world.sync_on_days(key, days_ago(7 - day))
        assert (run["status"], counts(run)) == ("failed", {})
        assert "sitemap" in run["error"]
        assert set(await world.documents(key)) == {"a.md", "b.md", "c.md"}
        assert "Subjecta on the first day." in await world.found("Subjecta")
    site.statuses = {}

    # A page is gone from the list, another one from the site.
    site.sitemap("/a.md", "/c.md", "/d.md")
    del site.pages["/c.md"]
    run = await world.sync_on_days(key, days_ago(4))
    assert counts(run) == {"added": 1, "unchanged": 1, "removed": 2}
    assert set(await world.documents(key)) == {"a.md", "d.md"}
    assert not {one[:8] for one in await world.found("Subjectb Subjectc")} & {
        "Subjectb",
        "Subjectc",
    }

    # An empty list is believed when it comes a second time.
    site.sitemap()
    run = await world.sync_on_days(key, days_ago(3))
    assert (run["status"], counts(run)) == ("partly", {})
    assert "too many to be believed" in run["error"]
    assert set(await world.documents(key)) == {"a.md", "d.md"}
    run = await world.sync_on_days(key, days_ago(2))
    assert (run["status"], counts(run)) == ("succeeded", {"removed": 2})
    assert await world.documents(key) == {}
    assert [one["status"] for one in await world.runs(key)][:2] == ["succeeded", "partly"]


async def test_what_is_missing_only_for_once_is_not_forgotten(
    world: KnowledgeWorld, site: Site
) -> None:
    paths = [f"/{number}.md" for number in range(12)]
    site.pages |= {path: f"Words of {path}." for path in paths}
    site.sitemap(*paths)
    source = await world.make(type="sitemap", name="Site", url=f"{site.url}/sitemap.xml")
    site.sitemap(*paths[:5])
    run = await world.sync(source["id"])
    assert (run["status"], counts(run)) == ("partly", {"unchanged": 5})
    site.sitemap(*paths)
    assert counts(await world.sync(source["id"])) == {"unchanged": 12}
    # It is a first time again.
    site.sitemap(*paths[:5])
    assert counts(await world.sync(source["id"])) == {"unchanged": 5}
    assert len(await world.documents(source["id"])) == 12
    assert counts(await world.sync(source["id"])) == {"unchanged": 5, "removed": 7}


async def test_a_crawl_goes_where_links_lead_and_robots_may(
    world: KnowledgeWorld, site: Site
) -> None:
    def page(title: str, *links: str, head: str = "") -> str:
        anchors = "".join(f'<a href="{link}">more</a>' for link in links)
        return f"<html><head><title>{title}</title>{head}</head><body><p>{title}</p>{anchors}"

    site.pages |= {
        "/robots.txt": "User-agent: *\nDisallow: /private/\n",
        "/": page(
            "Home", "/help/", "/help/?utm_source=x#top", "/private/x", "/logo.png",
            "https://elsewhere.example/", "mailto:us@shop.example",
        ),
        "/help/": page("Help", "delivery", "old", "/help/hidden", "/help/print", "/other"),
        "/help/delivery": page("Delivery", "/help/deep"),
        "/help/deep": page("Deep", "/help/deeper"),
        "/help/deeper": page("Deeper"),
        "/help/hidden": page("Hidden", head='<meta name="robots" content="noindex">'),
        "/help/print": page("Print", head='<link rel="canonical" href="/help/delivery">'),
        "/other": page("Other"),
    }  # fmt: skip
    site.redirects["/help/old"] = "/help/delivery"
    source = await world.make(
        type="crawl", name="Site", url=f"{site.url}/", max_depth=3, exclude_paths=["/other"]
    )
    documents = await world.documents(source["id"])
    titles = sorted(one["title"] for one in documents.values())
    assert titles == ["Deep", "Delivery", "Help", "Home"]
    assert "/private/x" not in site.asked
    assert "/help/deeper" not in site.asked
    assert site.asked["/help/delivery"] <= 2
    run = await world.ended(source["id"])
    denied = next(item for item in run["items"] if item["url"].endswith("/private/x"))
    assert "robots.txt" in denied["reason"]

    # Rules that cannot be read, or forbid everything, stop the crawl and take nothing away.
    for status, rules in ((503, ""), (200, "User-agent: *\nDisallow: /\n")):
        site.statuses = {} if status == 200 else {"/robots.txt": status}
        site.pages["/robots.txt"] = rules
        run = await world.sync(source["id"])
        assert run["status"] == "failed"
        assert "robots" in run["error"] or "rules" in run["error"]
    assert await world.documents(source["id"]) == documents


async def test_a_page_that_cannot_be_read_hides_nothing_for_good(
    world: KnowledgeWorld, site: Site
) -> None:
    site.pages |= {
        "/": '<a href="/a">a</a><a href="/b">b</a>',
        "/a": '<a href="/c">c</a>',
        "/b": "b",
        "/c": "c",
    }
    source = await world.make(type="crawl", name="Site", url=f"{site.url}/")
    assert set(await world.documents(source["id"])) >= {"a", "b", "c"}
    site.statuses["/a"] = 500
    await world.sync(source["id"])
    assert set(await world.documents(source["id"])) >= {"a", "b", "c"}
    site.statuses.clear()
    site.pages["/a"] = "no link any more"
    assert (await world.sync(source["id"]))["removed"] == 1
    assert "c" not in await world.documents(source["id"])


async def test_a_page_whose_text_stays_is_unchanged_whatever_surrounds_it(
    world: KnowledgeWorld, site: Site
) -> None:
    site.has_etags = False
    page = "<html><body><nav>{0}</nav><script>let token = '{0}'</script><p>Hello</p></body></html>"
    site.pages["/page"] = page.format("first")
    source = await world.make(type="url", name="Page", url=f"{site.url}/page")
    site.pages["/page"] = page.format("second")
    before = await world.documents(source["id"])
    await world.sync(source["id"])
    after = await world.documents(source["id"])
    assert before["page"]["size_bytes"] == after["page"]["size_bytes"]
    site.pages["/page"] = page.format("second").replace("Hello", "Goodbye")
    await world.sync(source["id"])
    assert (await world.documents(source["id"]))["page"]["size_bytes"] != after["page"][
        "size_bytes"
    ]


async def test_each_question_is_a_document_and_only_the_changed_one_is_embedded(
    world: KnowledgeWorld, embeddings: tuple[EmbeddingServer, str]
) -> None:
    pairs = [
        {"question": f"What about number{n}?", "answer": f"Answer number{n}."} for n in range(5)
    ]
    source = await world.make(type="faq", name="Questions", questions=pairs)
    documents = await world.documents(source["id"])
    assert set(documents) == {pair["question"] for pair in pairs}
    assert "Answer number3." in (await world.found("number3"))[0]
    embedded = len(embeddings[0].inputs)

    pairs[3]["answer"] = "Another answer."
    path = f"{world.path}/sources/{source['id']}"
    changed = await world.organization.admin.patch(path, json={"questions": pairs[1:]})
    assert changed.status_code == 200, changed.text
    run = await world.ended(source["id"])
    assert counts(run) == {"unchanged": 3, "changed": 1, "removed": 1}
    assert len(embeddings[0].inputs) == embedded + 2 - 1


async def test_a_text_is_a_document_and_its_file_stays_for_as_long_as_it_is_needed(
    world: KnowledgeWorld,
) -> None:
    source = await world.make(type="text", name="Returns", text="Returns within thirty days.")
    (document,) = (await world.documents(source["id"])).values()
    assert document["title"] == "Returns"
    deleted = await world.organization.admin.delete(f"{world.path}/documents/{document['id']}")
    assert deleted.status_code == 204
    # What the source is made of is the same file, and is still there: it is read again.
    assert counts(await world.sync(source["id"])) == {"added": 1}
    assert await world.found("returns") == ["Returns within thirty days."]


async def test_files_of_a_bucket_are_read_under_the_organisations_own_prefix(
    world: KnowledgeWorld, theirs: Organization
) -> None:
    client, own = world.services.objects._client, f"{world.organization.id}/"
    await client.create_bucket(Bucket="handbooks")
    for key in (f"{own}a.md", f"{own}b.md", f"{theirs.id}/secret.md"):
        await client.put_object(Bucket="handbooks", Key=key, Body=f"Words of {key}.".encode())
    source = await world.make(type="s3", name="Bucket", bucket="handbooks", prefix=own)
    (run,) = await world.runs(source["id"])
    assert (run["error"], counts(run)) == (None, {"added": 2})
    assert set(await world.documents(source["id"])) == {"a.md", "b.md"}
    await client.put_object(Bucket="handbooks", Key=f"{own}b.md", Body=b"Other words.")
    await client.delete_object(Bucket="handbooks", Key=f"{own}a.md")
    run = await world.sync(source["id"])
    assert counts(run) == {"changed": 1, "removed": 1}
    platform = world.services.settings.parley_s3_bucket
    for bucket, prefix in (("handbooks", f"{theirs.id}/"), ("handbooks", ""), (platform, own)):
        refused = await world.organization.admin.post(
            f"{world.path}/sources",
            json={"type": "s3", "name": "Theirs", "bucket": bucket, "prefix": prefix},
        )
        assert check_problem(refused, 422)["errors"][0]["field"] == "bucket"


async def test_a_sync_whose_steps_die_ends_as_one_whose_steps_do_not(
    world: KnowledgeWorld, site: Site, dies: set[str]
) -> None:
    # Their work is done then, and nobody knows of it.
    points = {
        f"after {step}"
        for step in ("begin_sync", "list_source", "sync_batch", "remove_vanished", "finish_sync")
    }
    site.pages |= {f"/{n}.md": f"Words of {n}." for n in range(3)}
    site.sitemap("/0.md", "/1.md")
    source = await world.make(type="sitemap", name="Site", url=f"{site.url}/sitemap.xml")
    site.sitemap("/1.md", "/2.md")
    dies |= points
    run = await world.sync(source["id"])
    # The last of them strikes when the run has ended already.
    async with asyncio.timeout(PATIENCE):
        while dies:  # noqa: ASYNC110 - the worker dies when it does
            await asyncio.sleep(0.02)
    assert counts(run) == {"added": 1, "unchanged": 1, "removed": 1}
    assert set(await world.documents(source["id"])) == {"1.md", "2.md"}
    assert (await world.runs(source["id"]))[0] == {k: v for k, v in run.items() if k != "items"}


async def test_a_source_that_is_deleted_during_a_sync_leaves_nothing_behind(
    world: KnowledgeWorld, site: Site
) -> None:
    site.pages |= {f"/{n}.md": f"Words of {n}." for n in range(30)}
    site.sitemap(*(f"/{n}.md" for n in range(12)))
    source = await world.make(type="sitemap", name="Site", url=f"{site.url}/sitemap.xml")
    assert await world.found("words")
    site.sitemap(*(f"/{n}.md" for n in range(30)))
    site.pages["/20.md"] = "Words of something that takes long."
    site.held["/20.md"] = asyncio.Event()
    path = f"{world.path}/sources/{source['id']}"
    (await world.organization.admin.post(f"{path}/sync")).raise_for_status()
    async with asyncio.timeout(PATIENCE):
        while not site.asked["/20.md"]:  # noqa: ASYNC110 - the site is asked when it is
            await asyncio.sleep(0.02)
    assert (await world.organization.admin.delete(path)).status_code == 204
    site.held["/20.md"].set()

    handle = world.services.temporal.get_schedule_handle(source_schedule_id(SourceId(source["id"])))
    with pytest.raises(RPCError, match="not found"):
        await handle.describe()
    assert await world.documents(source["id"]) == {}
    assert await world.found("words") == []
    # The last file of a page that was being fetched is removed when it notices.
    async with asyncio.timeout(PATIENCE):
        while await world.files():  # noqa: ASYNC110 - the worker notices when it does
            await asyncio.sleep(0.05)


async def test_a_sync_that_is_cancelled_keeps_what_it_has_and_says_so(
    world: KnowledgeWorld, site: Site
) -> None:
    site.pages |= {f"/{n}.md": f"Words of {n}." for n in range(12)}
    site.sitemap(*(f"/{n}.md" for n in range(12)))
    source = await world.make(type="sitemap", name="Site", url=f"{site.url}/sitemap.xml")
    site.sitemap("/0.md", "/11.md")
    site.pages["/11.md"] = "Other words."
    site.held["/11.md"] = asyncio.Event()
    path = f"{world.path}/sources/{source['id']}"
    (await world.organization.admin.post(f"{path}/sync")).raise_for_status()
    async with asyncio.timeout(PATIENCE):
        while site.asked["/11.md"] < 2:  # noqa: ASYNC110 - the site is asked when it is
            await asyncio.sleep(0.02)
    (run, _first) = await world.runs(source["id"])
    assert run["status"] == "running"
    await world.services.temporal.get_workflow_handle(run["workflow_id"]).cancel()
    run = await world.ended(source["id"])
    site.held["/11.md"].set()
    assert (run["status"], run["removed"]) == ("failed", 0)
    assert "stopped" in run["error"]
    assert len(await world.documents(source["id"])) == 12
