"""A migrated database per module, with two organisations that must not see each other."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from adapters.keyring import KeyRing
from adapters.postgres import organizations
from adapters.postgres.database import Database
from adapters.postgres.tables import Organization
from contracts.ids import OrganizationId
from migrations import upgrade


class Pair(NamedTuple):
    ours: OrganizationId
    theirs: OrganizationId


@pytest.fixture(scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    await upgrade(database_url)
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def pair(database: Database) -> Pair:
    ids = [organizations.new_organization_id() for _ in range(2)]
    async with database.platform() as session:
        for identifier in ids:
            await organizations.create(session, Organization(id=identifier, name=identifier))
    return Pair(*ids)


@pytest.fixture(scope="session")
def keyring() -> KeyRing:
    return KeyRing(["the key of these tests, and of nothing else"])
