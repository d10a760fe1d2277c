"""`parley rotate-keys`: afterwards the newest key opens everything, and nobody has noticed."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text

from adapters.keyring import KeyRing
from adapters.postgres import channels
from adapters.postgres.database import Database
from adapters.postgres.key_rotation import RotationReport, rotate_keys
from adapters.postgres.sealed import SealedColumn, sealed_columns
from api.app import create_app
from api.services import Services
from contracts.ids import OrganizationId
from settings import Settings
from tests.api.conftest import Organization, created
from tests.api.test_webhooks import deliver, to
from tests.domain.test_webhook_delivery import text as message

OLD = "the old key of these tests and of no others"
NEW = "the new key of these tests and of no others"
SECRETS = {
    "access_token": "EAAG-the-access-token",
    "app_secret": "the app secret",
    "verify_token": "the verify token",
}
OPENAI_KEY = "sk-the-own-key"
COLUMNS = [column for columns in sealed_columns().values() for column in columns]


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    return with_ring(settings, OLD)


def with_ring(settings: Settings, *keys: str) -> Settings:
    return settings.model_copy(update={"parley_secret_keys": [SecretStr(key) for key in keys]})


@pytest.fixture
def database(app: FastAPI) -> Database:
    services: Services = app.state.services
    return services.database


@pytest.fixture(autouse=True)
async def only_our_rows(app: FastAPI) -> AsyncIterator[None]:
    """What earlier tests have left is none of a test's business."""
    yield
    services: Services = app.state.services
    async with services.database.platform() as session:
        await (await session.connection()).execute(text("DELETE FROM organizations"))


async def rows(database: Database, table: str, columns: str = "*") -> list[dict[str, Any]]:
    async with database.platform() as session:
        connection = await session.connection()
        query = text(f"SELECT {columns} FROM {table} ORDER BY id")  # noqa: S608 - of this module
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def connect_number(ours: Organization, **fields: Any) -> dict[str, Any]:
    return await created(
        ours.admin,
        f"{ours.path}/channels",
        phone_number_id=str(uuid4().int)[:15],
        waba_id="1",
        display_phone_number="+15550001111",
        **SECRETS | fields,
    )


async def give_every_secret(ours: Organization, *, numbers: int) -> list[dict[str, Any]]:
    """A value in every sealed column there is."""
    changed = await ours.admin.patch(ours.path, json={"openai_api_key": OPENAI_KEY})
    assert changed.status_code == 200
    endpoints = f"{ours.path}/webhook-endpoints"
    endpoint = await created(ours.admin, endpoints, url="https://shop.example.com/hook")
    # The one before is kept, too.
    await created(ours.admin, f"{endpoints}/{endpoint['id']}/secret")
    return [await connect_number(ours) for _ in range(numbers)]


def parley_rotates(settings: Settings, *keys: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", "rotate-keys"],
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": settings.database_url,
            "PARLEY_SECRET_KEYS": ",".join(keys),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@asynccontextmanager
async def running_with(settings: Settings, *keys: str) -> AsyncIterator[FastAPI]:
    application = create_app(with_ring(settings, *keys))
    async with application.router.lifespan_context(application):
        yield application


def client_of(application: FastAPI, like: httpx.AsyncClient) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(application),
        base_url="http://parley.test",
        headers=like.headers,
    )


def opened(row: dict[str, Any], column: SealedColumn, keyring: KeyRing) -> str:
    owner = row.get("organization_id", row["id"])
    context = column.context(organization_id=owner, row_id=row["id"])
    return keyring.open(row[column.column], context=context).decode()


NOT_SEALED = {("kept_embeddings", "vector"), ("kept_embeddings", "input_sha256")}
"""Bytes that are no secret: numbers, and the digest by which they are found."""


async def test_what_is_sealed_is_in_the_columns_that_are_rotated(database: Database) -> None:
    async with database.engine.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns "
                "WHERE table_schema = 'public' AND data_type = 'bytea'"
            )
        )
    sealed = {tuple(row) for row in found} - NOT_SEALED
    assert sealed == {(each.table, each.column) for each in COLUMNS}


