"""Progress of an ingestion in passages, warnings of the parser, and vectors that are paid once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.access import count_revisions, protect

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("staged_count", sa.Integer()))
    op.add_column(
        "documents",
        sa.Column("embedded_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column(
        "documents",
        sa.Column("warnings", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    # A content is needed by whoever has it and by whoever is still searched with it.
    op.create_index(
        "ix_documents_active_content", "documents", ["organization_id", "active_sha256"]
    )
    count_revisions(
        "documents",
        of=("content_sha256", "filename", "media_type", "size_bytes"),
        name="parley_revision_content",
    )
    create_kept_embeddings()


def create_kept_embeddings() -> None:
    op.create_table(
        "kept_embeddings",
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("input_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("request_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("made_for", sa.Integer(), nullable=False),
        sa.Column("used_by", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["organization_id", "document_id"],
            ["documents.organization_id", "documents.id"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", "model", "dimension", "input_sha256"),
    )
    op.create_index("ix_kept_embeddings_organization_id", "kept_embeddings", ["organization_id"])
    # Floats hardly compress: out of line as they are, and untouched when `used_by` changes.
    op.execute("ALTER TABLE kept_embeddings ALTER COLUMN vector SET STORAGE EXTERNAL")
    protect("kept_embeddings", tenant_may="SELECT, INSERT, UPDATE, DELETE")


def downgrade() -> None:
    op.drop_table("kept_embeddings")
    op.execute("DROP TRIGGER parley_revision_content ON documents")
    op.drop_index("ix_documents_active_content", "documents")
    op.drop_column("documents", "warnings")
    op.drop_column("documents", "embedded_count")
    op.drop_column("documents", "staged_count")
