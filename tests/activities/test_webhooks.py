"""From what happens to an organisation's own system: real workflow, real stores, real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook
from starlette.responses import Response
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import webhooks as activities_module
from adapters.dynamodb import keys
from adapters.dynamodb.erasure import ErasedItems
from adapters.dynamodb.table import Table
from adapters.guarded_http import GuardedHttp
from adapters.postgres import webhook_endpoints
from adapters.postgres.database import Database
from adapters.postgres.webhook_subscriptions import WebhookSubscriptions
from adapters.temporal.plugin import parley_plugin
from adapters.webhook_posts import WebhookPosts
from contracts.ids import OrganizationId, WebhookEndpointId, webhook_deliveries_workflow_id
from contracts.names import REPLAY_WEBHOOKS_WORKFLOW, WEBHOOKS_QUEUE
from contracts.webhooks import (
    BuryEvent,
    DeliveredWebhook,
    DeliverWebhook,
    ReplayPage,
    ReplayWebhooks,
    WebhookStream,
)
from domain.business_events import message_sent
from tests.activities.webhook_world import KEY_RING, Desk, a_conversation, receiving
from tests.servers import ConnectTemporal


@pytest.fixture(scope="module")
async def client(connect_temporal: ConnectTemporal) -> Client:
    return await connect_temporal(plugins=[parley_plugin(KEY_RING)])


@pytest.fixture
async def desk(client: Client, database: Database, table: Table) -> AsyncIterator[Desk]:
    async with (
        receiving() as receiver,
        WebhookSubscriptions(database) as subscriptions,
        GuardedHttp(allow_private=True) as http,
    ):
        yield Desk(client, database, table, receiver, subscriptions, http)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow one another at once; when they do otherwise is tested by itself."""
    monkeypatch.setattr(
        activities_module, "delay_after", lambda *_, **__: timedelta(milliseconds=30)
    )


async def deliver(
    desk: Desk, request: DeliverWebhook, *, attempt: int = 1
) -> DeliveredWebhook | ApplicationError:
    """One try, as a worker makes it."""
    environment = ActivityEnvironment()
    info = ActivityEnvironment.default_info()
    environment.info = type(info)(**{**info.__dict__, "attempt": attempt})
    try:
        answer: DeliveredWebhook = await environment.run(desk.activities.deliver_webhook, request)
    except ApplicationError as error:
        return error
    return answer


async def a_request(
    desk: Desk, organization_id: OrganizationId, endpoint_id: WebhookEndpointId
) -> DeliverWebhook:
    ref = a_conversation(organization_id)
    event = await desk.write(ref, "Hello")
    stream = WebhookStream(
        organization_id=organization_id,
        endpoint_id=endpoint_id,
        conversation_id=ref.conversation_id,
    )
    return DeliverWebhook(stream=stream, event=event)


async def test_an_event_arrives_signed_with_what_was_said(desk: Desk) -> None:
    organization_id = await desk.organization()
    endpoint_id, secret = await desk.endpoint(organization_id)
    ref = a_conversation(organization_id)
    async with desk.working():
        event = await desk.write(ref, "Do you have bicycles? ¿Sí?")
        await desk.publisher.publish(event)
        (taken,) = await desk.receiver.until_accepted(1)
    assert Webhook(secret).verify(taken.body, taken.headers) == taken.event
    assert taken.headers["webhook-id"] == event.id
    assert taken.headers["content-type"] == "application/json"
    told = taken.event
    assert {name: told[name] for name in ("id", "type", "organization_id")} == {
        "id": event.id,
        "type": "message.received",
        "organization_id": organization_id,
    }
    assert datetime.fromisoformat(told["created_at"]) == event.occurred_at
    assert told["data"]["conversation_id"] == ref.conversation_id
    assert told["data"]["whatsapp_user_id"] == ref.person_id
    assert told["data"]["message"]["id"] == event.message_id
    assert told["data"]["message"]["text"] == "Do you have bicycles? ¿Sí?"
    (attempt,) = await desk.attempts(organization_id, endpoint_id)
    assert (attempt.status_code, attempt.error, attempt.next_attempt_at) == (200, None, None)
    await desk.end(endpoint_id, ref)


