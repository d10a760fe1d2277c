"""What a real server stores, seen as its operator would see it."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from google.protobuf import json_format
from pydantic import SecretStr
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
)
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Replayer, Worker

from adapters.keyring import KeyRing, SealError
from adapters.temporal.client import connect
from adapters.temporal.codec import EncryptionCodec
from adapters.temporal.codec_server import decode
from adapters.temporal.plugin import parley_plugin
from contracts.conversation import Turn
from local.temporal_server import TemporalServer
from settings import Settings
from tests.adapters.dynamodb.builders import a_conversation, a_turn
from tests.adapters.temporal.discreet_workflow import Discreet

OLD_KEY, NEW_KEY, OTHER_KEY = "o" * 32, "n" * 32, "x" * 32
SECRET = "my-number-is-34600111222"


@activity.defn(name="whisper")
async def whisper(turn: Turn) -> str:
    return f"heard {turn.trace_id}"


@activity.defn(name="stumble")
async def stumble(turn: Turn) -> None:
    activity.heartbeat(turn.trace_id)
    raise ApplicationError(f"stumbled over {turn.trace_id}", turn.trace_id, type="Stumbled")


async def client_with(server: TemporalServer, *keys: str) -> Client:
    return await connect(
        Settings(
            _env_file=None,
            temporal_address=server.address,
            temporal_namespace=server.namespace,
            parley_secret_keys=[SecretStr(key) for key in keys],
        )
    )


@asynccontextmanager
async def worker(client: Client) -> AsyncIterator[str]:
    queue = f"discreet-{secrets.token_hex(4)}"
    async with Worker(
        client, task_queue=queue, workflows=[Discreet], activities=[whisper, stumble]
    ):
        yield queue


async def start(client: Client, queue: str, *, ending: str) -> WorkflowHandle[Discreet, str]:
    turn = a_turn(a_conversation()).model_copy(update={"trace_id": SECRET})
    return await client.start_workflow(
        Discreet.run,
        turn,
        id=f"discreet/{turn.turn_id}",
        task_queue=queue,
        memo={"note": SECRET},
        static_summary=f"about {SECRET}",
        static_details=f"more about {SECRET}",
        start_signal="hear",
        start_signal_args=[f"{ending} {SECRET}"],
    )


async def stored(client: Client, handle: WorkflowHandle[Discreet, str]) -> bytes:
    """The history and the description as the server has them."""
    execution = WorkflowExecution(workflow_id=handle.id)
    history = await client.workflow_service.get_workflow_execution_history(
        GetWorkflowExecutionHistoryRequest(namespace=client.namespace, execution=execution)
    )
    description = await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution)
    )
    assert len(history.history.events) > 10
    return history.SerializeToString() + description.SerializeToString()


async def test_nothing_said_stands_in_clear_in_the_history(temporal_server: TemporalServer) -> None:
    client = await client_with(temporal_server, NEW_KEY)
    async with worker(client) as queue:
        handle = await start(client, queue, ending="return")
        assert await handle.result() == f"heard {SECRET} (stumbled)"
        assert (await handle.query(Discreet.snapshot)).doing == f"return {SECRET}"
        raw = await stored(client, handle)

    assert handle.id.encode() in raw
    assert SECRET.encode() not in raw
    for fragment in (b"34600111222", b"stumbled over", b"summary:", b"details:", b"timer:"):
        assert fragment not in raw


async def test_a_failure_hides_its_words_and_gives_them_to_who_has_the_key(
    temporal_server: TemporalServer,
) -> None:
    client = await client_with(temporal_server, NEW_KEY)
    async with worker(client) as queue:
        handle = await start(client, queue, ending="fail")
        with pytest.raises(WorkflowFailureError) as failure:
            await handle.result()
        raw = await stored(client, handle)

    assert SECRET.encode() not in raw
    assert b"Traceback" not in raw
    assert b"discreet_workflow.py" not in raw
    cause = failure.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.message, cause.type) == (f"workflow failed: {SECRET}", "Refused")
    assert cause.details == (SECRET,)


async def test_an_activity_is_logged_once_without_a_word(
    temporal_server: TemporalServer, caplog: pytest.LogCaptureFixture
) -> None:
    client = await client_with(temporal_server, NEW_KEY)
    with capture_logs([merge_contextvars]) as logs:
        async with worker(client) as queue:
            handle = await start(client, queue, ending="return")
            await handle.result()

    ended = [(entry["activity"], entry["event"]) for entry in logs if "activity" in entry]
    assert ended == [("whisper", "activity_finished"), ("stumble", "activity_failed")]
    assert logs[-1]["error_type"] == "Stumbled"
    assert logs[-1]["error_at"].startswith("test_encryption.py:")
    assert all(entry["workflow_id"] == handle.id for entry in logs)
    # The workflow's secret travels in its trace id, which is an id like the others to the log.
    assert SECRET not in f"{[{**entry, 'trace_id': ''} for entry in logs]}"
    assert "34600111222" not in caplog.text


async def test_keys_rotate_while_workflows_run(temporal_server: TemporalServer) -> None:
    before = await client_with(temporal_server, OLD_KEY)
    handle = await start(before, queue := f"rotating-{secrets.token_hex(4)}", ending="return")

    after = await client_with(temporal_server, NEW_KEY, OLD_KEY)
    async with Worker(after, task_queue=queue, workflows=[Discreet], activities=[whisper, stumble]):
        result = await after.get_workflow_handle(handle.id, result_type=str).result()

    assert result == f"heard {SECRET} (stumbled)"
    raw = await stored(after, handle)
    for key in (OLD_KEY, NEW_KEY):
        assert KeyRing([key]).newest_key_id.encode() in raw


async def test_the_wrong_key_is_a_clear_error(temporal_server: TemporalServer) -> None:
    client = await client_with(temporal_server, OLD_KEY)
    async with worker(client) as queue:
        handle = await start(client, queue, ending="return")
        await handle.result()

    stranger = await client_with(temporal_server, OTHER_KEY)
    with pytest.raises(SealError) as refused:
        await stranger.get_workflow_handle(handle.id, result_type=str).result()

    message = str(refused.value)
    assert "not in PARLEY_SECRET_KEYS" in message
    assert KeyRing([OLD_KEY]).newest_key_id in message
    assert KeyRing([OTHER_KEY]).newest_key_id in message
    assert OLD_KEY not in message


async def test_a_history_replays_with_the_same_plugin(temporal_server: TemporalServer) -> None:
    client = await client_with(temporal_server, OLD_KEY)
    async with worker(client) as queue:
        handle = await start(client, queue, ending="return")
        await handle.result()
    history = await handle.fetch_history()

    plugin = parley_plugin(KeyRing([NEW_KEY, OLD_KEY]))
    result = await Replayer(workflows=[Discreet], plugins=[plugin]).replay_workflow(history)

    assert result.replay_failure is None


async def test_the_web_ui_can_have_a_history_decoded(temporal_server: TemporalServer) -> None:
    client = await client_with(temporal_server, OLD_KEY)
    async with worker(client) as queue:
        handle = await start(client, queue, ending="return")
        await handle.result()
    history = await handle.fetch_history()
    signal = history.events[1].workflow_execution_signaled_event_attributes.input
    unreadable = await EncryptionCodec(KeyRing([OTHER_KEY])).encode(signal.payloads)
    signal.payloads.extend(unreadable)
    body = json.dumps(json_format.MessageToDict(signal)).encode()

    decoded = decode(body, codec=EncryptionCodec(KeyRing([NEW_KEY, OLD_KEY])))

    readable, still_sealed = json_format.ParseDict(decoded, type(signal)()).payloads
    assert json.loads(readable.data) == f"return {SECRET}"
    assert still_sealed == unreadable[0]


@pytest.mark.parametrize("body", [b"", b"null", b"\xff", b'{"payloads": 3}', b"[" * 9_999])
def test_what_is_no_decode_request_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="Temporal payloads"):
        decode(body, codec=EncryptionCodec(KeyRing([NEW_KEY])))
