"""Fills an empty Parley with the demo's businesses, through the same API that everyone uses.

Seeding again changes nothing that is there: organisations, assistants, knowledge bases and
documents are found by name, channels by their phone number id.
"""

import asyncio
import mimetypes
import time
from dataclasses import dataclass

import httpx

from local.demo.api import Api, DemoError
from local.demo.businesses import (
    BUSINESSES,
    OFFLINE_NOTICE,
    PEOPLE,
    Business,
    DemoDocument,
)
from local.demo.desks import open_desk

READY_WITHIN_SECONDS = 180.0
"""For all documents together; on two busy cores they take about ten seconds."""

POLL_SECONDS = 0.3


@dataclass(frozen=True, kw_only=True)
class SeededBusiness:
    """A business as it is now in Parley, and what to ask it."""

    name: str
    organization_id: str
    assistant_id: str
    knowledge_base_id: str
    channel_id: str
    phone_number_id: str
    display_phone_number: str
    document_count: int
    suggested_questions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DemoSummary:
    """What is there after seeding; the first business is the one to show."""

    businesses: tuple[SeededBusiness, ...]
    people: tuple[str, ...]


async def seed_demo(
    *,
    api_url: str,
    admin_key: str,
    simulator_url: str | None,
    simulator_access_token: str,
    webhook_url: str,
    app_secret: str,
    verify_token: str,
    offline_model: bool = False,
    ready_within_seconds: float = READY_WITHIN_SECONDS,
) -> DemoSummary:
    """Make sure that the demo is there, with every document ready to be asked about.

    Args:
        api_url: where Parley's API listens.
        admin_key: key of a platform administrator.
        simulator_url: of the WhatsApp simulator; None when there is none.
        simulator_access_token: the token with which Parley sends for the demo's numbers.
        webhook_url: where the simulator delivers.
        app_secret: signs these deliveries; the platform's own, so that channels need none.
        verify_token: answers the simulator's handshake.
        offline_model: the simulator's page says that it is the offline model that answers.
        ready_within_seconds: how long the documents may take.

    Raises:
        DemoError: something is missing, refused, or not ready in time.
    """
    async with (
        httpx.AsyncClient(
            base_url=api_url, headers={"Authorization": f"Bearer {admin_key}"}, timeout=30
        ) as http,
        httpx.AsyncClient(base_url=simulator_url or api_url, timeout=30) as phone,
    ):
        api = Api(http, name="the API")
        seeded = await asyncio.gather(
            *(
                _seed_business(
                    api,
                    business,
                    access_token=simulator_access_token,
                    deadline=time.monotonic() + ready_within_seconds,
                )
                for business in BUSINESSES
            )
        )
        if simulator_url is not None:
            simulator = Api(phone, name="the simulator")
            for business in BUSINESSES:
                await simulator.put(
                    f"/simulator/numbers/{business.phone_number_id}",
                    {
                        "display_phone_number": business.display_phone_number,
                        "name": business.name,
                        "waba_id": business.waba_id,
                        "app_secret": app_secret,
                        "access_token": simulator_access_token,
                        "callback_url": webhook_url,
                        "verify_token": verify_token,
                        "suggested_questions": list(business.suggested_questions),
                    },
                )
            for one in seeded:
                await open_desk(
                    api,
                    simulator,
                    phone_number_id=one.phone_number_id,
                    organization_id=one.organization_id,
                    api_url=api_url,
                )
            await _seed_people(simulator)
            await simulator.put(
                "/simulator/notice", {"text": OFFLINE_NOTICE if offline_model else ""}
            )
    return DemoSummary(businesses=tuple(seeded), people=tuple(person.name for person in PEOPLE))


async def _seed_business(
    api: Api, business: Business, *, access_token: str, deadline: float
) -> SeededBusiness:
    organization = await api.find_or_create("/v1/organizations", {"name": business.name})
    path = f"/v1/organizations/{organization['id']}"
    knowledge_base = await api.find_or_create(
        f"{path}/knowledge-bases",
        {"name": business.knowledge_base, "language": business.text_search_language},
    )
    documents = f"{path}/knowledge-bases/{knowledge_base['id']}/documents"
    await _upload_documents(api, documents, business.documents)
    assistant = await api.find_or_create(
        f"{path}/assistants",
        {
            "name": business.assistant_name,
            "instructions": business.instructions,
            "welcome_message": business.welcome_message,
            "fallback_message": business.fallback_message,
            "language": business.language,
            "knowledge_base_ids": [knowledge_base["id"]],
        },
    )
    channel = await api.find_or_create(
        f"{path}/channels",
        {
            "phone_number_id": business.phone_number_id,
            "waba_id": business.waba_id,
            "display_phone_number": business.display_phone_number,
            "access_token": access_token,
            "assistant_id": assistant["id"],
        },
        by="phone_number_id",
    )
    # The simulator's token may be a new one since the channel was made.
    await api.patch(f"{path}/channels/{channel['id']}", {"access_token": access_token})
    await _wait_until_ready(api, documents, business=business, deadline=deadline)
    return SeededBusiness(
        name=business.name,
        organization_id=organization["id"],
        assistant_id=assistant["id"],
        knowledge_base_id=knowledge_base["id"],
        channel_id=channel["id"],
        phone_number_id=business.phone_number_id,
        display_phone_number=business.display_phone_number,
        document_count=len(business.documents),
        suggested_questions=business.suggested_questions,
    )


async def _upload_documents(api: Api, path: str, documents: tuple[DemoDocument, ...]) -> None:
    """Upload what is missing; what failed before is taken away first and tried again."""
    present: set[str] = set()
    async for found in api.items(path):
        if found["status"] == "failed":
            await api.delete(f"{path}/{found['id']}")
        else:
            present.add(found["title"])
    for document in documents:
        if document.title not in present:
            content = await asyncio.to_thread(document.path.read_bytes)
            media_type = mimetypes.guess_type(document.path.name)[0] or "text/markdown"
            await api.upload(
                path, title=document.title, file=(document.path.name, content, media_type)
            )


async def _wait_until_ready(api: Api, path: str, *, business: Business, deadline: float) -> None:
    wanted = {document.title for document in business.documents}
    while True:
        found = [document async for document in api.items(path) if document["title"] in wanted]
        for document in found:
            if document["status"] == "failed":
                raise DemoError(
                    f'The demo\'s document "{document["title"]}" of {business.name} failed: '
                    f"{document.get('error') or 'no reason was given'}"
                )
        waiting = wanted - {d["title"] for d in found if d["status"] == "ready"}
        if not waiting:
            return
        if time.monotonic() >= deadline:
            named = ", ".join(f'"{title}"' for title in sorted(waiting))
            raise DemoError(
                f"The demo's documents {named} of {business.name} are still not ready: "
                "is the worker running, and does the model server answer?"
            )
        await asyncio.sleep(POLL_SECONDS)


async def _seed_people(simulator: Api) -> None:
    known = {
        person.get("wa_id")
        for person in (await simulator.get("/simulator/people")).get("items", [])
    }
    for person in PEOPLE:
        if person.wa_id not in known:
            await simulator.post(
                "/simulator/people",
                {"name": person.name, "wa_id": person.wa_id, "user_id": person.user_id},
            )