async def test_nothing_that_was_said_is_in_the_history(desk: Desk) -> None:
    organization_id = await desk.organization()
    endpoint_id, _ = await desk.endpoint(organization_id)
    ref = a_conversation(organization_id)
    async with desk.working():
        await desk.publisher.publish(await desk.write(ref, "a secret wish"))
        await desk.receiver.until_accepted(1)
    workflow_id = webhook_deliveries_workflow_id(endpoint_id, ref.conversation_id)
    history = await desk.client.get_workflow_handle(workflow_id).fetch_history()
    decoded = []
    for event in history.events:
        for payloads in (
            event.workflow_execution_signaled_event_attributes.input.payloads,
            event.activity_task_scheduled_event_attributes.input.payloads,
            event.activity_task_completed_event_attributes.result.payloads,
        ):
            codec = desk.client.data_converter.payload_codec
            assert codec is not None
            decoded += [payload.data for payload in await codec.decode(list(payloads))]
    assert decoded
    assert b"secret wish" not in b"".join(decoded)
    await desk.end(endpoint_id, ref)


@pytest.mark.usefixtures("soon")
async def test_a_conversations_events_keep_their_order_whatever_fails_and_whoever_works(
    desk: Desk,
) -> None:
    """The receiver fails every third time; workers come, go, and have nothing cached."""
    organization_id = await desk.organization()
    endpoint_id, secret = await desk.endpoint(organization_id)
    refs = [a_conversation(organization_id) for _ in range(3)]
    desk.receiver.answer_to = lambda _: 503 if len(desk.receiver.posts) % 3 == 1 else 200
    for first in (0, 3):
        async with desk.working(cached=0 if first else 100):
            for number in range(first, first + 3):
                for ref in refs:
                    event = await desk.write(ref, f"message {number:02}")
                    await desk.publisher.publish(event)
                    # A process that died after it has published publishes again.
                    await desk.publisher.publish(event)
            # The worker is stopped while some of it is on its way.
            await desk.receiver.until_accepted(3 * first + 4)
    async with desk.working():
        # One that the stopped worker was telling is told again.
        await desk.receiver.until(
            lambda: len({one.event["id"] for one in desk.receiver.accepted()}) == 18
        )
    accepted = desk.receiver.accepted()
    for ref in refs:
        texts = [
            one.text
            for one in accepted
            if one.event["data"]["conversation_id"] == ref.conversation_id
        ]
        first_of_each = list(dict.fromkeys(texts))
        assert first_of_each == [f"message {number:02}" for number in range(6)]
        await desk.end(endpoint_id, ref)
    for one in desk.receiver.posts:
        Webhook(secret).verify(one.body, one.headers)


@pytest.mark.usefixtures("soon")
async def test_a_conversation_that_is_stuck_holds_up_no_other(desk: Desk) -> None:
    organization_id = await desk.organization()
    endpoint_id, _ = await desk.endpoint(organization_id)
    stuck, other = a_conversation(organization_id), a_conversation(organization_id)
    desk.receiver.answer_to = lambda one: 500 if "stuck" in one.text else 200
    async with desk.working():
        await desk.publisher.publish(await desk.write(stuck, "stuck"))
        await desk.receiver.until(lambda: bool(desk.receiver.posts))
        await desk.publisher.publish(await desk.write(other, "fine"))
        (taken,) = await desk.receiver.until_accepted(1)
    assert taken.text == "fine"
    for ref in (stuck, other):
        await desk.end(endpoint_id, ref)


