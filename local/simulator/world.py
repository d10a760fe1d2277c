"""Everything a running simulator consists of, put together once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from local.simulator.behaviour import Behaviours
from local.simulator.clock import Clock
from local.simulator.config import SimulatorConfig
from local.simulator.courier import Courier
from local.simulator.errors import ControlError
from local.simulator.events import Events
from local.simulator.faults import Faults
from local.simulator.network import Network
from local.simulator.outbox import Outbox
from local.simulator.person_events import PersonEvents
from local.simulator.sending import Sending
from local.simulator.storage.database import Database
from local.simulator.storage.desks import Desks
from local.simulator.storage.directory import Directory
from local.simulator.storage.media import Media, MediaStore
from local.simulator.storage.messages import Messages
from local.simulator.storage.templates import Templates
from local.simulator.storage.traffic import Traffic
from local.simulator.template_samples import ensure_samples
from local.simulator.wire import new_wa_id

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
        self.templates = Templates(self.database)
        self.desks = Desks(self.database)
        self.behaviours = Behaviours(config, database=self.database)
        self.outbox = Outbox(
            database=self.database,
            directory=self.directory,
            traffic=self.traffic,
            clock=self.clock,
        )
        for number in self.directory.numbers():
            ensure_samples(self.templates, waba_id=number.waba_id)
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
            outbox=self.outbox,
            behaviours=self.behaviours,
            faults=self.faults,
            clock=self.clock,
            events=self.events,
        )
        self.person_events = PersonEvents(
            config,
            database=self.database,
            directory=self.directory,
            messages=self.messages,
            outbox=self.outbox,
            network=self.network,
            clock=self.clock,
            events=self.events,
        )
        self.courier = Courier(
            config,
            network=self.network,
            outbox=self.outbox,
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
            templates=self.templates,
            behaviours=self.behaviours,
            traffic=self.traffic,
            faults=self.faults,
            clock=self.clock,
            events=self.events,
        )

    def media_link(self, media: Media, *, base_url: str) -> str:
        """A download link on this host, good for five minutes by default."""
        ends = int(self.clock.now() + self.behaviours.now.media_url_seconds)
        query = self.media.link_query(media.id, expires_at=ends)
        return f"{base_url.rstrip('/')}{DOWNLOAD_PATH}?{query}"

    def free_wa_id(self) -> str:
        """A made-up number that nobody has yet: there are only so many fictitious ones."""
        for _ in range(1000):
            wa_id = new_wa_id()
            if self.directory.addressee(wa_id) is None:
                return wa_id
        raise ControlError(409, "No fictitious number is free: give a wa_id.")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver webhooks until the end of the block, then close everything."""
        try:
            async with self.courier.running():
                yield
        finally:
            await self.http.aclose()
            self.database.close()
