"""What an API process holds open: opened together at its start, closed together at its end."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
from temporalio.client import Client

from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.dead_letters import DeadLetters
from adapters.dynamodb.echoes import Echoes
from adapters.dynamodb.idempotency import IdempotencyRecords
from adapters.dynamodb.identity_changes import IdentityChanges
from adapters.dynamodb.outbox import Outbox
from adapters.dynamodb.quota_counters import QuotaCounters
from adapters.dynamodb.rate_limits import RateLimits
from adapters.dynamodb.shared_vectors import SharedVectors
from adapters.dynamodb.statuses import Statuses
from adapters.dynamodb.summaries import Summaries
from adapters.dynamodb.table import ONCE, Table, open_dynamodb
from adapters.dynamodb.usage import UsageItems
from adapters.dynamodb.webhooks import BuriedEvents, Deliveries, EventLog
from adapters.erasures import Erasures
from adapters.event_payloads import EventPayloads
from adapters.events import EventPublisher
from adapters.guarded_http import GuardedHttp
from adapters.keyring import KeyRing
from adapters.knowledge import Knowledge, open_knowledge
from adapters.objects.objects import Objects, open_objects
from adapters.people import open_people
from adapters.postgres.channel_pauses import ChannelPauses
from adapters.postgres.channel_routes import ChannelRoutes
from adapters.postgres.consents import Consents
from adapters.postgres.database import Database
from adapters.postgres.webhook_subscriptions import WebhookSubscriptions
from adapters.send_failures import SendFailures
from adapters.temporal.client import connect, let_last_call_end
from adapters.temporal.conversations import ConversationDesk
from adapters.temporal.source_schedules import SourceSchedules
from adapters.usage import UsageLedger
from adapters.webhook_posts import WebhookPosts
from adapters.whatsapp.client import GraphClient
from api.authentication import Authenticator
from api.inbound import InboundUpdates
from api.metrics import Metrics
from api.rate_limiting import RequestLimiter
from domain.pricing import PriceTable
from settings import Settings


@dataclass(frozen=True)
class Webhooks:
    """What an organisation's own systems are told, and what of it they have not taken."""

    posts: WebhookPosts
    payloads: EventPayloads
    deliveries: Deliveries
    buried: BuriedEvents
    publisher: EventPublisher


@dataclass(frozen=True)
class Services:
    """Handed to routes by `ServicesDep`."""

    settings: Settings
    metrics: Metrics
    keyring: KeyRing
    database: Database
    table: Table
    conversations: Conversations
    summaries: Summaries
    quota_counters: QuotaCounters
    objects: Objects
    knowledge: Knowledge
    temporal: Client
    channel_routes: ChannelRoutes
    graph: GraphClient
    authenticator: Authenticator
    limiter: RequestLimiter
    idempotency: IdempotencyRecords
    inbound: InboundUpdates
    desk: ConversationDesk
    source_schedules: SourceSchedules
    outbox: Outbox
    consents: Consents
    erasures: Erasures
    usage: UsageLedger
    webhooks: Webhooks


@asynccontextmanager
async def open_services(settings: Settings, *, metrics: Metrics) -> AsyncIterator[Services]:
    """Open everything; no server need answer yet, `/readyz` tells which do.

    Raises:
        SettingsError: a setting that nothing works without is missing.
    """
    keyring = KeyRing(settings.require_secret_keys())
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        table = await stack.enter_async_context(open_dynamodb(settings))
        temporal = await connect(settings, lazy=True)
        stack.push_async_callback(let_last_call_end)
        asked_once = await stack.enter_async_context(open_dynamodb(settings, ONCE))
        routes = await stack.enter_async_context(
            ChannelRoutes(database, keyring, count=metrics.count_lookup)
        )
        people = await stack.enter_async_context(open_people(table, database))
        outbox = Outbox(table)
        consents = Consents(database)
        failures = SendFailures(pauses=ChannelPauses(database), consents=consents)
        subscriptions = await stack.enter_async_context(
            WebhookSubscriptions(database, count=metrics.count_lookup)
        )
        publisher = EventPublisher(temporal, subscriptions=subscriptions, log=EventLog(table))
        guarded_http = await stack.enter_async_context(
            GuardedHttp(allow_private=settings.parley_webhooks_to_private_addresses)
        )
        yield Services(
            settings=settings,
            metrics=metrics,
            keyring=keyring,
            database=database,
            table=table,
            conversations=Conversations(table),
            summaries=Summaries(table),
            quota_counters=QuotaCounters(table),
            objects=await stack.enter_async_context(open_objects(settings)),
            knowledge=await stack.enter_async_context(
                open_knowledge(
                    settings,
                    database,
                    shared=SharedVectors(asked_once),
                    count=metrics.count_lookup,
                )
            ),
            temporal=temporal,
            channel_routes=routes,
            graph=GraphClient(
                await stack.enter_async_context(httpx.AsyncClient()),
                base_url=settings.whatsapp_graph_url,
                version=settings.whatsapp_graph_version,
            ),
            authenticator=await stack.enter_async_context(
                Authenticator(
                    database,
                    admin_key=settings.parley_admin_key,
                    count=metrics.count_lookup,
                )
            ),
            limiter=RequestLimiter(
                RateLimits(table), requests_per_minute=settings.parley_api_requests_per_minute
            ),
            idempotency=IdempotencyRecords(table),
            inbound=InboundUpdates(
                routes=routes,
                people=people,
                identity_changes=IdentityChanges(table, people),
                database=database,
                statuses=Statuses(table),
                echoes=Echoes(table, outbox),
                dead_letters=DeadLetters(table),
                temporal=temporal,
                metrics=metrics,
                consent=consents,
                failures=failures,
                tell=publisher.publish,
            ),
            desk=ConversationDesk(temporal),
            source_schedules=SourceSchedules(temporal),
            outbox=outbox,
            consents=consents,
            erasures=Erasures(database, people),
            usage=UsageLedger(
                database,
                items=UsageItems(table),
                prices=PriceTable(settings.parley_model_prices),
            ),
            webhooks=Webhooks(
                posts=WebhookPosts(guarded_http, keyring),
                payloads=EventPayloads(table),
                deliveries=Deliveries(table),
                buried=BuriedEvents(table),
                publisher=publisher,
            ),
        )
