"""A channel that Meta refuses is paused, tried now and then by one of all, and resumed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from adapters.keyring import KeyRing
from adapters.postgres import channels
from adapters.postgres.assistant_profiles import AssistantProfiles
from adapters.postgres.channel_pauses import ChannelPause, ChannelPauses, pause_of
from adapters.postgres.database import Database
from adapters.postgres.tables import Channel
from contracts.ids import ChannelId, OrganizationId
from tests.adapters.postgres.conftest import Pair
from tests.adapters.postgres.test_configuration_cache import eventually

NewChannel = Callable[..., Awaitable[Channel]]


@pytest.fixture
def pauses(database: Database) -> ChannelPauses:
    return ChannelPauses(database)


@pytest.fixture
def new_channel(database: Database, keyring: KeyRing, pair: Pair) -> NewChannel:
    async def make(*, of: OrganizationId = pair.ours, waba_id: str = "1") -> Channel:
        identifier = channels.new_channel_id()
        async with database.tenant(of) as session:
            return await channels.create(
                session,
                keyring=keyring,
                organization_id=of,
                channel_id=identifier,
                phone_number_id=f"number {identifier}",
                waba_id=waba_id,
                display_phone_number="+1 555 0100",
                access_token="the token",
            )

    return make


async def stored(database: Database, channel: Channel) -> Channel:
    async with database.tenant(channel.organization_id) as session:
        found = await channels.get(session, channel.id)
    assert found is not None
    return found


async def pause(database: Database, channel: Channel) -> ChannelPause:
    found = pause_of(await stored(database, channel))
    assert found is not None
    return found


async def let_time_pass(database: Database, organization: OrganizationId) -> None:
    """Until the next probe is due."""
    async with database.tenant(organization) as session:
        await (await session.connection()).execute(
            text("UPDATE channels SET probe_at = now() - interval '1 second'")
        )


async def test_a_pause_says_since_when_and_why(
    database: Database, pauses: ChannelPauses, new_channel: NewChannel
) -> None:
    channel = await new_channel()
    assert await pauses.pause(channel.organization_id, channel.id, code=190) == "paused"
    found = await pause(database, channel)
    assert found.code == 190
    assert found.reason == "The access token has expired or was revoked."
    assert found.probe_at is not None
    assert timedelta(minutes=4) < found.probe_at - found.since < timedelta(minutes=6)
    after = await stored(database, channel)
    assert (after.revision, after.updated_at) == (channel.revision, channel.updated_at)


async def test_a_second_refusal_changes_nothing_and_another_one_its_reason(
    database: Database, pauses: ChannelPauses, new_channel: NewChannel
) -> None:
    channel = await new_channel()
    await pauses.pause(channel.organization_id, channel.id, code=190)
    first = await pause(database, channel)
    assert await pauses.pause(channel.organization_id, channel.id, code=190) == "already"
    assert await pause(database, channel) == first
    assert await pauses.pause(channel.organization_id, channel.id, code=133010) == "paused"
    second = await pause(database, channel)
    assert (second.since, second.code) == (first.since, 133010)


async def test_a_code_of_the_account_pauses_and_resumes_all_its_channels(
    database: Database, pauses: ChannelPauses, new_channel: NewChannel, pair: Pair
) -> None:
    one, other = await new_channel(), await new_channel()
    elsewhere, stranger = await new_channel(waba_id="2"), await new_channel(of=pair.theirs)
    own = await new_channel()
    await pauses.pause(own.organization_id, own.id, code=190)
    assert await pauses.pause(one.organization_id, one.id, code=131042) == "paused"
    for channel, paused in ((one, True), (other, True), (elsewhere, False), (stranger, False)):
        assert (pause_of(await stored(database, channel)) is not None) is paused
    await pauses.pause(own.organization_id, own.id, code=190)
    resumed = await pauses.resume(other.organization_id, other.id)
    assert set(resumed) == {one.id, other.id}
    assert (await pause(database, own)).code == 190


async def test_a_code_of_the_number_leaves_its_neighbours_alone(
    database: Database, pauses: ChannelPauses, new_channel: NewChannel
) -> None:
    one, other = await new_channel(), await new_channel()
    await pauses.pause(one.organization_id, one.id, code=131048)
    assert pause_of(await stored(database, other)) is None


async def test_a_refusal_of_what_was_changed_meanwhile_pauses_nothing(
    database: Database, pauses: ChannelPauses, new_channel: NewChannel, keyring: KeyRing
) -> None:
    channel = await new_channel()
    async with database.tenant(channel.organization_id) as session:
        row = await channels.get(session, channel.id, lock=True)
        assert row is not None
        await channels.update(session, row, keyring=keyring, changes={"access_token": "new"})
    organization, revision = channel.organization_id, channel.revision
    refused = await pauses.pause(organization, channel.id, code=190, revision=revision)
    assert refused == "outdated"
    assert pause_of(await stored(database, channel)) is None
    now = await pauses.pause(organization, channel.id, code=190, revision=revision + 1)
    assert now == "paused"


async def test_another_access_token_ends_a_pause_and_another_name_does_not(
    database: Database, pauses: ChannelPauses, new_channel: NewChannel, keyring: KeyRing
) -> None:
    channel = await new_channel()
    await pauses.pause(channel.organization_id, channel.id, code=190)
    for changes, paused in (({"display_phone_number": "+2"}, True), ({"access_token": "x"}, False)):
        async with database.tenant(channel.organization_id) as session:
            row = await channels.get(session, channel.id, lock=True)
            assert row is not None
            await channels.update(session, row, keyring=keyring, changes=dict(changes))
        assert (pause_of(await stored(database, channel)) is not None) is paused


async def test_one_of_all_may_probe_and_then_nobody_for_a_while(
    database: Database, pauses: ChannelPauses, new_channel: NewChannel
) -> None:
    one, other = await new_channel(), await new_channel()
    organization = one.organization_id
    await pauses.pause(organization, one.id, code=368)
    paused = await pause(database, one)
    assert not await pauses.may_probe(organization, one.id, paused)
    await let_time_pass(database, organization)
    # The account is refused as a whole: one probe of any of its numbers is enough.
    answers = await asyncio.gather(
        *(ChannelPauses(database).may_probe(organization, one.id, paused) for _ in range(5)),
        *(ChannelPauses(database).may_probe(organization, other.id, paused) for _ in range(5)),
    )
    assert sum(answers) == 1
    for channel in (one, other):
        probe_at = (await pause(database, channel)).probe_at
        assert probe_at is not None
        assert probe_at - paused.since > timedelta(minutes=50)


async def test_who_is_not_paused_or_gone_needs_no_probe(
    pauses: ChannelPauses, new_channel: NewChannel
) -> None:
    channel = await new_channel()
    made_up = ChannelPause(since=channel.created_at, code=190, reason="", probe_at=None)
    assert not await pauses.may_probe(channel.organization_id, channel.id, made_up)
    assert await pauses.resume(channel.organization_id, channel.id) == []
    gone = channels.new_channel_id()
    assert not await pauses.may_probe(channel.organization_id, gone, made_up)
    assert await pauses.resume(channel.organization_id, gone) == []
    assert await pauses.pause(channel.organization_id, gone, code=190) == "outdated"


async def test_nobody_pauses_another_organisation(
    database: Database, pauses: ChannelPauses, new_channel: NewChannel, pair: Pair
) -> None:
    channel = await new_channel()
    assert await pauses.pause(pair.theirs, ChannelId(channel.id), code=368) == "outdated"
    assert pause_of(await stored(database, channel)) is None


async def test_every_process_hears_of_a_pause(
    database: Database, pauses: ChannelPauses, new_channel: NewChannel, keyring: KeyRing
) -> None:
    channel = await new_channel()
    organization = channel.organization_id
    async with AssistantProfiles(database, keyring) as profiles:
        assert (await profiles.for_channel(organization, channel.id)).pause is None
        await pauses.pause(organization, channel.id, code=190)

        async def paused() -> bool:
            found = (await profiles.for_channel(organization, channel.id)).pause
            return found is not None and found.code == 190

        await eventually(paused)
        await pauses.resume(organization, channel.id)

        async def resumed() -> bool:
            return (await profiles.for_channel(organization, channel.id)).pause is None

        await eventually(resumed)
