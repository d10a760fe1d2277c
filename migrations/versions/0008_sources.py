"""Sources that keep a knowledge base current, and what became of each look at them."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.access import count_revisions, protect

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None

MOMENT = sa.DateTime(timezone=True)
EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
DOCUMENT_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "source_id": sa.Text(),
    "source_key": sa.Text(),
    "url": sa.Text(),
    "source_etag": sa.Text(),
    "source_last_modified": sa.Text(),
    "source_digest": sa.Text(),
    "source_missing_since": MOMENT,
}


def upgrade() -> None:
    _make_sources()
    for name, kind in DOCUMENT_COLUMNS.items():
        op.add_column("documents", sa.Column(name, kind))
    op.create_unique_constraint(None, "documents", ["source_id", "source_key"])
    op.create_foreign_key(
        "documents_organization_id_source_id_fkey", "documents", "sources",
        ["organization_id", "source_id"], ["organization_id", "id"], ondelete="CASCADE",
    )  # fmt: skip
    _make_runs()
    _make_items()


def downgrade() -> None:
    op.drop_constraint("documents_organization_id_source_id_fkey", "documents")
    for name in DOCUMENT_COLUMNS:
        op.drop_column("documents", name)
    for table in ("source_run_items", "source_runs", "sources"):
        op.drop_table(table)


def _make_sources() -> None:
    op.create_table(
        "sources",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("knowledge_base_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), server_default="text", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("content_sha256", sa.Text()),
        sa.Column("schedule", postgresql.JSONB(none_as_null=True)),
        sa.Column("paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("last_run_at", MOMENT),
        sa.Column("next_run_at", MOMENT),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "type IN ('text', 'faq', 'url', 'sitemap', 'crawl', 's3')", name="source_type"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["organization_id", "knowledge_base_id"],
            ["knowledge_bases.organization_id", "knowledge_bases.id"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organization_id", "id"),
    )
    op.create_index("ix_sources_list", "sources", ["knowledge_base_id", "created_at", "id"])
    op.create_index("ix_sources_content", "sources", ["organization_id", "content_sha256"])
    protect("sources", tenant_may=EVERYTHING)
    count_revisions("sources", of=("name", "settings", "content_sha256", "schedule", "paused"))


def _make_runs() -> None:
    op.create_table(
        "source_runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text()),
        sa.Column("trigger", sa.Text(), server_default="schedule", nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("complete", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("decided", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("added", "changed", "unchanged", "removed", "failed")
        ),
        sa.Column("started_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'succeeded', 'partly', 'failed')",
            name="source_run_status",
        ),
        sa.CheckConstraint("trigger IN ('schedule', 'manual')", name="source_run_trigger"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["organization_id", "source_id"],
            ["sources.organization_id", "sources.id"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organization_id", "id"),
    )
    op.create_index("ix_source_runs_organization_id", "source_runs", ["organization_id"])
    op.create_index("ix_source_runs_list", "source_runs", ["source_id", "created_at", "id"])
    protect("source_runs", tenant_may=EVERYTHING)


def _make_items() -> None:
    op.create_table(
        "source_run_items",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text()),
        sa.Column("url", sa.Text()),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("etag", sa.Text()),
        sa.Column("outcome", sa.Text(), server_default="pending", nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("document_id", sa.Text()),
        sa.Column("replaced_sha256", sa.Text()),
        sa.CheckConstraint(
            "outcome IN ('pending', 'added', 'changed', 'unchanged', 'removed', 'gone', 'skipped', "
            "'failed')",
            name="source_run_item_outcome",
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["organization_id", "run_id"],
            ["source_runs.organization_id", "source_runs.id"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "key"),
    )
    op.create_index("ix_source_run_items_organization_id", "source_run_items", ["organization_id"])
    op.create_index("ix_source_run_items_list", "source_run_items", ["run_id", "position"])
    protect("source_run_items", tenant_may=EVERYTHING)
