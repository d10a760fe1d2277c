"""Consent to proactive messages, business hours, and the words that belong to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from adapters.postgres.database import PLATFORM_ROLE
from migrations.access import count_revisions, protect

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    add_columns()
    create_consents()
    record_known_opt_outs()


def add_columns() -> None:
    op.add_column("whatsapp_users", sa.Column("opted_in_at", sa.DateTime(timezone=True)))
    # Consents refer to people of their own organisation.
    op.create_unique_constraint(None, "whatsapp_users", ["organization_id", "id"])
    count_revisions("whatsapp_users", of=("opted_in_at",), name="parley_revision_consent")
    op.add_column("assistants", sa.Column("business_hours", postgresql.JSONB(none_as_null=True)))
    op.add_column("assistants", sa.Column("stopped_message", sa.Text()))
    op.add_column("assistants", sa.Column("resumed_message", sa.Text()))
    count_revisions(
        "assistants",
        of=("business_hours", "stopped_message", "resumed_message"),
        name="parley_revision_consent",
    )


def create_consents() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("whatsapp_user_id", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), server_default="marketing", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("category IN ('marketing')", name="category"),
        sa.CheckConstraint("state IN ('opted_in', 'opted_out')", name="state"),
        sa.CheckConstraint(
            "source IN ('message', 'user_preferences', 'error_131050', 'api', 'import')",
            name="source",
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["organization_id", "whatsapp_user_id"],
            ["whatsapp_users.organization_id", "whatsapp_users.id"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id"),
        # What is told again is the same event.
        sa.UniqueConstraint(
            "organization_id", "whatsapp_user_id", "category", "occurred_at", "state", "source"
        ),
    )
    op.create_index(
        "ix_consents_list", "consents", ["organization_id", "whatsapp_user_id", "created_at", "id"]
    )
    # Append-only: nobody is granted more. What goes with its person goes by its foreign key.
    protect("consents", tenant_may="SELECT, INSERT", platform_may="SELECT, INSERT")


def record_known_opt_outs() -> None:
    """Operators have noted some already."""
    op.execute(f"SET LOCAL ROLE {PLATFORM_ROLE}")
    op.execute(
        "INSERT INTO consents (id, organization_id, whatsapp_user_id, state, source, occurred_at) "
        "SELECT 'cns_' || split_part(id, '_', 2), organization_id, id, 'opted_out', 'api', "
        "opted_out_at FROM whatsapp_users WHERE opted_out_at IS NOT NULL"
    )
    op.execute("RESET ROLE")
