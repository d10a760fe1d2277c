import asyncio
import secrets

import pytest
import structlog
from structlog.testing import capture_logs
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, CancelledError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from adapters.temporal.interceptor import ActivityLogging
from contracts.conversation import GenerateReply, SendPart
from contracts.ids import DocumentId, KnowledgeBaseId, MessageId, OrganizationId
from contracts.ingestion import EmbedPassages, IngestDocument
from tests.adapters.dynamodb.builders import a_conversation, a_turn

SECRET = f"said-{secrets.token_hex(8)}"


class Ending(ActivityInboundInterceptor):
    """The activity itself: returns something, or raises."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error

    async def execute_activity(
        self,
        input: ExecuteActivityInput,  # noqa: ARG002 - the name is the base class's
    ) -> str:
        structlog.get_logger().info("within")
        if self.error is not None:
            raise self.error
        return SECRET


async def run(argument: object, error: BaseException | None = None) -> list[dict[str, object]]:
    """What was logged while an activity with this argument ran."""
    logged = ActivityLogging().intercept_activity(Ending(error))
    environment = ActivityEnvironment()

    @activity.defn(name="send_part")
    async def send_part() -> None:
        input = ExecuteActivityInput(fn=run, args=[argument], executor=None, headers={})
        await logged.execute_activity(input)

    with capture_logs([structlog.contextvars.merge_contextvars]) as logs:
        if error is None:
            await environment.run(send_part)
        else:
            with pytest.raises(type(error)):
                await environment.run(send_part)
    return [dict(entry) for entry in logs]


async def test_every_line_of_an_activity_says_whose_it_is() -> None:
    turn = a_turn(a_conversation()).model_copy(update={"trace_id": "trace-1"})
    argument = SendPart(draft_id="1", turn=turn, part=0, message_id=MessageId("msg_1"))

    within, finished = await run(argument)

    ids = {
        "organization_id": turn.conversation.organization_id,
        "conversation_id": turn.conversation.conversation_id,
        "turn_id": turn.turn_id,
        "message_id": "msg_1",
        "trace_id": "trace-1",
        "attempt": 1,
    }
    assert ids.items() <= within.items()
    assert ids.items() <= finished.items()
    assert (finished["event"], finished["log_level"]) == ("activity_finished", "info")
    assert isinstance(finished["milliseconds"], float)


async def test_an_ingestion_is_told_by_its_document() -> None:
    document = IngestDocument(
        organization_id=OrganizationId("org_1"),
        knowledge_base_id=KnowledgeBaseId("kb_1"),
        document_id=DocumentId("doc_1"),
    )
    argument = EmbedPassages(document=document, version=1, start=0, end=1, passage_count=1)

    _, finished = await run(argument)

    assert document.model_dump().items() <= finished.items()


async def test_an_argument_without_ids_is_no_problem() -> None:
    _, finished = await run(3)

    assert finished["event"] == "activity_finished"


@pytest.mark.parametrize(
    ("error", "event", "level", "error_type"),
    [
        (ApplicationError(SECRET, SECRET, type="RateLimited"), "failed", "warning", "RateLimited"),
        (
            ApplicationError(SECRET, category=ApplicationErrorCategory.BENIGN),
            "failed",
            "info",
            "ApplicationError",
        ),
        (KeyError(SECRET), "failed", "warning", "KeyError"),
        (CancelledError(SECRET), "cancelled", "info", None),
        (asyncio.CancelledError(), "cancelled", "info", None),
    ],
)
async def test_an_end_is_told_without_a_word_of_what_was_said(
    error: BaseException, event: str, level: str, error_type: str | None
) -> None:
    turn = a_turn(a_conversation())

    logs = await run(GenerateReply(turn=turn, passages=()), error)

    ended = logs[-1]
    assert (ended["event"], ended["log_level"]) == (f"activity_{event}", level)
    assert ended.get("error_type") == error_type
    assert SECRET not in str(logs)
    assert structlog.contextvars.get_contextvars() == {}
