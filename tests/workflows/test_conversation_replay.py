"""Conversations that earlier versions began go on under this one."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.workflows.record_conversation_histories import SCENARIOS
from workflows.conversation import ConversationWorkflow

HISTORIES = sorted((Path(__file__).parent.parent / "histories" / "conversation").glob("*.json"))


def test_histories_of_every_scenario_are_there() -> None:
    assert {path.stem for path in HISTORIES} >= set(SCENARIOS)


@pytest.fixture(params=HISTORIES, ids=lambda path: path.stem)
def history(request: pytest.FixtureRequest) -> WorkflowHistory:
    path: Path = request.param
    return WorkflowHistory.from_json(path.stem, path.read_text())


async def test_a_recorded_conversation_replays(history: WorkflowHistory) -> None:
    replayer = Replayer(workflows=[ConversationWorkflow], data_converter=pydantic_data_converter)
    await replayer.replay_workflow(history)
