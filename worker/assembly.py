"""Opens what the activities need, once per process, and closes it again."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from temporalio.client import Client

from activities.answers import AnswerReader
from activities.conversation import ConversationActivities
from activities.desk import DeskActivities
from activities.erasure import ErasureActivities
from activities.ingestion import IngestionActivities
from activities.lookup import PassageLookup
from activities.media import MediaActivities
from activities.memory import MemoryActivities
from activities.passage_embedding import PassageEmbedder
from activities.pictures import Pictures
from activities.quotas import QuotaKeeper
from activities.receipts import ReadReceipts
from activities.reembedding import ReembeddingActivities
from activities.replying import ReplyActivities
from activities.retrieval import RetrievalActivities
from activities.sending import SendingActivities
from activities.source_schedules import SourceScheduleActivities
from activities.sources import SourceActivities
from activities.transcripts import Transcripts
from activities.unanswered import UnansweredQuestions
from activities.usage import UsageActivities
from activities.webhooks import WebhookActivities
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.echoes import Echoes
from adapters.dynamodb.embedding_budget import EmbeddingBudget
from adapters.dynamodb.erasure import ErasedItems
from adapters.dynamodb.media import MessageMedia
from adapters.dynamodb.number_rates import NumberRates
from adapters.dynamodb.outbox import Outbox
from adapters.dynamodb.people import People
from adapters.dynamodb.quota_counters import QuotaCounters
from adapters.dynamodb.shared_vectors import SharedVectors
from adapters.dynamodb.summaries import Summaries
from adapters.dynamodb.table import ONCE, open_dynamodb
from adapters.dynamodb.usage import UsageItems
from adapters.dynamodb.webhooks import BuriedEvents, Deliveries, EventLog
from adapters.erasures import Erasures
from adapters.event_payloads import EventPayloads
from adapters.events import EventPublisher
from adapters.guarded_http import GuardedHttp
from adapters.keyring import KeyRing
from adapters.knowledge import open_knowledge
from adapters.memory import Memories
from adapters.objects.objects import open_objects, s3_client
from adapters.openai.chat import ChatModels, ModelServer
from adapters.openai.tokens import RememberedCounts, count_tokens
from adapters.openai.transcription import Transcriptions
from adapters.parsing.parser import DocumentParser, ParserLimits
from adapters.postgres.assistant_profiles import AssistantProfiles
from adapters.postgres.channel_pauses import ChannelPauses
from adapters.postgres.consents import Consents
from adapters.postgres.database import Database
from adapters.postgres.embedding_spaces import EmbeddingSpaces
from adapters.postgres.ingestion import Ingestions
from adapters.postgres.kept_embeddings import KeptEmbeddings
from adapters.postgres.webhook_subscriptions import WebhookSubscriptions
from adapters.send_failures import SendFailures
from adapters.sources.opening import Readers
from adapters.temporal.executions import Executions
from adapters.temporal.metrics import WorkerMetrics
from adapters.temporal.source_schedules import SourceSchedules
from adapters.usage import UsageLedger
from adapters.webhook_posts import WebhookPosts
from adapters.whatsapp.client import GraphClient
from adapters.whatsapp.media import MediaDownloads
from domain.pricing import PriceTable
from settings import Settings
from worker.registry import Activities

HTTP_LIMITS = httpx.Limits(max_connections=400, max_keepalive_connections=100)

MEDIA_PARSER_LIMITS = ParserLimits(cpu_seconds=20, wall_seconds=30)
"""A person waits for the answer, and only the beginning of a long document is used."""

INGESTION_PARSER_LIMITS = ParserLimits(niceness=10)
"""Nobody waits for it as for a reply: on a busy machine, replies go first."""


@asynccontextmanager
async def open_activities(
    settings: Settings, client: Client, *, metrics: WorkerMetrics
) -> AsyncIterator[Activities]:
    """The activities, ready to be registered with workers of the client."""
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url, pre_ping=False)
        stack.push_async_callback(database.close)
        keyring = KeyRing(settings.require_secret_keys())
        profiles = await stack.enter_async_context(
            AssistantProfiles(database, keyring, count=metrics.count_lookup)
        )
        table = await stack.enter_async_context(open_dynamodb(settings))
        asked_once = await stack.enter_async_context(open_dynamodb(settings, ONCE))
        objects = await stack.enter_async_context(open_objects(settings))
        http = await stack.enter_async_context(httpx.AsyncClient(limits=HTTP_LIMITS))
        knowledge = await stack.enter_async_context(
            open_knowledge(
                settings, database, shared=SharedVectors(asked_once), count=metrics.count_lookup
            )
        )
        models = ChatModels(
            ModelServer(base_url=settings.openai_base_url, api_key=settings.openai_api_key)
        )
        stack.push_async_callback(models.close)
        transcriptions = _transcriptions(settings)
        stack.push_async_callback(transcriptions.close)
        graph = GraphClient(
            http, base_url=settings.whatsapp_graph_url, version=settings.whatsapp_graph_version
        )
        vision = settings.parley_vision == "on"
        conversations, people, outbox = Conversations(table), People(table), Outbox(table)
        transcripts, usage = Transcripts(conversations), UsageItems(table)
        summaries, counts = Summaries(table), RememberedCounts()
        subscriptions = await stack.enter_async_context(
            WebhookSubscriptions(database, count=metrics.count_lookup)
        )
        publisher = EventPublisher(client, subscriptions=subscriptions, log=EventLog(table))
        guarded_http = await stack.enter_async_context(
            GuardedHttp(allow_private=settings.parley_webhooks_to_private_addresses)
        )
        websites = await stack.enter_async_context(
            GuardedHttp(allow_private=settings.parley_sources_from_private_addresses)
        )
        buckets = await stack.enter_async_context(s3_client(settings))
        schedules = SourceSchedules(client)
        quotas = QuotaKeeper(
            profiles=profiles,
            counters=QuotaCounters(asked_once),
            conversations=conversations,
            metrics=metrics,
            tell=publisher.publish,
        )
        stack.push_async_callback(quotas.close)
        lookup = PassageLookup(knowledge.retriever, transcripts=transcripts, profiles=profiles)
        receipts = ReadReceipts(graph)
        stack.push_async_callback(receipts.close)
        unanswered = UnansweredQuestions(database)
        stack.push_async_callback(unanswered.close)
        pauses, consents = ChannelPauses(database), Consents(database)
        ingestions = Ingestions(database)
        yield Activities(
            conversation=ConversationActivities(
                conversations=conversations,
                people=people,
                database=database,
                quotas=quotas,
                profiles=profiles,
                consents=consents,
                tell=publisher.publish,
            ),
            media=MediaActivities(
                profiles=profiles,
                messages=MessageMedia(table),
                downloads=MediaDownloads(http, graph, graph_url=settings.whatsapp_graph_url),
                objects=objects,
                parser=DocumentParser(MEDIA_PARSER_LIMITS),
                transcriptions=transcriptions,
                quotas=quotas,
                vision=vision,
            ),
            desk=DeskActivities(
                conversations=conversations,
                outbox=outbox,
                echoes=Echoes(table, outbox),
                profiles=profiles,
                tell=publisher.publish,
            ),
            retrieval=RetrievalActivities(lookup),
            reply=ReplyActivities(
                profiles=profiles,
                transcripts=transcripts,
                outbox=outbox,
                retriever=knowledge.retriever,
                models=models,
                pictures=Pictures(objects, vision=vision),
                quotas=quotas,
                lookup=lookup,
                receipts=receipts,
                memories=Memories(summaries, database),
                answers=AnswerReader(metrics),
                unanswered=unanswered,
                default_model=settings.parley_chat_model,
                count_tokens=counts,
                prompt_tokens=settings.parley_prompt_tokens,
            ),
            memory=MemoryActivities(
                profiles=profiles,
                conversations=conversations,
                summaries=summaries,
                outbox=outbox,
                database=database,
                models=models,
                quotas=quotas,
                default_model=settings.parley_chat_model,
                count_tokens=counts,
                prompt_tokens=settings.parley_prompt_tokens,
            ),
            sending=SendingActivities(
                profiles=profiles,
                people=people,
                outbox=outbox,
                graph=graph,
                rates=NumberRates(table),
                pauses=pauses,
                failures=SendFailures(pauses=pauses, consents=consents),
                metrics=metrics,
                uncertain_seconds=settings.parley_uncertain_send_seconds,
                uncertain_policy=settings.parley_uncertain_send_policy,
                tell=publisher.publish,
            ),
            ingestion=IngestionActivities(
                ingestions,
                contents=objects,
                parser=DocumentParser(INGESTION_PARSER_LIMITS),
                embedder=PassageEmbedder(
                    ingestions,
                    kept=KeptEmbeddings(database),
                    embeddings=knowledge.embeddings,
                    quota=EmbeddingBudget(
                        table,
                        tokens_per_minute=settings.parley_embedding_tokens_per_minute,
                        share=settings.parley_embedding_share,
                    ),
                    usage=usage,
                    count_tokens=count_tokens,
                ),
                index=knowledge.index,
                count_tokens=count_tokens,
            ),
            reembedding=ReembeddingActivities(
                EmbeddingSpaces(database),
                embeddings=knowledge.embeddings,
                index=knowledge.index,
                usage=usage,
                count_tokens=count_tokens,
            ),
            usage=UsageActivities(
                UsageLedger(database, items=usage, prices=PriceTable(settings.parley_model_prices))
            ),
            webhooks=WebhookActivities(
                database=database,
                posts=WebhookPosts(guarded_http, keyring),
                payloads=EventPayloads(table),
                deliveries=Deliveries(table),
                buried=BuriedEvents(table),
                log=EventLog(table),
                publisher=publisher,
            ),
            sources=SourceActivities(
                database,
                readers=Readers(settings, http=websites, objects=objects, s3=buckets),
                objects=objects,
                index=knowledge.index,
                schedules=schedules,
                executions=Executions(client),
            ),
            source_schedules=SourceScheduleActivities(database, schedules=schedules),
            erasure=ErasureActivities(
                Erasures(database, people),
                database=database,
                executions=Executions(client),
                schedules=schedules,
                objects=objects,
                index=knowledge.index,
                items=ErasedItems(table),
            ),
        )


def _transcriptions(settings: Settings) -> Transcriptions:
    key = settings.parley_transcription_api_key or settings.openai_api_key
    return Transcriptions(
        ModelServer(
            base_url=settings.parley_transcription_base_url or settings.openai_base_url,
            api_key=key,
        ),
        model=settings.parley_transcription_model,
        is_separate=settings.parley_transcription_base_url is not None,
    )
