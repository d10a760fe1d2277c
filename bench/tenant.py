"""An organisation to measure with, made through the REST API."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httpx

from local.product import Product

DOCUMENTS = {
    "Opening hours": "# Opening hours\n\nWe open at nine and close at six, Monday to Saturday.",
    "Returns": "# Returns\n\nUnused goods can be returned within thirty days with the receipt.",
    "Delivery": "# Delivery\n\nDelivery within the city takes two working days and costs 4.90.",
}
INGESTION_SECONDS = 60


@dataclass(frozen=True)
class Channel:
    organization_id: str
    channel_id: str
    phone_number_id: str


async def make_channels(
    product: Product, *, debounces: dict[str, float], model: str | None = None
) -> dict[str, Channel]:
    """One channel per phone number id, each with an assistant of that quiet period; all of them
    know the same three documents."""
    headers = {"Authorization": f"Bearer {product.admin_key}"}
    async with httpx.AsyncClient(
        base_url=f"{product.api_url}/v1", headers=headers, timeout=30, trust_env=False
    ) as api:
        organization = await _create(api, "/organizations", {"name": "Bench"})
        base = f"/organizations/{organization['id']}"
        knowledge = await _create(api, f"{base}/knowledge-bases", {"name": "Documents"})
        documents = f"{base}/knowledge-bases/{knowledge['id']}/documents"
        for title, text in DOCUMENTS.items():
            await _create(api, documents, {"title": title, "text": text})
        await _until_ready(api, documents)
        channels: dict[str, Channel] = {}
        for phone_number_id, debounce_seconds in debounces.items():
            assistant = await _create(
                api,
                f"{base}/assistants",
                {
                    "name": "Bench",
                    "knowledge_base_ids": [knowledge["id"]],
                    "debounce_seconds": debounce_seconds,
                    "model": model,
                },
            )
            channel = await _create(
                api,
                f"{base}/channels",
                {
                    "phone_number_id": phone_number_id,
                    "waba_id": "1",
                    "display_phone_number": "+15550001111",
                    "access_token": "bench",
                    "assistant_id": assistant["id"],
                },
            )
            channels[phone_number_id] = Channel(organization["id"], channel["id"], phone_number_id)
        return channels


async def _create(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await api.post(path, json=body)
    answer.raise_for_status()
    created: dict[str, Any] = answer.json()
    return created


async def _until_ready(api: httpx.AsyncClient, documents: str) -> None:
    deadline = time.monotonic() + INGESTION_SECONDS
    while time.monotonic() < deadline:
        items = (await api.get(documents)).raise_for_status().json()["items"]
        if all(item["status"] == "ready" for item in items):
            return
        if failed := [item["error"] for item in items if item["status"] == "failed"]:
            raise RuntimeError(f"a document could not be ingested: {failed[0]}")
        await asyncio.sleep(0.2)
    raise TimeoutError("the documents were not ingested in time")