async def test_after_the_rotation_the_new_key_alone_opens_everything(
    settings: Settings, ours: Organization, database: Database
) -> None:
    made = await give_every_secret(ours, numbers=3)
    without = await ours.admin.patch(
        f"{ours.path}/channels/{made[0]['id']}", json={"app_secret": None}
    )
    assert without.status_code == 200
    before = {table: await rows(database, table) for table in sealed_columns()}
    for column in COLUMNS:
        # A new sealed column fails here: give it a value above.
        assert any(row[column.column] for row in before[column.table]), column

    done = await asyncio.to_thread(parley_rotates, settings, NEW, OLD)
    assert (done.returncode, done.stderr) == (0, "")
    expected = [
        "channels.access_token: 3 re-sealed, 0 on the newest key already.",
        "channels.app_secret: 2 re-sealed, 0 on the newest key already.",
        "channels.verify_token: 3 re-sealed, 0 on the newest key already.",
        "organizations.openai_api_key: 1 re-sealed, 0 on the newest key already.",
        "webhook_endpoints.previous_secret: 1 re-sealed, 0 on the newest key already.",
        "webhook_endpoints.secret: 1 re-sealed, 0 on the newest key already.",
    ]
    assert sorted(done.stdout.splitlines()[: len(COLUMNS)]) == expected
    assert "temporal workflow list" in done.stdout

    after = {table: await rows(database, table) for table in sealed_columns()}
    for column in COLUMNS:
        for old, new in zip(before[column.table], after[column.table], strict=True):
            if old[column.column] is None:
                assert new[column.column] is None
            else:
                told = opened(new, column, KeyRing([NEW]))
                assert told == opened(old, column, KeyRing([OLD]))
                assert told not in done.stdout
    sealed = {column.column for column in COLUMNS}
    for table, found in before.items():
        for old, new in zip(found, after[table], strict=True):
            # Neither `revision` nor `updated_at` moves.
            assert {k: v for k, v in old.items() if k not in sealed} == {
                k: v for k, v in new.items() if k not in sealed
            }

    again = await asyncio.to_thread(parley_rotates, settings, NEW)
    assert again.returncode == 0
    counts = (3, 2, 3, 1, 1, 1)
    assert sorted(again.stdout.splitlines()[: len(COLUMNS)]) == [
        f"{line.partition(':')[0]}: 0 re-sealed, {count} on the newest key already."
        for line, count in zip(expected, counts, strict=True)
    ]
    assert "no old one to drop" in again.stdout
    assert {table: await rows(database, table) for table in sealed_columns()} == after


async def test_what_no_key_opens_is_named_and_the_rest_is_done(
    settings: Settings, ours: Organization, database: Database
) -> None:
    made = await give_every_secret(ours, numbers=3)
    broken = made[1]["id"]
    async with database.platform() as session:
        await (await session.connection()).execute(
            text("UPDATE channels SET app_secret_encrypted = '\\x01' WHERE id = :id"),
            {"id": broken},
        )
    done = await asyncio.to_thread(parley_rotates, settings, NEW, OLD)
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(f"channels {broken}: app_secret cannot be opened")
    assert "channels.app_secret: 2 re-sealed" in done.stdout
    assert "channels.access_token: 3 re-sealed" in done.stdout

    # A ring without the key opens nothing, and names all of it.
    lost = await asyncio.to_thread(parley_rotates, settings, "a key that has sealed nothing at all")
    assert lost.returncode == 1
    assert len(lost.stderr.splitlines()) == 3 * 3 + 3


async def test_a_rotation_goes_on_where_it_was_interrupted(
    ours: Organization, database: Database
) -> None:
    await give_every_secret(ours, numbers=5)
    with pytest.raises(Interrupted):
        await rotate_keys(database, InterruptedRing([NEW, OLD]), rows_at_once=2)
    ring = KeyRing([NEW, OLD])
    found = [(row, column) for column in COLUMNS for row in await rows(database, column.table)]
    newest = sum(ring.is_newest(row[column.column]) for row, column in found)
    assert 0 < newest < len(found)
    assert all(opened(row, column, ring) for row, column in found)

    report = await rotate_keys(database, ring, rows_at_once=2)
    assert sum(report.current.values()) == newest
    assert sum(report.resealed.values()) == len(found) - newest
    assert report.unopenable == []


