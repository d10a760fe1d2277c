"""What administration needs: revisions of rows, quotas, usage, the audit log, erasures."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.access import (
    announce_changes,
    count_revisions,
    create_revision_count,
    protect,
)

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

COUNTED = {
    "organizations": (
        "name", "timezone", "settings", "quotas", "openai_api_key_encrypted", "openai_base_url",
    ),
    "api_keys": ("name", "role", "expires_at", "revoked_at", "requests_per_minute"),
    "assistants": (
        "name", "instructions", "model", "temperature", "model_parameters", "knowledge_base_ids",
        "welcome_message", "fallback_message", "unsupported_message", "slow_down_message",
        "quota_message", "handoff", "tools", "debounce_seconds", "language",
    ),
    "channels": (
        "waba_id", "display_phone_number", "assistant_id", "access_token_encrypted",
        "app_secret_encrypted", "verify_token_encrypted",
    ),
    "knowledge_bases": ("name", "description", "language"),
    "documents": ("title",),
    "whatsapp_users": ("name", "attributes", "opted_out_at"),
}  # fmt: skip


def upgrade() -> None:
    add_columns()
    create_revision_count()
    for table, columns in COUNTED.items():
        count_revisions(table, of=columns)
    replace_usage_metrics()
    create_audit_log()
    create_erasures()
    index_lists()


def add_columns() -> None:
    for table in COUNTED:
        revision = sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False)
        op.add_column(table, revision)
    op.add_column("organizations", sa.Column("deleting_at", sa.DateTime(timezone=True)))
    op.add_column("api_keys", sa.Column("requests_per_minute", sa.Integer()))
    # Every process knows a key by these; that it was used is still announced to nobody.
    op.execute("DROP TRIGGER parley_configuration ON api_keys")
    announce_changes("api_keys", of="name, role, revoked_at, expires_at, requests_per_minute")
    op.add_column("assistants", sa.Column("slow_down_message", sa.Text()))
    op.add_column("assistants", sa.Column("quota_message", sa.Text()))
    op.add_column(
        "channels",
        sa.Column("verification", postgresql.JSONB(), server_default="{}", nullable=False),
    )
    op.alter_column("whatsapp_users", "name", new_column_name="profile_name")
    op.add_column("whatsapp_users", sa.Column("name", sa.Text()))


def replace_usage_metrics() -> None:
    """Nothing has been written to the old one."""
    op.drop_table("usage_metrics")
    op.create_table(
        "usage_metrics",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("quarter", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "organization_id",
            "quarter",
            "channel_id",
            "model",
            "metric",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "usage_rollups",
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("rolled_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("organization_id"),
    )
    for table in ("usage_metrics", "usage_rollups"):
        protect(table, tenant_may="SELECT, INSERT, UPDATE, DELETE")
    op.execute("GRANT USAGE ON SEQUENCE usage_metrics_id_seq TO parley_tenant, parley_platform")


def create_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=True),
        sa.Column("api_key_id", sa.Text(), nullable=False),
        sa.Column("api_key_name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("resource_type", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("after", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_audit_log_list", "audit_log", ["organization_id", "created_at", "id"])
    op.create_index(
        "ix_audit_log_resource_id",
        "audit_log",
        ["organization_id", "resource_id", "created_at", "id"],
    )
    op.create_index(
        "ix_audit_log_api_key_id",
        "audit_log",
        ["organization_id", "api_key_id", "created_at", "id"],
    )
    # Append-only: nobody is granted more. What goes with its organisation goes by its foreign key.
    protect("audit_log", tenant_may="SELECT, INSERT", platform_may="SELECT, INSERT")


def create_erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("removed", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('organization', 'whatsapp_user')", name="kind"),
        sa.CheckConstraint("status IN ('running', 'finished')", name="status"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_erasures_list", "erasures", ["organization_id", "created_at", "id"])
    op.create_index("ix_erasures_all", "erasures", ["created_at", "id"])
    protect("erasures", tenant_may="SELECT, INSERT")


def index_lists() -> None:
    """Lists and filters that would otherwise read and sort a whole table."""
    op.create_index("ix_organizations_list", "organizations", ["created_at", "id"])
    op.create_index("ix_api_keys_list", "api_keys", ["organization_id", "created_at", "id"])
    op.create_index(
        "ix_whatsapp_users_opted_out",
        "whatsapp_users",
        ["organization_id", "created_at", "id"],
        postgresql_where=sa.text("opted_out_at IS NOT NULL"),
    )
    # A hash takes a name of any length.
    op.create_index(
        "ix_whatsapp_users_username", "whatsapp_users", ["username"], postgresql_using="hash"
    )
