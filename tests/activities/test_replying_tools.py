"""A reply with what the model calls for, from the prompt to the phone."""

from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.answers import AnswerReader
from activities.quotas import QuotaKeeper
from activities.replying import ReplyActivities
from activities.transcripts import Transcripts
from activities.unanswered import UnansweredQuestions
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.quota_counters import QuotaCounters
from adapters.openai.chat import ChatModels
from adapters.openai.tokens import count_tokens
from adapters.postgres.assistant_profiles import AssistantProfile
from adapters.postgres.passages import StoredPassage
from adapters.temporal.metrics import WorkerMetrics
from contracts.conversation import (
    DraftedReply,
    GenerateReply,
    ScoredPassage,
    SendPart,
    SentPart,
)
from contracts.ids import (
    ChannelId,
    DocumentId,
    KnowledgeBaseId,
    MessageId,
    OrganizationId,
    PassageId,
)
from domain.canned import canned_text
from domain.model_tools import AssistantTools
from domain.prompt import NO_MEMORY
from tests.activities.sending_desk import Desk, desk, stage, tools
from tests.adapters.dynamodb.builders import a_record, a_request, a_turn, an_id
from tests.chat_server import ChatServer, models_of

__all__ = ["desk", "stage", "tools"]

SIZES = '{"body": "**Which** size? [1]", "options": [{"title": "Small"}, {"title": "Large"}]}'


class Profile:
    """The profile of the only channel; its fields may be changed. See `OneProfile`."""

    def __init__(self, desk: Desk) -> None:
        self._of = desk.tools.profiles
        self.changes: dict[str, Any] = {"language": "de", "instructions": "Link: https://a.example"}

    async def for_channel(
        self, organization_id: OrganizationId, channel_id: ChannelId
    ) -> AssistantProfile:
        profile = await self._of.for_channel(organization_id, channel_id)
        return profile.model_copy(update=self.changes)


class OnePassage:
    """What is found, whatever is asked; nothing while `text` is empty."""

    text = "Small or large. Order at https://shop.example/order."

    async def passages_by_id(self, *_: Any, **__: Any) -> dict[PassageId, StoredPassage]:
        if not self.text:
            return {}
        return {
            PassageId("psg_1"): StoredPassage(
                passage_id=PassageId("psg_1"),
                knowledge_base_id=KnowledgeBaseId("kb_1"),
                document_id=DocumentId("doc_1"),
                title="Menu",
                heading="Sizes",
                text=self.text,
                page=4,
                position=0,
            )
        }


class Writer:
    """Writes replies with a model behind HTTP, and sends them to the simulated phone."""

    def __init__(self, desk: Desk, server: ChatServer, models: ChatModels) -> None:
        self.desk, self.server, self.profile = desk, server, Profile(desk)
        conversations = Conversations(desk.table)
        profiles: Any = self.profile
        self.found = OnePassage()
        retriever: Any = self.found
        self.metrics = Mock(spec=WorkerMetrics)
        self.unanswered = Mock(spec=UnansweredQuestions)
        self.conversations = conversations
        self.activities = ReplyActivities(
            profiles=profiles,
            transcripts=Transcripts(conversations),
            outbox=desk.outbox,
            retriever=retriever,
            models=models,
            quotas=QuotaKeeper(
                profiles=profiles,
                counters=QuotaCounters(desk.table),
                conversations=conversations,
                metrics=WorkerMetrics(),
            ),
            lookup=retriever,
            receipts=Mock(),
            memories=AsyncMock(**{"of.return_value": NO_MEMORY}),
            answers=AnswerReader(self.metrics),
            unanswered=self.unanswered,
            count_tokens=count_tokens,
            pictures=AsyncMock(**{"of.return_value": {}}),
            default_model="m",
        )

    def calls(self, name: str, arguments: str, text: str = "") -> None:
        """What the model answers with."""
        function = {"name": name, "arguments": arguments}
        called = {"tool_calls": [{"index": 0, "id": "a", "function": function}]}
        self.server.deltas = [{"content": text}, called]

    async def reply(self, text: str = "A pizza please", **turn: Any) -> DraftedReply:
        record = a_record(text)
        asked = a_turn(self.desk.ref)
        await self.conversations.record_inbound(
            a_request(self.desk.ref, record, turn_id=asked.turn_id, opening=True)
        )
        self.desk.turn = asked.model_copy(update={"message_ids": [record.message_id], **turn})
        passage = ScoredPassage(passage_id=PassageId("psg_1"), score=1)
        drafted: DraftedReply = await ActivityEnvironment().run(
            self.activities.generate_reply,
            GenerateReply(turn=self.desk.turn, passages=(passage,)),
        )
        self.desk.draft_id = drafted.draft_id
        return drafted

    async def send(self, drafted: DraftedReply) -> list[Any]:
        """The parts, as the phone shows them."""
        for part in range(drafted.parts):
            sent = await ActivityEnvironment().run(
                self.desk.activities.send_part,
                SendPart(
                    turn=self.desk.turn,
                    draft_id=drafted.draft_id,
                    part=part,
                    message_id=MessageId(an_id("msg")),
                ),
            )
            assert sent == SentPart(outcome="sent")
        chat = await self.desk.chat()
        return [item["content"] for item in chat if item["direction"] == "outbound"]

    def prompt(self) -> list[dict[str, str]]:
        messages: list[dict[str, str]] = self.server.asked[-1]["messages"]
        return messages