class Interrupted(Exception):
    pass


class InterruptedRing(KeyRing):
    """Stops working in the middle of the third row."""

    left = 7

    def seal(self, plaintext: bytes, *, context: str) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise Interrupted
        return super().seal(plaintext, context=context)


async def test_a_change_that_is_being_made_is_not_undone(
    ours: Organization, database: Database
) -> None:
    (channel,) = await give_every_secret(ours, numbers=1)
    old = KeyRing([OLD])
    async with database.tenant(OrganizationId(ours.id)) as session:
        row = await channels.get(session, channel["id"])
        assert row is not None
        await channels.update(session, row, keyring=old, changes={"app_secret": "changed"})
        rotating = asyncio.create_task(rotate_keys(database, KeyRing([NEW, OLD])))
        async with asyncio.timeout(10):
            while not await waits_for_a_row(database):  # noqa: ASYNC110 - PostgreSQL's own wait
                await asyncio.sleep(0.01)
    await rotating
    (after,) = await rows(database, "channels")
    column = SealedColumn("channels", "app_secret_encrypted")
    assert opened(after, column, KeyRing([NEW])) == "changed"
    assert after["revision"] == 2


async def waits_for_a_row(database: Database) -> bool:
    async with database.engine.connect() as connection:
        waiting = await connection.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )
    return bool(waiting)


async def test_a_rotation_under_way_disturbs_nobody(
    settings: Settings, ours: Organization, database: Database
) -> None:
    """Administrators change secrets, and deliveries come in, while two rotations run at once."""
    made = await give_every_secret(ours, numbers=12)
    # Every other channel is changed, the others are only read.
    changed = made[::2]
    rounds = 3
    async with running_with(settings, NEW, OLD) as application:
        admin = client_of(application, ours.admin)
        writing = asyncio.gather(
            *(
                change_secrets(admin, f"{ours.path}/channels/{each['id']}", rounds=rounds)
                for each in changed
            )
        )
        reading = asyncio.create_task(knock_until_done(admin, made[1::2], writing))
        reports = await asyncio.gather(
            *(rotate_keys(database, KeyRing([NEW, OLD]), rows_at_once=4) for _ in range(2))
        )
        await writing
        assert await reading > 0
    assert all(report.unopenable == [] for report in reports)

    final = await rotate_keys(database, KeyRing([NEW]))
    assert final == RotationReport(current=final.current)
    assert sum(final.current.values()) == 12 * 3 + 3
    ids = {each["id"] for each in changed}
    for row in await rows(database, "channels"):
        told = {
            column.secret: opened(row, column, KeyRing([NEW]))
            for column in COLUMNS
            if column.table == "channels"
        }
        if row["id"] in ids:
            # The last change is the one that counts, and every one of them was counted.
            assert told == {name: f"{name} {rounds - 1}" for name in SECRETS}
            assert row["revision"] == 1 + rounds * len(SECRETS)
        else:
            assert told == SECRETS
            assert row["revision"] == 1


async def change_secrets(admin: httpx.AsyncClient, path: str, *, rounds: int) -> None:
    for number in range(rounds):
        for name in SECRETS:
            response = await admin.patch(path, json={name: f"{name} {number}"})
            assert response.status_code == 200, response.text


async def knock_until_done(
    client: httpx.AsyncClient, numbers: list[dict[str, Any]], writing: asyncio.Future[Any]
) -> int:
    """Deliver, signed with each channel's own app secret, until the writers are done."""
    taken = 0
    while not writing.done():
        for channel in numbers:
            answer = await deliver(
                client,
                to(channel, message()),
                path=f"/webhooks/whatsapp/{channel['id']}",
                secret=SECRETS["app_secret"],
            )
            assert answer.status_code == 200
            taken += 1
    return taken


async def test_a_database_that_does_not_answer_is_one_sentence(settings: Settings) -> None:
    nowhere = settings.model_copy(
        update={"database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/x"}
    )
    failed = await asyncio.to_thread(parley_rotates, nowhere, NEW, OLD)
    assert failed.returncode == 1
    assert "DATABASE_URL" in failed.stderr
    assert "Traceback" not in failed.stderr
