"""Everything a running simulator consists of, put together once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from local.simulator.clock import Clock
from local.simulator.config import SimulatorConfig
from local.simulator.courier import Courier
from local.simulator.events import Events
from local.simulator.faults import Faults
from local.simulator.network import Network
from local.simulator.sending import Sending
from local.simulator.storage.database import Database
from local.simulator.storage.directory import Directory
from local.simulator.storage.media import Media, MediaStore
from local.simulator.storage.messages import Messages
from local.simulator.storage.traffic import Traffic

DOWNLOAD_PATH = "/whatsapp_business/attachments/"


class World:
    """The parts by name. Built without side effects but for opening the database."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self.database = Database(config.data_dir / "simulator.sqlite3")
        self.clock = Clock(self.database)
        self.events = Events()
        self.directory = Directory(self.database)
        self.messages = Messages(self.database)
        self.traffic = Traffic(self.database)
        self.media = MediaStore(self.database, folder=config.data_dir / "media")
        self.faults = Faults(self.database)
        # Callbacks are local: a proxy of the environment is not for them.
        self.http = httpx.AsyncClient(
            timeout=config.webhook_timeout_seconds,
            trust_env=False,
            limits=httpx.Limits(max_connections=config.webhook_concurrency),
        )
        self.network = Network(
            config,
            database=self.database,
            directory=self.directory,
            messages=self.messages,
            traffic=self.traffic,
            faults=self.faults,
            clock=self.clock,
            events=self.events,
        )
        self.courier = Courier(
            config,
            network=self.network,
            directory=self.directory,
            traffic=self.traffic,
            clock=self.clock,
            events=self.events,
            http=self.http,
        )
        self.sending = Sending(
            config,
            network=self.network,
            courier=self.courier,
            directory=self.directory,
            messages=self.messages,
            media=self.media,
            traffic=self.traffic,
            faults=self.faults,
            clock=self.clock,
            events=self.events,
        )

    def media_link(self, media: Media, *, base_url: str) -> str:
        """A download link on this host, good for five minutes by default."""
        ends = int(self.clock.now() + self.config.media_url_seconds)
        query = self.media.link_query(media.id, expires_at=ends)
        return f"{base_url.rstrip('/')}{DOWNLOAD_PATH}?{query}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver webhooks until the end of the block, then close everything."""
        try:
            async with self.courier.running():
                yield
        finally:
            await self.http.aclose()
            self.database.close()
