"""Calibrations, decisions with their voices, and statistics of profiles."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SORTED = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Create their tables."""
    op.create_table(
        "calibrations",
        sa.Column("gallery", sa.Uuid, sa.ForeignKey("galleries.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("recipe", sa.String, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("in_use", sa.Boolean, nullable=False),
    )
    op.create_index(
        *("ix_calibrations_in_use", "calibrations", ["gallery"]),
        unique=True,
        sqlite_where=sa.text("in_use"),
        postgresql_where=sa.text("in_use"),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("gallery", sa.Uuid, sa.ForeignKey("galleries.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("state", sa.Text),
    )
    op.create_index("ix_decisions_gallery_created", "decisions", ["gallery", "created"])
    op.create_table(
        "decided_voices",
        sa.Column("decision", sa.Uuid, sa.ForeignKey("decisions.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("label", SORTED, primary_key=True),
        sa.Column("speaker", sa.Uuid, sa.ForeignKey("speakers.id", ondelete="SET NULL")),
        sa.Column("vector", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_decided_voices_speaker", "decided_voices", ["speaker"])
    op.create_table(
        "profile_statistics",
        sa.Column("speaker", sa.Uuid, sa.ForeignKey("speakers.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("calibration", sa.String, primary_key=True),
        sa.Column("samples", sa.String, nullable=False),
        sa.Column("mean", sa.Float, nullable=False),
        sa.Column("deviation", sa.Float, nullable=False),
    )
