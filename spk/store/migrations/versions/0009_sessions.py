"""Sessions of the pages that somebody has logged out of."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create their table."""
    op.create_table(
        "ended_sessions",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("until", sa.DateTime, nullable=False),
    )
