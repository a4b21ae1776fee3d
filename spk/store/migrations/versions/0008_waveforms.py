"""How loud recordings are over time, to be drawn."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create their table."""
    op.create_table(
        "waveforms",
        sa.Column(
            "recording", sa.Uuid, sa.ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True, nullable=False
        ),
        sa.Column("levels", sa.LargeBinary, nullable=False),
    )
