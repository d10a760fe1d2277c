"""What an API process holds open: opened together at its start, closed together at its end."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from temporalio.client import Client

from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.dead_letters import DeadLetters
from adapters.dynamodb.statuses import Statuses
from adapters.dynamodb.table import Table, open_dynamodb
from adapters.erasures import Erasures
from adapters.keyring import KeyRing
from adapters.knowledge import Knowledge, open_knowledge
from adapters.objects.objects import Objects, open_objects
from adapters.people import open_people
from adapters.postgres.channel_routes import ChannelRoutes
from adapters.postgres.database import Database
from adapters.temporal.client import connect, let_last_call_end
from api.authentication import Authenticator
from api.inbound import InboundUpdates
from api.metrics import Metrics
from settings import Settings


@dataclass(frozen=True)
class Services:
    """Handed to routes by `ServicesDep`."""

    settings: Settings
    metrics: Metrics
    keyring: KeyRing
    database: Database
    table: Table
    conversations: Conversations
    objects: Objects
    knowledge: Knowledge
    temporal: Client
    channel_routes: ChannelRoutes
    authenticator: Authenticator
    inbound: InboundUpdates
    erasures: Erasures


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
        routes = await stack.enter_async_context(ChannelRoutes(database, keyring))
        people = await stack.enter_async_context(open_people(table, database))
        yield Services(
            settings=settings,
            metrics=metrics,
            keyring=keyring,
            database=database,
            table=table,
            conversations=Conversations(table),
            objects=await stack.enter_async_context(open_objects(settings)),
            knowledge=await stack.enter_async_context(open_knowledge(settings, database)),
            temporal=temporal,
            channel_routes=routes,
            authenticator=await stack.enter_async_context(
                Authenticator(database, admin_key=settings.parley_admin_key)
            ),
            inbound=InboundUpdates(
                routes=routes,
                people=people,
                statuses=Statuses(table),
                dead_letters=DeadLetters(table),
                temporal=temporal,
                metrics=metrics,
            ),
            erasures=Erasures(database, people),
        )
