"""Routes and profiles are served from memory and are never older than the last change."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from adapters.keyring import KeyRing
from adapters.postgres import assistants, channels, organizations
from adapters.postgres.assistant_profiles import AssistantProfile, AssistantProfiles
from adapters.postgres.channel_routes import ChannelRoute, ChannelRoutes
from adapters.postgres.configuration_listener import ConfigurationListener
from adapters.postgres.database import Database
from adapters.postgres.sealed import seal_openai_key
from adapters.postgres.tables import Assistant, Channel
from adapters.postgres.tenant_cache import TenantCache
from contracts.ids import ChannelId, OrganizationId
from contracts.quotas import Quotas
from tests.adapters.postgres.conftest import Pair

NOTICE_SECONDS = 5.0


@pytest.fixture
async def routes(database: Database, keyring: KeyRing) -> AsyncIterator[ChannelRoutes]:
    async with ChannelRoutes(database, keyring) as routes:
        yield routes


@pytest.fixture
async def profiles(database: Database, keyring: KeyRing) -> AsyncIterator[AssistantProfiles]:
    async with AssistantProfiles(database, keyring) as profiles:
        yield profiles


@pytest.fixture
async def channel(database: Database, keyring: KeyRing, pair: Pair) -> Channel:
    async with database.tenant(pair.ours) as session:
        assistant = await assistants.create(
            session,
            Assistant(
                id=assistants.new_assistant_id(),
                organization_id=pair.ours,
                name="Ada",
                debounce_seconds=1.5,
                knowledge_base_ids=["kb_1"],
            ),
        )
        return await channels.create(
            session,
            keyring=keyring,
            organization_id=pair.ours,
            phone_number_id=f"number of {pair.ours}",
            waba_id="1",
            display_phone_number="+1 555 0100",
            access_token="the token",
            verify_token="verify me",
            assistant_id=assistant.id,
        )


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(NOTICE_SECONDS):
        fulfilled = await condition()
        while not fulfilled:
            await asyncio.sleep(0.01)
            fulfilled = await condition()


async def change(database: Database, organization: OrganizationId, statement: str) -> None:
    async with database.tenant(organization) as session:
        connection = await session.connection()
        await connection.execute(text(statement))


def strings(
    database: Database, load: Callable[[str], Awaitable[str | None]], pair: Pair
) -> TenantCache[str, str]:
    return TenantCache(
        database, load=load, organization_of=lambda _value: pair.ours, name="channel_routes"
    )


async def test_a_number_leads_to_its_channel(routes: ChannelRoutes, channel: Channel) -> None:
    route = await routes.by_phone_number_id(channel.phone_number_id)
    assert route == await routes.by_channel_id(channel.id)
    assert route == ChannelRoute(
        organization_id=channel.organization_id,
        channel_id=channel.id,
        phone_number_id=channel.phone_number_id,
        assistant_id=channel.assistant_id,
        debounce_seconds=1.5,
        app_secrets=(),
        verify_token="verify me",
    )
    assert "verify me" not in repr(route)


@pytest.mark.parametrize("name", ["", "nobody's", "\x00", "\ud800", "é", "1" * 10_000])
async def test_a_number_of_nobody_leads_nowhere(routes: ChannelRoutes, name: str) -> None:
    assert await routes.by_phone_number_id(name) is None
    assert await routes.by_channel_id(name) is None


async def test_changes_reach_every_process_at_once(
    database: Database, keyring: KeyRing, channel: Channel
) -> None:
    async with ChannelRoutes(database, keyring) as one, ChannelRoutes(database, keyring) as other:
        for routes in (one, other):
            assert (await routes.by_channel_id(channel.id)) is not None

        async with database.tenant(channel.organization_id) as session:
            row = await channels.get(session, channel.id)
            assert row is not None
            await channels.update(
                session, row, keyring=keyring, changes={"app_secret": "new", "verify_token": None}
            )
        for routes in (one, other):

            async def changed(routes: ChannelRoutes = routes) -> bool:
                route = await routes.by_channel_id(channel.id)
                return route is not None and route.app_secrets == ("new",)

            await eventually(changed)

        await change(
            database, channel.organization_id, "UPDATE assistants SET debounce_seconds = 3"
        )
        for routes in (one, other):

            async def slower(routes: ChannelRoutes = routes) -> bool:
                route = await routes.by_channel_id(channel.id)
                return route is not None and route.debounce_seconds == 3

            await eventually(slower)

        async with database.platform() as session:
            organization = await organizations.get(session, channel.organization_id)
            assert organization is not None
            await session.delete(organization)
        for routes in (one, other):

            async def gone(routes: ChannelRoutes = routes) -> bool:
                return await routes.by_phone_number_id(channel.phone_number_id) is None

            await eventually(gone)


async def test_a_number_is_found_as_soon_as_it_is_connected(
    database: Database, keyring: KeyRing, routes: ChannelRoutes, pair: Pair
) -> None:
    number = f"new number of {pair.ours}"
    assert await routes.by_phone_number_id(number) is None
    async with database.tenant(pair.ours) as session:
        await channels.create(
            session,
            keyring=keyring,
            organization_id=pair.ours,
            phone_number_id=number,
            waba_id="1",
            display_phone_number="1",
            access_token="t",
        )

    async def found() -> bool:
        return await routes.by_phone_number_id(number) is not None

    await eventually(found)


async def test_memory_is_not_trusted_while_nobody_listens(
    database: Database, keyring: KeyRing, channel: Channel
) -> None:
    async with ChannelRoutes(database, keyring) as routes:
        assert await routes.by_channel_id(channel.id) is not None
        await _end_listeners(database)
        await change(database, channel.organization_id, "UPDATE assistants SET debounce_seconds=7")

        async def new() -> bool:
            route = await routes.by_channel_id(channel.id)
            return route is not None and route.debounce_seconds == 7

        await eventually(new)
        # The listener is back: the next change is heard again.
        await change(database, channel.organization_id, "UPDATE assistants SET debounce_seconds=8")

        async def newer() -> bool:
            route = await routes.by_channel_id(channel.id)
            return route is not None and route.debounce_seconds == 8

        await eventually(newer)


async def test_a_value_read_before_a_change_is_not_kept(database: Database, pair: Pair) -> None:
    loads: list[asyncio.Future[str]] = []

    async def load(_key: str) -> str:
        loads.append(asyncio.get_running_loop().create_future())
        return await loads[-1]

    cache = strings(database, load, pair)
    await cache.start()
    try:
        first = asyncio.create_task(cache.get("key"))
        same = asyncio.create_task(cache.get("key"))
        await _until(lambda: len(loads) == 1)
        cache.forget(None)
        second = asyncio.create_task(cache.get("key"))
        await _until(lambda: len(loads) == 2)
        loads[1].set_result("new")
        assert await second == "new"
        loads[0].set_result("old")
        assert (await first, await same) == ("old", "old")
        assert await cache.get("key") == "new"
        assert len(loads) == 2
    finally:
        await cache.close()


async def test_nothing_is_kept_before_changes_are_heard_of(database: Database, pair: Pair) -> None:
    answers = ["first", "second"]

    async def load(_key: str) -> str:
        return answers.pop(0)

    cache = strings(database, load, pair)
    assert [await cache.get("key"), await cache.get("key")] == ["first", "second"]


async def test_a_failed_load_is_tried_again(database: Database, pair: Pair) -> None:
    answers: list[Any] = [ConnectionError("down"), "up"]

    async def load(_key: str) -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    cache = strings(database, load, pair)
    with pytest.raises(ConnectionError):
        await cache.get("key")
    assert await cache.get("key") == "up"


async def test_listening_starts_without_a_database() -> None:
    nowhere = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    async with ConfigurationListener(nowhere, subscriber=lambda _change: None) as listener:
        assert not listener.connected
    await nowhere.close()


async def test_a_profile_has_all_that_a_turn_needs(
    database: Database, keyring: KeyRing, profiles: AssistantProfiles, channel: Channel
) -> None:
    profile = await profiles.for_channel(channel.organization_id, channel.id)
    assert profile.access_token == "the token"
    assert profile.assistant_name == "Ada"
    assert profile.knowledge_base_ids == ("kb_1",)
    assert (profile.openai_api_key, profile.openai_base_url) == (None, None)
    assert "the token" not in repr(profile)

    async with database.platform() as session:
        organization = await organizations.get(session, channel.organization_id)
        assert organization is not None
        sealed = seal_openai_key("sk-own", keyring=keyring, organization_id=organization.id)
        await organizations.update(
            session,
            organization,
            changes={
                "openai_api_key_encrypted": sealed,
                "openai_base_url": "https://llm.example/v1",
            },
        )

    async def own_key() -> bool:
        current = await profiles.for_channel(channel.organization_id, channel.id)
        return current.openai_api_key == "sk-own"

    await eventually(own_key)


@pytest.mark.parametrize(
    ("statement", "changed"),
    [
        (
            "UPDATE assistants SET instructions = 'Be brief.'",
            lambda profile: profile.instructions == "Be brief.",
        ),
        (
            "UPDATE assistants SET slow_down_message = 'Not so fast.'",
            lambda profile: profile.slow_down_message == "Not so fast.",
        ),
        (
            "UPDATE assistants SET quota_message = 'Tomorrow.'",
            lambda profile: profile.quota_message == "Tomorrow.",
        ),
        (
            """UPDATE organizations SET quotas = '{"messages_per_day": 5}'""",
            lambda profile: profile.quotas == Quotas.of({"messages_per_day": {"hard": 5}}),
        ),
        (
            "UPDATE organizations SET timezone = 'Asia/Kathmandu'",
            lambda profile: profile.timezone == "Asia/Kathmandu",
        ),
        (
            "UPDATE assistants SET knowledge_base_ids = '{}'",
            lambda profile: profile.knowledge_base_ids == (),
        ),
        (
            """UPDATE assistants SET handoff = '{"enabled": false}'""",
            lambda profile: not profile.handoff.enabled,
        ),
        (
            """UPDATE assistants SET business_hours = '{"week": {}}'""",
            lambda profile: profile.business_hours is not None,
        ),
    ],
    ids=[
        "instructions",
        "slow_down",
        "quota_message",
        "quotas",
        "timezone",
        "knowledge",
        "handoff",
        "business_hours",
    ],
)
async def test_what_a_turn_goes_by_is_new_in_every_process_once_it_is_changed(
    database: Database,
    keyring: KeyRing,
    channel: Channel,
    statement: str,
    changed: Callable[[AssistantProfile], bool],
) -> None:
    lookups: Counter[tuple[str, str]] = Counter()

    def count(cache: str, outcome: str) -> None:
        lookups[cache, outcome] += 1

    async with (
        AssistantProfiles(database, keyring) as one,
        AssistantProfiles(database, keyring, count=count) as other,
    ):
        assert not changed(await one.for_channel(channel.organization_id, channel.id))
        async with asyncio.timeout(10):
            # The announcement of the channel itself may still come in, and drops what was kept.
            while not lookups["assistant_profiles", "hit"]:
                assert not changed(await other.for_channel(channel.organization_id, channel.id))
        missed = lookups["assistant_profiles", "miss"]

        await change(database, channel.organization_id, statement)
        for profiles in (one, other):

            async def is_new(profiles: AssistantProfiles = profiles) -> bool:
                return changed(await profiles.for_channel(channel.organization_id, channel.id))

            await eventually(is_new)
        assert lookups["assistant_profiles", "miss"] == missed + 1


async def test_the_platforms_key_never_goes_to_a_tenants_address(
    database: Database, profiles: AssistantProfiles, channel: Channel
) -> None:
    await change(
        database,
        channel.organization_id,
        "UPDATE organizations SET openai_base_url = 'https://evil.example'",
    )
    profile = await profiles.for_channel(channel.organization_id, channel.id)
    assert (profile.openai_api_key, profile.openai_base_url) == (None, None)


async def test_another_organizations_channel_has_no_profile(
    profiles: AssistantProfiles, channel: Channel, pair: Pair
) -> None:
    for organization, identifier in (
        (pair.theirs, channel.id),
        (pair.ours, ChannelId("chn_none")),
    ):
        with pytest.raises(LookupError):
            await profiles.for_channel(organization, identifier)


async def test_a_profile_in_memory_is_still_nobody_elses(
    profiles: AssistantProfiles, channel: Channel, pair: Pair
) -> None:
    await profiles.for_channel(pair.ours, channel.id)
    with pytest.raises(LookupError):
        await profiles.for_channel(pair.theirs, channel.id)


async def _until(condition: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return condition()

    await eventually(holds)


async def _end_listeners(database: Database) -> None:
    """What a restart of the server or of a firewall does to idle connections."""
    async with database.engine.connect() as connection:
        ended = await connection.scalar(
            text(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            )
        )
    assert ended
