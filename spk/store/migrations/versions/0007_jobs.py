"""Jobs for workers, and what requests were answered."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

# PostgreSQL's planner keeps examples of what is in a column, where an erasure does not reach them.
PERSONAL = {"jobs": ["params", "upload", "url", "secret", "stage", "result", "problem"], "requests": ["body"]}


def upgrade() -> None:
    """Create their tables."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("gallery", sa.Uuid, sa.ForeignKey("galleries.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("upload", sa.Text),
        sa.Column("key", sa.String),
        sa.Column("url", sa.Text),
        sa.Column("secret", sa.Text),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("cancelling", sa.Boolean, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("worker", sa.String),
        sa.Column("lease", sa.DateTime),
        sa.Column("ready", sa.DateTime, nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("problem", sa.Text),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("started", sa.DateTime),
        sa.Column("finished", sa.DateTime),
        sa.Column("told", sa.Integer, nullable=False),
        sa.Column("tell_at", sa.DateTime),
    )
    op.create_index("ix_jobs_gallery", "jobs", ["gallery"])
    op.create_index("ix_jobs_state_created", "jobs", ["state", "created"])
    op.create_index("ix_jobs_tell_at", "jobs", ["tell_at"])
    op.create_table(
        "requests",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("gallery", sa.Uuid, sa.ForeignKey("galleries.id", ondelete="CASCADE")),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("token", sa.Uuid, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("until", sa.DateTime, nullable=False),
        sa.Column("forgotten", sa.Boolean, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("headers", sa.Text),
        sa.Column("body", sa.LargeBinary),
    )
    for column in ("gallery", "created"):
        op.create_index(f"ix_requests_{column}", "requests", [column])
    if op.get_context().dialect.name == "postgresql":
        for table, columns in PERSONAL.items():
            for column in columns:
                op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")
