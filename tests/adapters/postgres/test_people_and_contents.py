"""What repositories promise beyond reading and writing a row."""

from adapters.postgres import whatsapp_users
from adapters.postgres.database import Database
from contracts.ids import PersonId
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
