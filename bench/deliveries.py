"""Signed deliveries of simulated people, and a client that posts them."""

import json
import secrets
import time
from dataclasses import dataclass

import aiohttp

from domain.webhook.signature import sign


@dataclass(frozen=True)
class Delivery:
    wa_id: str
    body: bytes
    signature: str


def delivery(*, phone_number_id: str, wa_id: str, text: str, app_secret: str) -> Delivery:
    """One text message, as Meta delivers it."""
    message = {
        "from": wa_id,
        "id": f"wamid.{secrets.token_hex(12)}",
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": text},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001111", "phone_number_id": phone_number_id},
        "contacts": [{"profile": {"name": "Bench"}, "wa_id": wa_id}],
        "messages": [message],
    }
    change = {"field": "messages", "value": value}
    body = json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
    ).encode()
    return Delivery(wa_id=wa_id, body=body, signature=sign(body, app_secret))


async def post(session: aiohttp.ClientSession, url: str, delivery: Delivery) -> float:
    """Seconds until the delivery was acknowledged; an error for anything but 200."""
    began = time.monotonic()
    headers = {"X-Hub-Signature-256": delivery.signature, "Content-Type": "application/json"}
    async with session.post(url, data=delivery.body, headers=headers) as response:
        await response.read()
        response.raise_for_status()
    return time.monotonic() - began
