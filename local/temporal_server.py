"""The Temporal development server as a child process, tuned as a server of one machine wants it."""

import sysconfig
from collections.abc import Mapping
from pathlib import Path

import httpx
from pydantic import BaseModel, ConfigDict

from local.ports import LOOPBACK
from local.process import Part, plain_environment

BINARY = Path(sysconfig.get_path("scripts")) / "temporal"

SEARCH_ATTRIBUTES: Mapping[str, str] = {
    "OrganizationId": "Keyword",
    "ChannelId": "Keyword",
    "ConversationId": "Keyword",
    "ConversationStatus": "Keyword",
}
"""As `contracts.names` has them, without loading Temporal's SDK into the supervisor."""

SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")
"""Loses nothing when the process is killed, and does not wait for the disk at every commit."""

DYNAMIC_CONFIG = {
    # The development server has one shard and polls it 20 times a second: up to 50 ms a hop.
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxPollRPS": "2000",
    # Both together: a cancelled activity hears of it in tens of milliseconds.
    "system.enableCancelActivityWorkerCommand": "true",
    "frontend.WorkerCommandsEnabled": "true",
    # A run that has ended can be deleted from the next of these notes on, by default in 30 s.
    "history.transferProcessorUpdateAckInterval": '"1s"',
    "history.visibilityProcessorUpdateAckInterval": '"1s"',
    # Without it the fairness key of an organisation is ignored.
    "matching.enableFairness": "true",
    # Turns are taken within a partition of a queue, and one is enough for one server.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}


class TemporalServer(BaseModel):
    """Where an embedded server listens. Without `ui_port` there is no Web UI."""

    model_config = ConfigDict(frozen=True)

    port: int
    http_port: int
    ui_port: int | None = None
    namespace: str = "default"

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui_url(self) -> str | None:
        return None if self.ui_port is None else f"http://{LOOPBACK}:{self.ui_port}"


def temporal_part(
    server: TemporalServer,
    *,
    log_file: Path,
    database_file: Path | None,
    search_attributes: Mapping[str, str] = SEARCH_ATTRIBUTES,
    codec_endpoint: str | None = None,
) -> Part:
    """The server as a part; it is healthy when it describes its namespace.

    Args:
        server: where it shall listen.
        log_file: where the server's own log goes.
        database_file: SQLite file that keeps the histories; `None` keeps them in memory.
        search_attributes: name and type of each, registered at the start.
        codec_endpoint: address of the codec server that the Web UI asks to decode payloads.
    """
    command = [
        *(str(BINARY), "server", "start-dev", "--log-level", "warn"),
        *("--ip", LOOPBACK, "--port", str(server.port), "--http-port", str(server.http_port)),
        *("--namespace", server.namespace),
    ]
    if server.ui_port is None:
        command.append("--headless")
    else:
        command += ["--ui-ip", LOOPBACK, "--ui-port", str(server.ui_port)]
        command.append("--ui-disable-news-fetch")
    if codec_endpoint is not None:
        command += ["--ui-codec-endpoint", codec_endpoint]
    if database_file is not None:
        command += ["--db-filename", str(database_file)]
        for pragma in SQLITE_PRAGMAS:
            command += ["--sqlite-pragma", pragma]
    for key, value in DYNAMIC_CONFIG.items():
        command += ["--dynamic-config-value", f"{key}={value}"]
    for name, kind in search_attributes.items():
        command += ["--search-attribute", f"{name}={kind}"]

    async def prepare() -> None:
        if database_file is not None:
            database_file.parent.mkdir(parents=True, exist_ok=True)

    async def probe() -> None:
        # Over HTTP, not the SDK: importing that takes half a second, and a process that leaves
        # soon after using it can crash in its shutdown (sdk-python #300).
        url = f"http://{LOOPBACK}:{server.http_port}/api/v1/namespaces/{server.namespace}"
        async with httpx.AsyncClient(trust_env=False) as client:
            (await client.get(url)).raise_for_status()

    return Part(
        name="temporal",
        command=command,
        environment=plain_environment(),
        prepare=prepare,
        probe=probe,
        log_file=log_file,
    )