@pytest.mark.usefixtures("soon")
async def test_what_is_never_taken_becomes_a_dead_letter_and_the_next_one_goes_on(
    desk: Desk,
) -> None:
    organization_id = await desk.organization()
    endpoint_id, _ = await desk.endpoint(organization_id)
    ref = a_conversation(organization_id)
    desk.receiver.answer_to = lambda one: 500 if one.text == "never" else 200
    async with desk.working():
        never = await desk.write(ref, "never")
        await desk.publisher.publish(never, await desk.write(ref, "next"))
        (taken,) = await desk.receiver.until_accepted(1)
        assert taken.text == "next"
        assert await desk.dead(organization_id, endpoint_id, count=1) == [
            "It answered 500. It was tried 12 times."
        ]
        attempts = await desk.attempts(organization_id, endpoint_id)
        assert [one.attempt for one in attempts] == [*range(1, 13), 1]
        assert all(one.next_attempt_at for one in attempts[:11])
        assert attempts[11].next_attempt_at is None
        # Told once more, it is taken.
        desk.receiver.answer_to = None
        await desk.publisher.deliver(endpoint_id, [never], again=True)
        assert [one.text for one in await desk.receiver.until_accepted(2)] == ["next", "never"]
    await desk.end(endpoint_id, ref)


async def test_an_endpoint_that_is_gone_is_disabled_and_hears_nothing_more(desk: Desk) -> None:
    organization_id = await desk.organization()
    endpoint_id, _ = await desk.endpoint(organization_id)
    ref = a_conversation(organization_id)
    desk.receiver.answers.append(410)
    async with desk.working():
        await desk.publisher.publish(await desk.write(ref, "one"), await desk.write(ref, "two"))
        reasons = await desk.dead(organization_id, endpoint_id, count=2)
    assert reasons == ["It answered 410 Gone.", "The endpoint is disabled."]
    assert len(desk.receiver.posts) == 1
    endpoint = await desk.stored(organization_id, endpoint_id)
    assert not endpoint.enabled
    assert endpoint.disabled_at is not None
    assert endpoint.disabled_reason == "It answered 410 Gone."
    assert endpoint.revision == 2
    await desk.end(endpoint_id, ref)


async def test_a_try_that_fails_says_when_the_next_one_is(desk: Desk) -> None:
    organization_id = await desk.organization()
    endpoint_id, _ = await desk.endpoint(organization_id)
    request = await a_request(desk, organization_id, endpoint_id)
    desk.receiver.answers += [
        500,
        Response(status_code=429, headers={"Retry-After": "120"}),
        Response(status_code=307, headers={"Location": f"{desk.receiver.url}/elsewhere"}),
    ]
    seconds = []
    for attempt in (1, 2, 3):
        failure = await deliver(desk, request, attempt=attempt)
        assert isinstance(failure, ApplicationError)
        assert failure.next_retry_delay is not None
        seconds.append(failure.next_retry_delay.total_seconds())
    for waited, least in zip(seconds, (5, 120, 45), strict=True):
        assert least <= waited <= 1.2 * least
    assert {one.path for one in desk.receiver.posts} == {"/hook"}
    attempts = await desk.attempts(organization_id, endpoint_id)
    assert [one.error for one in attempts] == [
        "It answered 500.", "It answered 429.", "It answered 307.",
    ]  # fmt: skip
    assert (await desk.stored(organization_id, endpoint_id)).failing_since is not None
    assert await deliver(desk, request, attempt=4) == DeliveredWebhook(outcome="delivered")
    assert (await desk.stored(organization_id, endpoint_id)).failing_since is None
    assert (await desk.stored(organization_id, endpoint_id)).revision == 1


