"""What people consented to, and the galleries that require it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

SORTED = sa.String().with_variant(sa.String(collation="C"), "postgresql")

# PostgreSQL's planner keeps examples of what is in a column, where an erasure does not reach them.
PERSONAL = ["given_by", "reference"]


def upgrade() -> None:
    """Create their table."""
    op.add_column("galleries", sa.Column("consent", SORTED))
    op.create_table(
        "consents",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("gallery", sa.Uuid, sa.ForeignKey("galleries.id", ondelete="CASCADE"), nullable=False),
        sa.Column("speaker", sa.Uuid, sa.ForeignKey("speakers.id", ondelete="CASCADE"), nullable=False),
        sa.Column("given_by", sa.Text),
        sa.Column("reference", sa.Text),
        sa.Column("recorded", sa.DateTime, nullable=False),
        sa.Column("recorded_by", sa.String, nullable=False),
        sa.Column("purpose", SORTED, nullable=False),
        sa.Column("withdrawn_by", sa.String),
        sa.Column("given", sa.DateTime, nullable=False),
        sa.Column("until", sa.DateTime),
        sa.Column("withdrawn", sa.DateTime),
    )
    for column in ("gallery", "speaker"):
        op.create_index(f"ix_consents_{column}", "consents", [column])
    if op.get_context().dialect.name == "postgresql":
        for column in PERSONAL:
            op.execute(f"ALTER TABLE consents ALTER COLUMN {column} SET STATISTICS 0")
