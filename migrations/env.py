"""What Alembic runs for each command: on the connection, and in the transaction, of the caller."""

from alembic import context
from sqlalchemy import Connection, text

from migrations.comparison import COMPARISON, METADATA

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('parley migrations'))")


def run_migrations(connection: Connection) -> None:
    connection.execute(_ONE_AT_A_TIME)
    context.configure(connection=connection, target_metadata=METADATA, **COMPARISON)
    with context.begin_transaction():
        context.run_migrations()


run_migrations(context.config.attributes["connection"])