async def test_an_endpoint_that_fails_for_days_is_disabled_with_its_reason(desk: Desk) -> None:
    organization_id = await desk.organization()
    endpoint_id, _ = await desk.endpoint(organization_id)
    request = await a_request(desk, organization_id, endpoint_id)
    desk.receiver.answer_to = lambda _: 500
    await deliver(desk, request)
    async with desk.database.tenant(organization_id) as session:
        await (await session.connection()).execute(
            text("UPDATE webhook_endpoints SET failing_since = now() - interval '73 hours'")
        )
    assert isinstance(await deliver(desk, request, attempt=2), ApplicationError)
    answer = await deliver(desk, request, attempt=3)
    assert answer == DeliveredWebhook(outcome="refused", reason="It has taken nothing for 3 days.")
    endpoint = await desk.stored(organization_id, endpoint_id)
    assert endpoint.disabled_reason == "It has taken nothing for 3 days."
    # Enabled again, it begins anew.
    async with desk.database.tenant(organization_id) as session:
        found = await webhook_endpoints.get(session, endpoint_id, lock=True)
        assert found is not None
        await webhook_endpoints.change(session, found, changes={"enabled": True})
    endpoint = await desk.stored(organization_id, endpoint_id)
    assert (endpoint.enabled, endpoint.disabled_reason, endpoint.failing_since) == (
        True, None, None,
    )  # fmt: skip


async def test_a_replaced_secret_signs_for_a_day(desk: Desk) -> None:
    organization_id = await desk.organization()
    endpoint_id, old = await desk.endpoint(organization_id)
    new = webhook_endpoints.new_signing_secret()
    async with desk.database.tenant(organization_id) as session:
        found = await webhook_endpoints.get(session, endpoint_id, lock=True)
        assert found is not None
        await webhook_endpoints.replace_secret(
            session, found, keyring=KEY_RING, secret=new, now=datetime.now(UTC)
        )
    await deliver(desk, await a_request(desk, organization_id, endpoint_id))
    (taken,) = desk.receiver.posts
    for secret in (old, new):
        assert Webhook(secret).verify(taken.body, taken.headers)
    endpoint = await desk.stored(organization_id, endpoint_id)
    assert old.encode() not in endpoint.secret_encrypted
    tomorrow = datetime.now(UTC) + timedelta(hours=24, minutes=1)
    assert webhook_endpoints.signing_secrets(endpoint, keyring=KEY_RING, now=tomorrow) == [new]


@pytest.mark.parametrize("what", ["endpoint", "message"])
async def test_what_is_not_there_any_more_is_told_to_nobody(desk: Desk, what: str) -> None:
    organization_id = await desk.organization()
    endpoint_id, _ = await desk.endpoint(organization_id)
    request = await a_request(desk, organization_id, endpoint_id)
    if what == "endpoint":
        async with desk.database.tenant(organization_id) as session:
            found = await webhook_endpoints.get(session, endpoint_id)
            assert found is not None
            await webhook_endpoints.delete(session, found)
    else:
        ref = request.event
        assert ref.conversation_id is not None
        assert ref.message_id is not None
        await desk.table.delete(keys.message(organization_id, ref.conversation_id, ref.message_id))
    assert await deliver(desk, request) == DeliveredWebhook(outcome="void")
    bury = BuryEvent(stream=request.stream, event=request.event, reason="r")
    if what == "endpoint":
        await ActivityEnvironment().run(desk.activities.bury_event, bury)
        assert await desk.dead(organization_id, endpoint_id, count=0) == []
    assert desk.receiver.posts == []


async def test_an_address_inside_is_not_called_where_that_is_forbidden(desk: Desk) -> None:
    organization_id = await desk.organization()
    endpoint_id, _ = await desk.endpoint(organization_id)
    request = await a_request(desk, organization_id, endpoint_id)
    async with GuardedHttp() as guarded:
        desk.activities._posts = WebhookPosts(guarded, KEY_RING)
        failure = await deliver(desk, request)
    assert isinstance(failure, ApplicationError)
    (attempt,) = await desk.attempts(organization_id, endpoint_id)
    assert attempt.status_code is None
    assert attempt.error == "The URL must begin with https://."
    assert desk.receiver.posts == []


