"""The template that asks a person to write again when their service window has closed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.access import count_revisions

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column(
        "assistants", sa.Column("reopening_template", postgresql.JSONB(none_as_null=True))
    )
    count_revisions("assistants", of=("reopening_template",), name="parley_revision_reopening")


def downgrade() -> None:
    op.execute("DROP TRIGGER parley_revision_reopening ON assistants")
    op.drop_column("assistants", "reopening_template")
