"""What was heard in recordings, changes that can be undone, and samples that belong to nobody."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

SORTED = sa.String().with_variant(sa.String(collation="C"), "postgresql")

# PostgreSQL's planner keeps examples of what is in a column, where an erasure does not reach them.
PERSONAL = {
    "hearings": ["attendees"],
    "voices": ["label", "vector", "piece_vectors", "pieces", "parts", "sha256", "quality"],
    "turns": ["id"],
    "changes": ["edits"],
}


def upgrade() -> None:
    """Create their tables."""
    with op.batch_alter_table("samples") as samples:
        samples.alter_column("speaker", existing_type=sa.Uuid, nullable=True)
    op.create_table(
        "hearings",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("recording", sa.Uuid, sa.ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False),
        sa.Column("current", sa.Boolean, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("kept", sa.DateTime, nullable=False),
        sa.Column("model", sa.Integer, sa.ForeignKey("models.id"), nullable=False),
        sa.Column("least", sa.Integer),
        sa.Column("point", sa.Text, nullable=False),
        sa.Column("attendees", sa.Text),
        sa.Column("strangers", sa.Boolean, nullable=False),
        sa.Column("corrected", sa.Boolean, nullable=False),
    )
    for column in ("recording", "kept"):
        op.create_index(f"ix_hearings_{column}", "hearings", [column])
    op.create_table(
        "voices",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("hearing", sa.Uuid, sa.ForeignKey("hearings.id", ondelete="CASCADE"), nullable=False),
        sa.Column("label", SORTED, nullable=False),
        sa.Column("vector", sa.LargeBinary),
        sa.Column("pieces", sa.Text, nullable=False),
        sa.Column("piece_vectors", sa.LargeBinary),
        sa.Column("net_seconds", sa.Float, nullable=False),
        sa.Column("heard", sa.Float, nullable=False),
        sa.Column("parts", sa.Text, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("quality", sa.Text, nullable=False),
        sa.Column("mixed", sa.Boolean, nullable=False),
        sa.Column("sample", sa.Uuid, sa.ForeignKey("samples.id", ondelete="SET NULL")),
        sa.Column("said_by", sa.String, nullable=False),
        sa.Column("speaker", sa.Uuid, sa.ForeignKey("speakers.id", ondelete="SET NULL")),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("candidate", sa.Uuid),
        sa.Column("runner_up", sa.Uuid),
        sa.Column("judged_as", sa.Integer),
        sa.Column("score", sa.Float),
        sa.Column("llr", sa.Float),
        sa.Column("margin", sa.Float),
        sa.Column("probability", sa.Float),
        sa.Column("false_alarm", sa.Float),
    )
    for column in ("hearing", "sample", "speaker", "candidate"):
        op.create_index(f"ix_voices_{column}", "voices", [column])
    op.create_table(
        "turns",
        sa.Column("hearing", sa.Uuid, sa.ForeignKey("hearings.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", SORTED, primary_key=True),
        sa.Column("voice", sa.Uuid, sa.ForeignKey("voices.id", ondelete="CASCADE"), nullable=False),
        sa.Column("start", sa.Float, nullable=False),
        sa.Column("end", sa.Float, nullable=False),
        sa.Column("touched", sa.Boolean, nullable=False),
    )
    op.create_index("ix_turns_voice", "turns", ["voice"])
    op.create_table(
        "changes",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("gallery", sa.Uuid, sa.ForeignKey("galleries.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("user", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("edits", sa.Text, nullable=False),
        sa.Column("undone", sa.DateTime),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_changes_gallery", "changes", ["gallery", "number"])
    if op.get_context().dialect.name == "postgresql":
        for table, columns in PERSONAL.items():
            for column in columns:
                op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")