async def test_only_what_an_endpoint_takes_is_told_to_it(desk: Desk) -> None:
    organization_id = await desk.organization()
    all_of_it, _ = await desk.endpoint(organization_id, path="/all")
    sent_only, _ = await desk.endpoint(organization_id, path="/sent", event_types=["message.sent"])
    disabled, _ = await desk.endpoint(organization_id, path="/disabled", enabled=False)
    ref = a_conversation(organization_id)
    async with desk.working():
        received = await desk.write(ref, "Hello")
        assert received.message_id is not None
        sent = message_sent(
            organization_id, ref.conversation_id, received.message_id, at=datetime.now(UTC)
        )
        await desk.publisher.publish(received, sent)
        await desk.receiver.until_accepted(2, "/all")
        await desk.receiver.until_accepted(1, "/sent")
    told = [(one.path, one.event["type"]) for one in desk.receiver.posts]
    assert sorted(told) == [
        ("/all", "message.received"), ("/all", "message.sent"), ("/sent", "message.sent"),
    ]  # fmt: skip
    for endpoint_id in (all_of_it, sent_only):
        await desk.end(endpoint_id, ref)
    assert disabled


async def test_nothing_crosses_to_another_organisation(desk: Desk) -> None:
    ours, theirs = await desk.organization(), await desk.organization()
    our_endpoint, _ = await desk.endpoint(ours, path="/ours")
    their_endpoint, _ = await desk.endpoint(theirs, path="/theirs")
    ref = a_conversation(ours)
    event = await desk.write(ref, "Ours")
    async with desk.working():
        await desk.publisher.publish(event)
        await desk.receiver.until_accepted(1, "/ours")
    await desk.end(our_endpoint, ref)
    # Even whoever names their endpoint and our event reaches neither.
    crossed = DeliverWebhook(
        stream=WebhookStream(organization_id=ours, endpoint_id=their_endpoint), event=event
    )
    assert await deliver(desk, crossed) == DeliveredWebhook(outcome="void")
    foreign = event.model_copy(update={"organization_id": theirs})
    crossed = DeliverWebhook(
        stream=WebhookStream(organization_id=theirs, endpoint_id=their_endpoint), event=foreign
    )
    assert await deliver(desk, crossed) == DeliveredWebhook(outcome="void")
    await ActivityEnvironment().run(
        desk.activities.bury_event,
        BuryEvent(
            stream=WebhookStream(organization_id=ours, endpoint_id=their_endpoint),
            event=event,
            reason="r",
        ),
    )
    assert await desk.dead(ours, their_endpoint, count=0) == []
    replay = ReplayWebhooks(
        organization_id=ours, endpoint_id=their_endpoint,
        since=datetime.now(UTC) - timedelta(hours=1), until=datetime.now(UTC),
    )  # fmt: skip
    page = await ActivityEnvironment().run(
        desk.activities.replay_webhooks_page, ReplayPage(replay=replay, limit=10)
    )
    assert (page.replayed, page.next_after) == (0, None)
    assert [one.path for one in desk.receiver.posts] == ["/ours"]
    async with desk.database.tenant(ours) as session:
        await webhook_endpoints.disable(session, their_endpoint, reason="not ours")
        await webhook_endpoints.note_failure(session, their_endpoint)
    untouched = await desk.stored(theirs, their_endpoint)
    assert (untouched.enabled, untouched.failing_since) == (True, None)
    for one in await desk.subscriptions.of(ours):
        assert one.endpoint_id == our_endpoint


