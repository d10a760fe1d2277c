"""A vector for each part of a passage."""

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column(
        "passage_embeddings",
        sa.Column("part", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.drop_constraint("passage_embeddings_pkey", "passage_embeddings")
    op.create_primary_key(
        "passage_embeddings_pkey",
        "passage_embeddings",
        ["passage_id", "part", "model", "dimension"],
    )


def downgrade() -> None:
    op.drop_constraint("passage_embeddings_pkey", "passage_embeddings")
    op.execute("DELETE FROM passage_embeddings WHERE part > 0")
    op.drop_column("passage_embeddings", "part")
    op.create_primary_key(
        "passage_embeddings_pkey", "passage_embeddings", ["passage_id", "model", "dimension"]
    )
