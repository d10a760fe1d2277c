"""Embedding spaces: a knowledge base has its own model, and moves from one to another."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from migrations.access import count_revisions

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None

INDEXED: Final = (256, 384, 512, 768, 1024, 1536)
HALVED: Final = (2048, 3072)
"""Dimensions of the common models. Above 2,000 pgvector's HNSW takes half precision only."""


def upgrade() -> None:
    make_room_for_spaces()
    index_vectors()
    # Whose vectors there are belongs to the first space that the knowledge base has.
    op.add_column(
        "passages",
        sa.Column("space_number", sa.Integer(), server_default=sa.text("1"), nullable=False),
    )
    op.alter_column("passages", "space_number", server_default=sa.text("0"))
    one = sa.text("1")
    op.add_column(
        "knowledge_bases",
        sa.Column("space_number", sa.Integer(), server_default=one, nullable=False),
    )
    op.add_column(
        "knowledge_bases",
        sa.Column("spaces_made", sa.Integer(), server_default=one, nullable=False),
    )
    for column in (
        sa.Column("requested_dimension", sa.Integer()),
        sa.Column("next_space_number", sa.Integer()),
        sa.Column("next_embedding_model", sa.Text()),
        sa.Column("next_requested_dimension", sa.Integer()),
        sa.Column("next_embedding_dimension", sa.Integer()),
        sa.Column("reindexing_error", sa.Text()),
    ):
        op.add_column("knowledge_bases", column)
    op.add_column(
        "knowledge_bases",
        sa.Column("reindexing_progress", sa.Float(), server_default=sa.text("0"), nullable=False),
    )
    count_revisions(
        "knowledge_bases",
        of=("embedding_model", "requested_dimension", "next_space_number"),
        name="parley_revision_space",
    )


def make_room_for_spaces() -> None:
    """One vector of a passage for each space, in place of one."""
    op.add_column(
        "passage_embeddings",
        # Computed, because the migrating role sees no row that it could update.
        sa.Column("dimension", sa.Integer(), sa.Computed("vector_dims(embedding)", persisted=True)),
    )
    op.drop_constraint("passage_embeddings_pkey", "passage_embeddings")
    op.create_primary_key(
        "passage_embeddings_pkey", "passage_embeddings", ["passage_id", "model", "dimension"]
    )


def index_vectors() -> None:
    for kind, dimensions in (("vector", INDEXED), ("halfvec", HALVED)):
        for dimension in dimensions:
            op.execute(
                f"CREATE INDEX ix_passage_embeddings_hnsw_{dimension} ON passage_embeddings "
                f"USING hnsw ((embedding::{kind}({dimension})) {kind}_cosine_ops) "
                f"WHERE dimension = {dimension}"
            )


def downgrade() -> None:
    op.execute("DROP TRIGGER parley_revision_space ON knowledge_bases")
    for column in (
        "reindexing_progress", "reindexing_error", "next_embedding_dimension",
        "next_requested_dimension", "next_embedding_model", "next_space_number",
        "requested_dimension", "spaces_made", "space_number",
    ):  # fmt: skip
        op.drop_column("knowledge_bases", column)
    op.drop_column("passages", "space_number")
    for dimension in (*INDEXED, *HALVED):
        op.drop_index(f"ix_passage_embeddings_hnsw_{dimension}", "passage_embeddings")
    op.drop_constraint("passage_embeddings_pkey", "passage_embeddings")
    op.drop_column("passage_embeddings", "dimension")
    op.create_primary_key("passage_embeddings_pkey", "passage_embeddings", ["passage_id"])
