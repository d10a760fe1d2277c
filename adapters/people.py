"""People as a process remembers them: for as long as none of them is erased, by whomever."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.dynamodb.people import People
from adapters.dynamodb.table import Table
from adapters.postgres.configuration_listener import ConfigurationChange, ConfigurationListener
from adapters.postgres.database import Database
from adapters.postgres.tables import WhatsAppUser


@asynccontextmanager
async def open_people(table: Table, database: Database) -> AsyncIterator[People]:
    """People, of whom nobody is remembered while an erasure would not be heard of."""

    def on_change(change: ConfigurationChange | None) -> None:
        if change is None or change.table == WhatsAppUser.__tablename__:
            people.forget()

    listener = ConfigurationListener(database, subscriber=on_change)
    people = People(table, may_remember=lambda: listener.connected)
    async with listener:
        yield people
