from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.simulator.stage import Stage, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path / "simulator") as ready:
        yield ready


@pytest.fixture(scope="session")
async def shared_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One stage for tests that only ask whether something is taken or refused."""
    async with staged(tmp_path_factory.mktemp("shared") / "simulator") as ready:
        yield ready
