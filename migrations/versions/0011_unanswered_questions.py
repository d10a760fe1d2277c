"""Questions that found no answer in a knowledge base."""

import sqlalchemy as sa
from alembic import op

from migrations.access import protect

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "unanswered_questions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("knowledge_base_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("last_asked_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["organization_id", "knowledge_base_id"],
            ["knowledge_bases.organization_id", "knowledge_bases.id"],
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "person_id"],
            ["whatsapp_users.organization_id", "whatsapp_users.id"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organization_id", "question_id", "person_id"),
    )
    op.create_index(
        "ix_unanswered_questions_list",
        "unanswered_questions",
        ["knowledge_base_id", "last_asked_at"],
    )
    op.create_index(
        "ix_unanswered_questions_person", "unanswered_questions", ["organization_id", "person_id"]
    )
    op.create_index(
        "ix_unanswered_questions_age", "unanswered_questions", ["organization_id", "last_asked_at"]
    )
    protect("unanswered_questions", tenant_may="SELECT, INSERT, UPDATE, DELETE")


def downgrade() -> None:
    op.drop_table("unanswered_questions")
