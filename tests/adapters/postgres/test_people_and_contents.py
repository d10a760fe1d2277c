"""What repositories promise beyond reading and writing a row."""

from adapters.postgres import erasures, whatsapp_users
from adapters.postgres.database import Database
from adapters.postgres.tables import Erasure
from contracts.erasure import Erase
from contracts.ids import ApiKeyId, ErasureId, PersonId
from tests.adapters.postgres.conftest import Pair


async def test_what_a_message_does_not_tell_stays_as_it_was_known(
    database: Database, pair: Pair
) -> None:
    person = PersonId(f"wau_{pair.ours}")
    async with database.tenant(pair.ours) as session:
        await whatsapp_users.remember(
            session, person, organization_id=pair.ours, wa_id="34600", profile_name="Eva"
        )
    async with database.tenant(pair.ours) as session:
        await whatsapp_users.remember(
            session, person, organization_id=pair.ours, user_id="ES.1", profile_name="Eva M."
        )
    async with database.tenant(pair.ours) as session:
        known = await whatsapp_users.get(session, person)
    assert known is not None
    assert (known.wa_id, known.user_id, known.profile_name) == ("34600", "ES.1", "Eva M.")
    assert known.updated_at > known.created_at


async def test_the_erasure_of_a_person_of_another_organisation_removes_nobody(
    database: Database, pair: Pair
) -> None:
    person = PersonId(f"wau_theirs_{pair.theirs}")
    async with database.tenant(pair.theirs) as session:
        await whatsapp_users.remember(session, person, organization_id=pair.theirs, wa_id="34600")
    request = Erase(
        erasure_id=ErasureId(f"era_{pair.ours}"),
        kind="whatsapp_user",
        organization_id=pair.ours,
        subject_id=person,
        requested_by=ApiKeyId("key_1"),
        settle_seconds=0,
    )
    async with database.platform() as session:
        session.add(
            Erasure(
                id=request.erasure_id,
                organization_id=pair.ours,
                kind=request.kind,
                subject_id=person,
                requested_by=request.requested_by,
            )
        )
    assert await erasures.remove_person(database, request) == 0
    async with database.tenant(pair.theirs) as session:
        assert await whatsapp_users.get(session, person) is not None
