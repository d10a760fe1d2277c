"""Opens what the activities need, once per process, and closes it again."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from openai import AsyncOpenAI

from activities.conversation import ConversationActivities
from activities.ingestion import IngestionActivities
from activities.replying import ReplyActivities
from activities.retrieval import RetrievalActivities
from activities.sending import SendingActivities
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.outbox import Outbox
from adapters.dynamodb.people import People
from adapters.dynamodb.table import open_dynamodb
from adapters.keyring import KeyRing
from adapters.objects.objects import open_objects
from adapters.openai.chat import ChatModels, ModelServer
from adapters.openai.embeddings import Embeddings
from adapters.openai.tokens import count_tokens
from adapters.parsing.parser import DocumentParser
from adapters.postgres.assistant_profiles import AssistantProfiles
from adapters.postgres.database import Database
from adapters.postgres.ingestion import Ingestions
from adapters.postgres.passages import Passages
from adapters.retrieval import Retriever
from adapters.vectors.opening import open_vector_index
from adapters.whatsapp.client import GraphClient
from settings import Settings
from worker.registry import Activities

HTTP_LIMITS = httpx.Limits(max_connections=400, max_keepalive_connections=100)


@asynccontextmanager
async def open_activities(settings: Settings) -> AsyncIterator[Activities]:
    """The activities, ready to be registered with workers."""
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        profiles = await stack.enter_async_context(
            AssistantProfiles(database, KeyRing(settings.require_secret_keys()))
        )
        table = await stack.enter_async_context(open_dynamodb(settings))
        objects = await stack.enter_async_context(open_objects(settings))
        http = await stack.enter_async_context(httpx.AsyncClient(limits=HTTP_LIMITS))
        index = await stack.enter_async_context(open_vector_index(settings, database))
        embeddings = Embeddings(
            AsyncOpenAI(
                api_key=_embedding_key(settings),
                base_url=settings.parley_embedding_base_url or settings.openai_base_url,
                http_client=http,
                max_retries=0,
            ),
            model=settings.parley_embedding_model,
            count_tokens=count_tokens,
        )
        retriever = Retriever(Passages(database), index=index, embeddings=embeddings)
        conversations, people, outbox = Conversations(table), People(table), Outbox(table)
        yield Activities(
            conversation=ConversationActivities(
                conversations=conversations, people=people, database=database
            ),
            retrieval=RetrievalActivities(
                profiles=profiles, conversations=conversations, retriever=retriever
            ),
            reply=ReplyActivities(
                profiles=profiles,
                conversations=conversations,
                outbox=outbox,
                retriever=retriever,
                models=ChatModels(
                    http,
                    default=ModelServer(
                        base_url=settings.openai_base_url, api_key=settings.openai_api_key
                    ),
                ),
                default_model=settings.parley_chat_model,
            ),
            sending=SendingActivities(
                profiles=profiles,
                people=people,
                outbox=outbox,
                graph=GraphClient(
                    http,
                    base_url=settings.whatsapp_graph_url,
                    version=settings.whatsapp_graph_version,
                ),
                uncertain_seconds=settings.parley_uncertain_send_seconds,
                uncertain_policy=settings.parley_uncertain_send_policy,
            ),
            ingestion=IngestionActivities(
                Ingestions(database),
                contents=objects,
                parser=DocumentParser(),
                embeddings=embeddings,
                index=index,
                count_tokens=count_tokens,
            ),
        )


def _embedding_key(settings: Settings) -> str:
    """Local servers take any key, but the SDK insists on one."""
    key = settings.parley_embedding_api_key or settings.openai_api_key
    return key.get_secret_value() if key else "none"
