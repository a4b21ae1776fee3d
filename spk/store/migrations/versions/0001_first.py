"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# On PostgreSQL: text, which may hold NaN; names that sort by code points; numbers that do not run out.
JSON = sa.JSON().with_variant(sa.Text(), "postgresql")
SORTED = sa.String().with_variant(sa.String(collation="C"), "postgresql")
POSITION = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "galleries",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", SORTED, nullable=False, unique=True),
    )
    op.create_table(
        "speakers",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("gallery", sa.Uuid, sa.ForeignKey("galleries.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", SORTED),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.UniqueConstraint("gallery", "name"),
    )
    op.create_table(
        "recordings",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("gallery", sa.Uuid, sa.ForeignKey("galleries.id", ondelete="CASCADE"), nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("duration", sa.Float, nullable=False),
        sa.UniqueConstraint("gallery", "sha256"),
    )
    op.create_table(
        "samples",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("speaker", sa.Uuid, sa.ForeignKey("speakers.id", ondelete="CASCADE"), nullable=False),
        sa.Column("recording", sa.Uuid, sa.ForeignKey("recordings.id"), nullable=False),
        sa.Column("start", sa.Float, nullable=False),
        sa.Column("end", sa.Float, nullable=False),
        sa.Column("parts", JSON, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("net_seconds", sa.Float, nullable=False),
        sa.Column("quality", JSON, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("forced", JSON, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
    )
    for column in ("speaker", "recording", "sha256"):
        op.create_index(f"ix_samples_{column}", "samples", [column])
    op.create_table(
        "models",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("fingerprint", SORTED, nullable=False, unique=True),
        sa.Column("dim", sa.Integer, nullable=False),
    )
    op.create_table(
        "voiceprints",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("sample", sa.Uuid, sa.ForeignKey("samples.id", ondelete="CASCADE"), nullable=False),
        sa.Column("model", sa.Integer, sa.ForeignKey("models.id"), nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("sample", "model"),
    )
    op.create_table(
        "clips",
        sa.Column("sample", sa.Uuid, sa.ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sha256", sa.String, nullable=False),
    )
    op.create_index("ix_clips_sha256", "clips", ["sha256"])
    op.create_table(
        "outbox",
        sa.Column("sequence", POSITION, primary_key=True),
        sa.Column("model", sa.Integer, sa.ForeignKey("models.id"), nullable=False),
        sa.Column("voiceprint", sa.Uuid, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_model_sequence", "outbox", ["model", "sequence"])
    op.create_table(
        "audit",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
    )
    if op.get_context().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END"
            )
    else:
        op.execute(
            "CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN RAISE EXCEPTION 'the audit log only grows'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()"
        )
