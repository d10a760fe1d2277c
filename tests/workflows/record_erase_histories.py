"""Records the histories of erasures that later versions must still replay.

Run it (`python -m tests.workflows.record_erase_histories`) when the workflow changes on purpose,
and keep the old files for as long as runs of that version may be open.
"""

import asyncio
import re
from collections import deque
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from contracts.erasure import ErasureKind
from tests.servers import TIME_SKIPPING_SERVER
from tests.workflows.erase_world import STORES, Stores, a_request, client_of, erase

DIRECTORY = Path(__file__).parent.parent / "histories" / "erase"
SETTLE_SECONDS = 0.3
"""Lets Temporal's core finish: see `tests/conftest.py`."""


async def record() -> None:
    everywhere = {name: deque([2]) for name in STORES}
    scenarios: dict[str, tuple[ErasureKind, Stores]] = {
        "organization": ("organization", Stores(found=everywhere)),
        "whatsapp_user_with_files": ("whatsapp_user", Stores(found={"erase_items": deque([3, 1])})),
        "empty": ("organization", Stores()),
        "retried": ("organization", Stores(dies={"begin_erasure", *STORES})),
    }
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(TIME_SKIPPING_SERVER)
    ) as environment:
        client = client_of(environment)
        for name, (kind, stores) in scenarios.items():
            handle = await erase(client, stores, a_request(kind))
            history = await handle.fetch_history()
            (DIRECTORY / f"{name}.json").write_text(_anonymous(history.to_json()))
        await asyncio.sleep(SETTLE_SECONDS)


def _anonymous(history: str) -> str:
    history = re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', history)
    return re.sub(r'"identity": "[^"]*"', '"identity": "worker"', history)


if __name__ == "__main__":
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    asyncio.run(record())
