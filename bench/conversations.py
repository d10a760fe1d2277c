"""Lists and single conversations of a large organisation, beside a small one in the same table."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import aiohttp

from adapters.dynamodb import keys
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.table import Table, open_dynamodb
from adapters.dynamodb.values import Item, Plain, attributes
from bench.figures import Figure, Latency
from contracts.conversation import (
    ConversationRef,
    ConversationStatus,
    InboundMessage,
    InboundRecord,
    RecordInbound,
)
from contracts.ids import (
    ULID_LENGTH,
    ChannelId,
    ConversationId,
    MessageId,
    OrganizationId,
    PersonId,
    TurnId,
    conversation_id,
)
from local.product import Product
from settings import Settings

FEW, MANY = 1_000, 100_000
"""Conversations of the small and of the large organisation."""
CHANNELS = [ChannelId(f"chn_{number:0{ULID_LENGTH}d}") for number in (1, 2)]
STATUSES: Final[Sequence[ConversationStatus]] = ("bot", "closed", "closed", "closed", "human")
LOOKED_AT = 20
"""Conversations that have messages, and are read one by one."""
MESSAGES = 40
PAGE = 50
BATCH = 25
"""Writes of one BatchWriteItem, by DynamoDB's limit."""
WRITERS = 8
WARM_UP = 10
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Tenant:
    """An organisation and what of it is asked for."""

    organization_id: OrganizationId
    count: int
    looked_at: list[ConversationId]
    middle: str = ""
    """The cursor of the page in the middle of the list."""


async def measure_conversations(product: Product, *, requests: int) -> list[Figure]:
    """Each request to the large organisation and to the small one in turn.

    The product's DynamoDB is the one of this process's environment.
    """
    headers = {"Authorization": f"Bearer {product.admin_key}"}
    base = f"{product.api_url}/v1/organizations"
    async with aiohttp.ClientSession(headers=headers) as api, open_dynamodb(Settings()) as table:
        few, many = [
            await _with_middle(api, base, await _tenant(api, base, table, count=count))
            for count in (FEW, MANY)
        ]
        figures = []
        for name in _paths(few):
            pairs = zip(
                itertools.cycle(_paths(many)[name]),
                itertools.cycle(_paths(few)[name]),
                strict=False,
            )
            seconds: tuple[list[float], list[float]] = ([], [])
            for large, small in itertools.islice(pairs, WARM_UP + requests):
                for taken, path in zip(seconds, (large, small), strict=True):
                    taken.append(await _get(api, f"{base}/{path}"))
            at_many, at_few = (Latency.of(taken[WARM_UP:]) for taken in seconds)
            figures += [
                Figure(name=f"{name}, p50", measured=at_many.p50, floor=at_few.p50, unit="ms"),
                Figure(name=f"{name}, p99", measured=at_many.p99, floor=at_few.p99, unit="ms",
                       aim="at most 2"),
            ]  # fmt: skip
    return figures


def _paths(tenant: Tenant) -> dict[str, list[str]]:
    """What is asked for, by what it is called in the table of figures."""
    conversations = f"{tenant.organization_id}/conversations"
    listed = f"{conversations}?limit={PAGE}"
    return {
        "conversations, first page": [listed],
        "conversations, page in the middle": [f"{listed}&cursor={tenant.middle}"],
        "conversations, by status": [f"{listed}&status={status}" for status in set(STATUSES)],
        "conversations, by channel": [f"{listed}&channel_id={channel}" for channel in CHANNELS],
        "one conversation": [f"{conversations}/{each}" for each in tenant.looked_at],
        "messages of one conversation": [
            f"{conversations}/{each}/messages" for each in tenant.looked_at
        ],
    }


async def _get(api: aiohttp.ClientSession, url: str) -> float:
    began = time.monotonic()
    async with api.get(url) as response:
        await response.read()
        response.raise_for_status()
    return time.monotonic() - began


