"""Who may see which rows, and who hears of changes: what a revision says of each of its tables.

Row-level security is forced, and the roles are granted without inheritance (PostgreSQL 16+): the
owner of the tables, too, sees nothing until it has taken a role with `SET ROLE`. Only a superuser
passes. The predicates are one equality each, so that an index on the organisation serves them.
"""

from alembic import op

from adapters.postgres.database import PLATFORM_ROLE, RESEALING_SETTING, TENANT_ROLE

CONFIGURATION_CHANNEL = "parley_configuration"
"""Channel of LISTEN/NOTIFY; the payload is JSON with `table`, `id` and `organization_id`."""

_CREATE_ROLE = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
    CREATE ROLE {role} NOLOGIN;
  END IF;
EXCEPTION
  -- Roles belong to the cluster: another database's migration has just made it.
  WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""

_GRANT_ROLE = """
DO $$ BEGIN
  FOR attempt IN 1..50 LOOP
    EXIT WHEN EXISTS (
      SELECT FROM pg_auth_members
      WHERE roleid = '{role}'::regrole AND member = current_user::regrole
        AND set_option AND NOT inherit_option
    );
    BEGIN
      EXECUTE format('GRANT {role} TO %I WITH INHERIT FALSE, SET TRUE', current_user);
    EXCEPTION
      -- Another database's migration is granting the same: "tuple concurrently updated".
      WHEN internal_error OR unique_violation THEN PERFORM pg_sleep(0.02);
    END;
  END LOOP;
END $$
"""

_REVISION_FUNCTION = f"""
CREATE FUNCTION parley_count_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- The same secret under another key: nobody has changed anything.
  IF current_setting('{RESEALING_SETTING}', true) = 'on' THEN
    RETURN NEW;
  END IF;
  NEW.revision := OLD.revision + 1;
  RETURN NEW;
END $$
"""

_NOTIFY_FUNCTION = f"""
CREATE FUNCTION parley_notify_configuration() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
BEGIN
  PERFORM pg_notify('{CONFIGURATION_CHANNEL}', json_build_object(
    'table', TG_TABLE_NAME,
    'id', changed ->> 'id',
    'organization_id', CASE WHEN TG_TABLE_NAME = 'organizations'
      THEN changed ->> 'id' ELSE changed ->> 'organization_id' END
  )::text);
  RETURN NULL;
END $$
"""


def create_roles() -> None:
    """Make the roles of the application and let the migrating user take them."""
    for role in (TENANT_ROLE, PLATFORM_ROLE):
        op.execute(_CREATE_ROLE.format(role=role))
        op.execute(_GRANT_ROLE.format(role=role))


def protect(
    table: str,
    *,
    tenant_column: str = "organization_id",
    tenant_may: str,
    platform_may: str = "SELECT, INSERT, UPDATE, DELETE",
) -> None:
    """Let a tenant reach only the rows whose `tenant_column` is its own, the platform all of them.

    Args:
        table: its rows are hidden from everyone else.
        tenant_column: holds the organisation's id. NULL is nobody's.
        tenant_may: privileges of the tenant, e.g. `SELECT, INSERT`.
        platform_may: privileges of the platform.
    """
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    own = f"{tenant_column} = current_setting('parley.organization_id', true)"
    op.execute(f"CREATE POLICY tenant ON {table} TO {TENANT_ROLE} USING ({own}) WITH CHECK ({own})")
    op.execute(f"CREATE POLICY platform ON {table} TO {PLATFORM_ROLE} USING (true)")
    op.execute(f"GRANT {tenant_may} ON {table} TO {TENANT_ROLE}")
    op.execute(f"GRANT {platform_may} ON {table} TO {PLATFORM_ROLE}")


def create_change_notifications() -> None:
    op.execute(_NOTIFY_FUNCTION)


def announce_changes(table: str, *, of: str | None = None) -> None:
    """Tell every process when a row of `table` changes, once the change is committed.

    Args:
        table: has an `id`, and an `organization_id` unless it is `organizations`.
        of: the columns whose update counts; by default any.
    """
    update = "UPDATE" if of is None else f"UPDATE OF {of}"
    op.execute(
        f"CREATE TRIGGER parley_configuration AFTER INSERT OR {update} OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION parley_notify_configuration()"
    )


def create_revision_count() -> None:
    op.execute(_REVISION_FUNCTION)


def count_revisions(table: str, *, of: tuple[str, ...], name: str = "parley_revision") -> None:
    """Count a row's `revision` up whenever one of the columns gets another value, by whomever.

    Args:
        of: what an administrator sees and changes; progress and the like do not count, and
            neither does the rotation of keys.
        name: of the trigger; a later revision's columns get one of their own. However many of them
            see a change, it counts as one.
    """
    before = ", ".join(f"OLD.{column}" for column in of)
    after = ", ".join(f"NEW.{column}" for column in of)
    op.execute(
        f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW "
        f"WHEN (ROW({before}) IS DISTINCT FROM ROW({after})) "
        "EXECUTE FUNCTION parley_count_revision()"
    )
