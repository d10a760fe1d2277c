"""What a channel needs to be paused, and to keep within its number's throughput."""

import sqlalchemy as sa
from alembic import op

from migrations.access import count_revisions

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

COUNTED = (
    "waba_id", "display_phone_number", "assistant_id", "access_token_encrypted",
    "app_secret_encrypted", "verify_token_encrypted", "messages_per_second",
)  # fmt: skip


def upgrade() -> None:
    op.add_column("channels", sa.Column("paused_at", sa.DateTime(timezone=True)))
    op.add_column("channels", sa.Column("paused_code", sa.Integer()))
    op.add_column("channels", sa.Column("paused_reason", sa.Text()))
    op.add_column("channels", sa.Column("probe_at", sa.DateTime(timezone=True)))
    op.add_column(
        "channels",
        sa.Column("messages_per_second", sa.Integer(), server_default="80", nullable=False),
    )
    # A pause is nobody's change; the throughput is an administrator's.
    op.execute("DROP TRIGGER parley_revision ON channels")
    count_revisions("channels", of=COUNTED)