async def _tenant(api: aiohttp.ClientSession, base: str, table: Table, *, count: int) -> Tenant:
    """A new organisation with so many conversations."""
    async with api.post(base, json={"name": f"{count} conversations"}) as response:
        response.raise_for_status()
        organization = OrganizationId((await response.json())["id"])
    template = await _recorded(table, organization, _ref(organization, 0), messages=1)
    copies = _copies(template, organization, range(1, count))
    batches = iter(lambda: list(itertools.islice(copies, BATCH)), [])

    async def write() -> None:
        for items in batches:
            requests = [{"PutRequest": {"Item": item}} for item in items]
            answer = await table.client.batch_write_item(
                RequestItems=cast(Any, {table.name: requests})
            )
            if answer["UnprocessedItems"]:
                raise RuntimeError("DynamoDB did not take all conversations of a batch")

    await asyncio.gather(*(write() for _ in range(WRITERS)))
    looked_at = [_ref(organization, number * count // LOOKED_AT) for number in range(LOOKED_AT)]
    for each in looked_at:
        await _recorded(table, organization, each, messages=MESSAGES)
    return Tenant(organization, count, [each.conversation_id for each in looked_at])


async def _with_middle(api: aiohttp.ClientSession, base: str, tenant: Tenant) -> Tenant:
    """Turn the pages until half of the conversations have been seen."""
    cursor, seen = "", 0
    while seen < tenant.count // 2:
        url = f"{base}/{tenant.organization_id}/conversations?limit=100"
        async with api.get(url, params={"cursor": cursor} if cursor else {}) as response:
            response.raise_for_status()
            page = await response.json()
        cursor, seen = page["next_cursor"], seen + len(page["items"])
    return Tenant(tenant.organization_id, tenant.count, tenant.looked_at, middle=cursor)


def _ref(organization: OrganizationId, number: int) -> ConversationRef:
    channel = CHANNELS[number % len(CHANNELS)]
    person = PersonId(f"wau_{number:0{ULID_LENGTH}d}")
    return ConversationRef(
        organization_id=organization,
        channel_id=channel,
        person_id=person,
        conversation_id=conversation_id(channel, person),
    )


async def _recorded(
    table: Table, organization: OrganizationId, ref: ConversationRef, *, messages: int
) -> Plain:
    """Let the product itself write messages; the item of the conversation that they led to."""
    await Conversations(table).record_inbound(
        RecordInbound(
            conversation=ref,
            turn_id=TurnId(f"turn_{ref.person_id}"),
            messages=[
                InboundRecord(
                    message_id=MessageId(f"msg_{number:0{ULID_LENGTH}d}"),
                    message=InboundMessage(
                        whatsapp_message_id=f"wamid.{ref.conversation_id}{number}",
                        type="text",
                        reply="answer",
                        text="When do you open on Saturday, and do you repair electric bicycles?",
                        sent_at=BEGAN,
                    ),
                )
                for number in range(messages)
            ],
            opening=True,
        )
    )
    item = await table.get(keys.conversation(organization, ref.conversation_id))
    if item is None:
        raise LookupError("the conversation was not written")
    return item


def _copies(template: Plain, organization: OrganizationId, numbers: range) -> Iterator[Item]:
    """The template as the item of other conversations: each with its own ids, time and status."""
    for number in numbers:
        ref, status = _ref(organization, number), STATUSES[number % len(STATUSES)]
        own = {
            "conversation_id": ref.conversation_id,
            "channel_id": ref.channel_id,
            "person_id": ref.person_id,
            "active_at": BEGAN + timedelta(seconds=number),
            "status": status,
            "status_key": keys.status_index(organization, status),
        }
        unknown = own.keys() - template.keys()
        if unknown:
            raise LookupError(f"conversations have no {unknown} any more")
        key = keys.conversation(organization, ref.conversation_id)
        yield {**attributes({**template, **own}), **key.item()}
