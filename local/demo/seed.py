"""Fills an empty Parley with the demo's businesses, through the same API that everyone uses.

Seeding again changes nothing that is there: organisations, assistants, knowledge bases and
documents are found by name, channels by their phone number id.
"""

import asyncio
import mimetypes
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

from local.demo.businesses import (
    BUSINESSES,
    OFFLINE_NOTICE,
    PEOPLE,
    Business,
    DemoDocument,
)

READY_WITHIN_SECONDS = 180.0
"""For all documents together; on two busy cores they take about ten seconds."""

POLL_SECONDS = 0.3

Object = dict[str, Any]


class DemoError(Exception):
    """The demo could not be set up; one sentence says what stood in the way."""


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
        api = _Api(http, name="the API")
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
            simulator = _Api(phone, name="the simulator")
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
            await _seed_people(simulator)
            await simulator.put(
                "/simulator/notice", {"text": OFFLINE_NOTICE if offline_model else ""}
            )
    return DemoSummary(businesses=tuple(seeded), people=tuple(person.name for person in PEOPLE))


async def _seed_business(
    api: "_Api", business: Business, *, access_token: str, deadline: float
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


async def _upload_documents(api: "_Api", path: str, documents: tuple[DemoDocument, ...]) -> None:
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


async def _wait_until_ready(api: "_Api", path: str, *, business: Business, deadline: float) -> None:
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


async def _seed_people(simulator: "_Api") -> None:
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


class _Api:
    """JSON over HTTP; whatever goes wrong is a `DemoError` that names the path."""

    def __init__(self, http: httpx.AsyncClient, *, name: str) -> None:
        self._http = http
        self._name = name

    async def get(self, path: str, **params: Any) -> Object:
        return await self._send("GET", path, params=params)

    async def post(self, path: str, body: Object) -> Object:
        return await self._send("POST", path, json=body)

    async def put(self, path: str, body: Object) -> Object:
        return await self._send("PUT", path, json=body)

    async def patch(self, path: str, body: Object) -> Object:
        return await self._send("PATCH", path, json=body)

    async def delete(self, path: str) -> None:
        await self._send("DELETE", path)

    async def upload(self, path: str, *, title: str, file: tuple[str, bytes, str]) -> Object:
        return await self._send("POST", path, data={"title": title}, files={"file": file})

    async def items(self, path: str) -> AsyncIterator[Object]:
        """Every object of a list, page by page."""
        params: Object = {"limit": 100}
        while True:
            page = await self.get(path, **params)
            for item in page["items"]:
                yield item
            if not page.get("next_cursor"):
                return
            params["cursor"] = page["next_cursor"]

    async def find_or_create(self, path: str, body: Object, *, by: str = "name") -> Object:
        """The first object whose field `by` is as in `body`, made from it if there is none."""
        async for item in self.items(path):
            if item[by] == body[by]:
                return item
        return await self.post(path, body)

    async def _send(self, method: str, path: str, **arguments: Any) -> Object:
        try:
            response = await self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise DemoError(
                f"{method} {path}: {self._name} does not answer ({type(error).__name__})."
            ) from error
        if response.is_error:
            raise DemoError(f"{method} {path}: {self._name} answered {_problem(response)}")
        found: Object = response.json() if response.content else {}
        return found


def _problem(response: httpx.Response) -> str:
    """The status and the problem's own words, as far as it has any."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    error = body.get("error") if isinstance(body, dict) else None
    said = body.get("detail") if isinstance(body, dict) else None
    if said is None and isinstance(error, dict):
        said = error.get("message")
    return f"{response.status_code}: {said or response.reason_phrase}"