@pytest.fixture
async def writer(desk: Desk) -> AsyncIterator[Writer]:
    server = ChatServer()
    async with models_of(server) as models:
        yield Writer(desk, server, models)


async def test_offered_choices_reach_the_phone_and_the_next_prompt(writer: Writer) -> None:
    writer.calls("offer_choices", SIZES)

    drafted = await writer.reply()
    (content,) = await writer.send(drafted)

    assert (drafted.handoff, drafted.answered, drafted.cited) == (None, True, 1)
    assert content["body"] == {"text": "*Which* size?\n\n📄 Menu, S. 4"}
    assert [one["reply"] for one in content["action"]["buttons"]] == [
        {"id": "choice:1", "title": "Small"},
        {"id": "choice:2", "title": "Large"},
    ]
    writer.server.deltas = [{"content": "Large it is."}]
    await writer.reply("Large")
    assert writer.prompt()[-2] == {
        "role": "assistant",
        "content": "*Which* size?\n[choice: Small]\n[choice: Large]",
    }


async def test_a_model_asks_for_the_location(writer: Writer) -> None:
    writer.calls("request_location", '{"body": "Where shall we bring it?"}')

    (content,) = await writer.send(await writer.reply())

    assert content["type"] == "location_request_message"


@pytest.mark.parametrize("url", ["https://shop.example/order", "https://a.example"])
async def test_a_link_of_the_documents_or_instructions_is_a_button(
    writer: Writer, url: str
) -> None:
    writer.profile.changes["tools"] = AssistantTools(links=True)
    writer.calls("send_link", f'{{"body": "Order here", "title": "Order", "url": "{url}"}}')

    (content,) = await writer.send(await writer.reply())

    assert content["action"]["parameters"] == {"display_text": "Order", "url": url}


async def test_a_link_from_elsewhere_is_left_out(writer: Writer) -> None:
    writer.profile.changes["tools"] = AssistantTools(links=True)
    writer.calls(
        "send_link", '{"body": "Order here", "title": "Order", "url": "https://b.example"}'
    )

    assert await writer.send(await writer.reply()) == [{"body": "Order here", "preview_url": False}]


@pytest.mark.parametrize(
    ("text", "said"),
    [("A colleague will be with you.", "A colleague will be with you."), ("", None)],
)
async def test_a_model_hands_over_with_its_words_or_ours(
    writer: Writer, text: str, said: str | None
) -> None:
    writer.calls("hand_over_to_human", '{"reason": "wants a person"}', text)

    drafted = await writer.reply("I want to talk to a person")

    assert drafted.handoff == "model"
    assert await writer.send(drafted) == [
        {"body": said or canned_text("handoff", language="de"), "preview_url": False}
    ]


async def test_a_model_says_that_it_does_not_know(writer: Writer) -> None:
    writer.calls("say_unknown", '{"text": "I cannot find that."}')

    drafted = await writer.reply()

    assert (drafted.answered, drafted.handoff) == (False, None)
    assert await writer.send(drafted) == [{"body": "I cannot find that.", "preview_url": False}]


async def test_the_welcome_goes_ahead_of_the_choices(writer: Writer) -> None:
    writer.profile.changes["welcome_message"] = "🙂" * 3000
    writer.calls("offer_choices", SIZES)

    drafted = await writer.reply(first_contact=True)

    contents = await writer.send(drafted)
    assert [set(one) for one in contents[:-1]] == [{"body", "preview_url"}] * 2
    assert contents[-1]["type"] == "button"


async def test_a_model_is_offered_what_the_assistant_has(writer: Writer) -> None:
    await writer.reply()
    assert [one["function"]["name"] for one in writer.server.asked[-1]["tools"]] == [
        "offer_choices",
        "request_location",
        "say_unknown",
        "hand_over_to_human",
    ]
    assert "call the tool hand_over_to_human" in writer.prompt()[0]["content"]

    writer.profile.changes["tools"] = AssistantTools.of(["none"], {})
    await writer.reply()
    assert "tools" not in writer.server.asked[-1]
    assert "hand_over_to_human" not in writer.prompt()[0]["content"]


async def test_a_server_without_tools_still_answers(writer: Writer) -> None:
    writer.server.refuses_tools_with = 400

    drafted = await writer.reply()

    assert await writer.send(drafted) == [{"body": "We open at nine.", "preview_url": False}]


async def test_a_call_without_any_words_is_asked_again(writer: Writer) -> None:
    writer.calls("offer_choices", "{}")

    with pytest.raises(ApplicationError) as raised:
        await writer.reply()

    assert (raised.value.type, raised.value.non_retryable) == ("EmptyAnswer", False)
