"""What vector engines need, settings that hold for everybody, and the files that were exported."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

POSITION = sa.Integer().with_variant(sa.BigInteger(), "postgresql")

# PostgreSQL's planner keeps examples of what is in a column, where an erasure does not reach them.
PERSONAL = {
    "speakers": ["name"],
    "recordings": ["sha256", "source"],
    "samples": ["sha256", "parts", "quality", "forced"],
    "voiceprints": ["vector"],
    "clips": ["sha256"],
    "decisions": ["sha256", "source", "record", "state"],
    "decided_voices": ["label", "vector"],
    "exports": ["path", "sha256"],
}


def upgrade() -> None:
    """Create their tables."""
    op.add_column("models", sa.Column("floor", POSITION, nullable=False, server_default="0"))
    op.create_index("ix_speakers_gallery_id", "speakers", ["gallery", "id"])
    configuration = op.create_table(
        "configuration",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.bulk_insert(configuration, [{"key": "store", "value": uuid4().hex}])  # what tells this store from all others
    op.create_table(
        "exports",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("gallery", sa.Uuid, sa.ForeignKey("galleries.id", ondelete="CASCADE"), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
    )
    if op.get_context().dialect.name == "postgresql":
        for table, columns in PERSONAL.items():
            for column in columns:
                op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")
