"""The tables. Ids are UUIDs made by us; names live in two columns only, so that they can be erased.

SQLAlchemy's Core, not its object mapper: the records are our own, and the mapper costs every command 40 ms.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    text,
)

__all__ = [
    "api_keys",
    "audit",
    "calibrations",
    "changes",
    "clips",
    "configuration",
    "consents",
    "decided_voices",
    "decisions",
    "ended_sessions",
    "exports",
    "from_bytes",
    "galleries",
    "hearings",
    "jobs",
    "metadata",
    "models",
    "outbox",
    "profile_statistics",
    "recordings",
    "requests",
    "samples",
    "speakers",
    "to_bytes",
    "turns",
    "voiceprints",
    "voices",
    "waveforms",
]


class Moment(TypeDecorator[datetime]):
    """A point in time, kept as UTC: SQLite forgets the zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        return value and value.replace(tzinfo=UTC)


class JsonText(TypeDecorator[Any]):
    """JSON as text: PostgreSQL's own type refuses NaN, which SQLite stores. None is SQL's NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        return value and json.loads(value)


_Json = JSON().with_variant(JsonText, "postgresql")
_Sorted = String().with_variant(String(collation="C"), "postgresql")  # by code points, as SQLite does
_Position = Integer().with_variant(BigInteger, "postgresql")


def to_bytes(vector: NDArray[np.float32]) -> bytes:
    """A vector as it is stored: float32, little-endian."""
    return vector.astype("<f4").tobytes()


def from_bytes(*stored: bytes) -> NDArray[np.float32]:
    """Stored vectors of one model as a matrix (n, dim), float32."""
    return np.frombuffer(b"".join(stored), dtype="<f4").astype(np.float32).reshape(len(stored), -1)


metadata = MetaData()

galleries = Table(
    "galleries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", _Sorted, nullable=False, unique=True),
    Column("consent", _Sorted),  # the purpose for which people here must have consented; None: for none
)

speakers = Table(
    "speakers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("gallery", Uuid, ForeignKey("galleries.id", ondelete="CASCADE"), nullable=False),
    Column("name", _Sorted),
    Column("state", String, nullable=False),
    Column("created", Moment, nullable=False),
    UniqueConstraint("gallery", "name"),
    Index("ix_speakers_gallery_id", "gallery", "id"),  # without it SQLite goes through a gallery to find a few of it
)

# Added, and ended; never edited. `given_by` is None where the person gave it. In a file, `recorded_by` to
# `withdrawn_by` stand one after the other, as an erasure's proof expects of names of users.
consents = Table(
    "consents",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("gallery", Uuid, ForeignKey("galleries.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("speaker", Uuid, ForeignKey("speakers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("given_by", Text),
    Column("reference", Text),
    Column("recorded", Moment, nullable=False),
    Column("recorded_by", String, nullable=False),
    Column("purpose", _Sorted, nullable=False),
    Column("withdrawn_by", String),
    Column("given", Moment, nullable=False),
    Column("until", Moment),
    Column("withdrawn", Moment),
)

recordings = Table(
    "recordings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("gallery", Uuid, ForeignKey("galleries.id", ondelete="CASCADE"), nullable=False),
    Column("sha256", String, nullable=False),
    Column("source", Text, nullable=False),
    Column("duration", Float, nullable=False),
    UniqueConstraint("gallery", "sha256"),
)

samples = Table(
    "samples",
    metadata,
    Column("id", Uuid, primary_key=True),
    # None: nobody's. Nothing that joins speakers finds it; it waits to be given to somebody, or back.
    Column("speaker", Uuid, ForeignKey("speakers.id", ondelete="CASCADE"), index=True),
    Column("recording", Uuid, ForeignKey("recordings.id"), nullable=False, index=True),
    Column("start", Float, nullable=False),
    Column("end", Float, nullable=False),
    Column("parts", _Json, nullable=False),
    Column("sha256", String, nullable=False, index=True),
    Column("net_seconds", Float, nullable=False),
    Column("quality", _Json, nullable=False),
    Column("origin", String, nullable=False),
    Column("forced", _Json, nullable=False),
    Column("created", Moment, nullable=False),
)

models = Table(
    "models",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", _Sorted, nullable=False, unique=True),
    Column("dim", Integer, nullable=False),
    # Changes up to here are not in the outbox any more: an engine that has not got them is filled anew.
    Column("floor", _Position, nullable=False, server_default="0"),
)

voiceprints = Table(
    "voiceprints",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("sample", Uuid, ForeignKey("samples.id", ondelete="CASCADE"), nullable=False),
    Column("model", Integer, ForeignKey("models.id"), nullable=False),
    Column("vector", LargeBinary, nullable=False),
    UniqueConstraint("sample", "model"),
)

clips = Table(
    "clips",
    metadata,
    Column("sample", Uuid, ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True),
    Column("sha256", String, nullable=False, index=True),
)

# What a vector engine replays: which voiceprint changed. What it is now is read from `voiceprints`.
outbox = Table(
    "outbox",
    metadata,
    Column("sequence", _Position, primary_key=True),
    Column("model", Integer, ForeignKey("models.id"), nullable=False),
    Column("voiceprint", Uuid, nullable=False),
    Index("ix_outbox_model_sequence", "model", "sequence"),
    sqlite_autoincrement=True,  # a number is never given twice
)

audit = Table(
    "audit",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("entry", Text, nullable=False),
    Column("hash", String, nullable=False),
)

# By content: the id is a hash of the record. Without one in use, a gallery is judged by the calibration that ships.
calibrations = Table(
    "calibrations",
    metadata,
    Column("gallery", Uuid, ForeignKey("galleries.id", ondelete="CASCADE"), primary_key=True),
    Column("id", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("model", String, nullable=False),
    Column("recipe", String, nullable=False),
    Column("record", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("in_use", Boolean, nullable=False),
    # One at most.
    Index(
        *("ix_calibrations_in_use", "gallery"),
        unique=True,
        sqlite_where=text("in_use"),
        postgresql_where=text("in_use"),
    ),
)

# What was said of a recording. `state` is what the scorer took from everybody's voiceprints: it goes when one of
# them is erased.
decisions = Table(
    "decisions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("gallery", Uuid, ForeignKey("galleries.id", ondelete="CASCADE"), nullable=False),
    Column("created", Moment, nullable=False),
    Column("kind", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("source", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("state", Text),
    Index("ix_decisions_gallery_created", "gallery", "created"),
)

# `speaker` is who the voice is, or may be: with that person the decision is erased.
decided_voices = Table(
    "decided_voices",
    metadata,
    Column("decision", Uuid, ForeignKey("decisions.id", ondelete="CASCADE"), primary_key=True),
    Column("label", _Sorted, primary_key=True),
    Column("speaker", Uuid, ForeignKey("speakers.id", ondelete="SET NULL"), index=True),
    Column("vector", LargeBinary, nullable=False),
)

# Scores of profiles against a calibration's cohort. `samples` says of which samples; others make it stale.
profile_statistics = Table(
    "profile_statistics",
    metadata,
    Column("speaker", Uuid, ForeignKey("speakers.id", ondelete="CASCADE"), primary_key=True),
    Column("calibration", String, primary_key=True),
    Column("samples", String, nullable=False),
    Column("mean", Float, nullable=False),
    Column("deviation", Float, nullable=False),
)

# What holds for everybody who works on these voiceprints, such as which vector engine searches them.
configuration = Table(
    "configuration",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)

# Files that were written with people's voiceprints in them, so that an erasure reaches them.
exports = Table(
    "exports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("gallery", Uuid, ForeignKey("galleries.id", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", String, nullable=False),
    Column("created", Moment, nullable=False),
)

# What was heard in a recording, and how it was to be judged. One of a recording is current; the others are what a
# change put aside, and an undo puts back. In the order of `created`, they can all be judged again: that is when the
# recording was first listened to, `kept` when it was last.
hearings = Table(
    "hearings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("recording", Uuid, ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("current", Boolean, nullable=False),
    Column("created", Moment, nullable=False),
    Column("kept", Moment, nullable=False, index=True),
    Column("model", Integer, ForeignKey("models.id"), nullable=False),
    Column("least", Integer),
    Column("point", JsonText, nullable=False),
    Column("attendees", JsonText),
    Column("strangers", Boolean, nullable=False),
    Column("corrected", Boolean, nullable=False),
)

# One voice of a hearing: what it sounds like, then whose it is said to be, by whom (`said_by`) and by what numbers.
# `sample` is what somebody's profile learnt from it.
voices = Table(
    "voices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("hearing", Uuid, ForeignKey("hearings.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("label", _Sorted, nullable=False),
    Column("vector", LargeBinary),
    Column("pieces", JsonText, nullable=False),
    Column("piece_vectors", LargeBinary),
    Column("net_seconds", Float, nullable=False),
    Column("heard", Float, nullable=False),
    Column("parts", JsonText, nullable=False),
    Column("sha256", String, nullable=False),
    Column("quality", JsonText, nullable=False),
    Column("mixed", Boolean, nullable=False),
    Column("sample", Uuid, ForeignKey("samples.id", ondelete="SET NULL"), index=True),
    Column("said_by", String, nullable=False),
    Column("speaker", Uuid, ForeignKey("speakers.id", ondelete="SET NULL"), index=True),
    Column("verdict", String, nullable=False),
    Column("candidate", Uuid, index=True),
    Column("runner_up", Uuid),
    Column("judged_as", Integer),
    Column("score", Float),
    Column("llr", Float),
    Column("margin", Float),
    Column("probability", Float),
    Column("false_alarm", Float),
)

turns = Table(
    "turns",
    metadata,
    Column("hearing", Uuid, ForeignKey("hearings.id", ondelete="CASCADE"), primary_key=True),
    Column("id", _Sorted, primary_key=True),
    Column("voice", Uuid, ForeignKey("voices.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("start", Float, nullable=False),
    Column("end", Float, nullable=False),
    Column("touched", Boolean, nullable=False),
)

# How loud a recording is over time, as `spk.store.heard.NewHearing` has it: to be drawn, not to be listened to.
waveforms = Table(
    "waveforms",
    metadata,
    Column("recording", Uuid, ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True),
    Column("levels", LargeBinary, nullable=False),
)

# What people and commands changed, so that it can be undone: see `spk.store.changes`.
changes = Table(
    "changes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("gallery", Uuid, ForeignKey("galleries.id", ondelete="CASCADE"), nullable=False),
    Column("created", Moment, nullable=False),
    Column("user", String, nullable=False),
    Column("what", String, nullable=False),
    Column("edits", Text, nullable=False),
    Column("undone", Moment),
    Index("ix_changes_gallery", "gallery", "number"),
    sqlite_autoincrement=True,
)

# Who may ask the service for what. `user` is what the audit log calls them; the secret itself is kept nowhere.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("user", String, nullable=False, unique=True),
    Column("hash", String, nullable=False),
    Column("scopes", JsonText, nullable=False),
    Column("galleries", JsonText),
    Column("created", Moment, nullable=False),
    Column("expires", Moment),
    Column("used", Moment),
    Column("revoked", Moment),
)

# Whoever has logged out of the pages, for as long as the cookie would be good; the id is a hash of the session's.
ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("id", String, primary_key=True),
    Column("until", Moment, nullable=False),
)

# Work for workers, see `spk.store.jobs`. Whoever takes a job counts `token` up, and may write to it as long as that
# stands. `tell_at` is when its webhook is told next that it has ended; it has `told` so often.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("gallery", Uuid, ForeignKey("galleries.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("params", JsonText, nullable=False),
    Column("upload", Text),
    Column("key", String),
    Column("url", Text),
    Column("secret", Text),
    Column("state", String, nullable=False),
    Column("cancelling", Boolean, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("stage", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("token", Integer, nullable=False),
    Column("worker", String),
    Column("lease", Moment),
    Column("ready", Moment, nullable=False),
    Column("result", JsonText),
    Column("problem", JsonText),
    Column("created", Moment, nullable=False),
    Column("started", Moment),
    Column("finished", Moment),
    Column("told", Integer, nullable=False),
    Column("tell_at", Moment, index=True),
    Index("ix_jobs_state_created", "state", "created"),
)

# What requests with an idempotency key were answered, see `spk.store.requests`: the id is a hash of whose it is and
# of that key. It has no status while it is worked on, which is at most `until`.
requests = Table(
    "requests",
    metadata,
    Column("id", String, primary_key=True),
    Column("gallery", Uuid, ForeignKey("galleries.id", ondelete="CASCADE"), index=True),
    Column("hash", String, nullable=False),
    Column("token", Uuid, nullable=False),
    Column("created", Moment, nullable=False, index=True),
    Column("until", Moment, nullable=False),
    Column("forgotten", Boolean, nullable=False),
    Column("status", Integer),
    Column("headers", JsonText),
    Column("body", LargeBinary),
)