async def test_without_endpoints_a_publisher_asks_nobody(
    desk: Desk, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    organization_id = await desk.organization()
    event = await desk.write(a_conversation(organization_id), "Hello")
    await desk.publisher.publish(event)
    counted.clear()
    loads: list[OrganizationId] = []
    tenant = Database.tenant

    def noted(self: Database, organization: OrganizationId) -> Any:
        loads.append(organization)
        return tenant(self, organization)

    monkeypatch.setattr(Database, "tenant", noted)
    monkeypatch.setattr(desk.client, "start_workflow", None)
    for _ in range(3):
        await desk.publisher.publish(event)
    assert (counted, loads) == ([], [])


async def test_a_time_is_told_once_more_in_its_order(desk: Desk) -> None:
    organization_id = await desk.organization()
    endpoint_id, _ = await desk.endpoint(organization_id)
    refs = [a_conversation(organization_id) for _ in range(2)]
    async with desk.working():
        before = await desk.write(refs[0], "too early")
        await desk.publisher.publish(before)
        since = datetime.now(UTC)
        for number in range(4):
            for ref in refs:
                await desk.publisher.publish(await desk.write(ref, f"message {number}"))
        await desk.receiver.until_accepted(9)
        desk.receiver.posts.clear()
        replayed = await desk.client.execute_workflow(
            REPLAY_WEBHOOKS_WORKFLOW,
            ReplayWebhooks(
                organization_id=organization_id,
                endpoint_id=endpoint_id,
                since=since,
                until=datetime.now(UTC),
                types=("message.received",),
            ),
            id=f"webhook-replay/{endpoint_id}",
            task_queue=WEBHOOKS_QUEUE,
        )
        assert replayed == 8
        accepted = await desk.receiver.until_accepted(8)
    for ref in refs:
        assert [
            one.text
            for one in accepted
            if one.event["data"]["conversation_id"] == ref.conversation_id
        ] == [f"message {number}" for number in range(4)]
        await desk.end(endpoint_id, ref)


async def test_an_erased_person_leaves_no_event_behind(desk: Desk) -> None:
    organization_id = await desk.organization()
    endpoint_id, _ = await desk.endpoint(organization_id, enabled=False)
    erased, other = a_conversation(organization_id), a_conversation(organization_id)
    for ref in (erased, other):
        event = await desk.write(ref, "Hello")
        await desk.publisher.publish(event)
        await desk.buried.add(endpoint_id, event, reason="r")
    async for _ in ErasedItems(desk.table).of_person(
        organization_id, erased.person_id, conversations=[]
    ):
        pass
    now = datetime.now(UTC)
    logged = await desk.log.read(
        organization_id, since=now - timedelta(hours=1), until=now + timedelta(hours=1), limit=10
    )
    assert [event.conversation_id for event in logged.events] == [other.conversation_id]
    page = await desk.buried.page(organization_id, endpoint_id, limit=10, cursor=None)
    assert [one.event.conversation_id for one in page.items] == [other.conversation_id]


async def test_a_disabled_endpoint_is_told_when_it_is_enabled_again(desk: Desk) -> None:
    """What happened meanwhile is in the log, from where it is replayed."""
    organization_id = await desk.organization()
    endpoint_id, _ = await desk.endpoint(organization_id, enabled=False)
    ref = a_conversation(organization_id)
    since = datetime.now(UTC)
    await desk.publisher.publish(await desk.write(ref, "meanwhile"))
    async with desk.database.tenant(organization_id) as session:
        found = await webhook_endpoints.get(session, endpoint_id, lock=True)
        assert found is not None
        await webhook_endpoints.change(session, found, changes={"enabled": True})
    async with asyncio.timeout(5):
        while not (await desk.subscriptions.of(organization_id))[0].enabled:  # noqa: ASYNC110 - a cache is asked
            await asyncio.sleep(0.01)
    async with desk.working():
        replay = ReplayWebhooks(
            organization_id=organization_id, endpoint_id=endpoint_id, since=since,
            until=datetime.now(UTC),
        )  # fmt: skip
        page = await ActivityEnvironment().run(
            desk.activities.replay_webhooks_page, ReplayPage(replay=replay, limit=10)
        )
        assert page.replayed == 1
        (taken,) = await desk.receiver.until_accepted(1)
    assert taken.text == "meanwhile"
    await desk.end(endpoint_id, ref)
