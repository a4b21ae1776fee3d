"""What is kept about one person, as files for that person to read; nobody else is named in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, or_, select

from spk.store import audit, consenting, decisions, hearings, queries, tables
from spk.store.erasure.pseudonyms import Called
from spk.store.erasure.reviewed import telling
from spk.store.names import mentions
from spk.store.records import DecisionRecord, Gallery, Speaker

__all__ = ["FIRST", "FORMAT", "Disclosure"]

FORMAT = "spk-subject/1"
"""What ``person.json`` says that it is of."""
FIRST = "person.json"
"""The first file, by which such an archive is told."""
_CHUNK = 1 << 20
_H, _R, _S, _T, _V, _C, _M = (
    tables.hearings.c,
    tables.recordings.c,
    tables.samples.c,
    tables.turns.c,
    tables.voices.c,
    tables.clips.c,
    tables.models.c,
)
_TOLD = ("purpose", "until", "was", "by", "kind")  # of the details of an audit entry; the rest may be about others
_README = """\
What is kept about {name}
{line}

Made on {made:%Y-%m-%d} from the gallery "{gallery}". All times are UTC, all positions in recordings in seconds.

person.json             Who you are here: the name, an id that stands for you, and since when.
consents.json           What you consented to: for which purpose, when, until when, and when you withdrew it.
samples.json            The stretches of your speech by which your voice is recognised, from which recordings they
                        are, and what was measured of them.
recordings.json         The recordings in which a voice was said to be yours: by whom ("machine" or "person"), how
                        certain that was, and when that voice speaks.
decisions.json          What spk decided when it looked for voices, where it took one for yours, or perhaps yours.
audit.json              What was done about you, and when. Who did it is left out.
changes.json            What people changed about you, as long as it can be undone.
voiceprints.safetensors Numbers that describe your voice: one row for each sample, voice and decision. The other
                        files say which is which ("tensor"). The format is open: see
                        https://github.com/huggingface/safetensors
clips/                  Your speech to listen to, where any was kept. FLAC files, which most players know.

Other people are not in these files. A recording whose file name held somebody else's name is called "recording-" and
some digits. A LLR is the evidence that two voices are one person's, as a natural logarithm: above 0 speaks for it.
"""


@dataclass(frozen=True, eq=False)
class Disclosure:
    """Everything about one person, read when it is written.

    Args:
        tx: What it is read from, in one transaction.
        gallery: Whose people they are.
        speaker: Whom it is about.
        clip: Says where the clip of a hash lies.
    """

    tx: Connection
    gallery: Gallery
    speaker: Speaker
    clip: Callable[[str], Path]

    def members(self, made: datetime) -> Iterator[tuple[str, Iterable[bytes]]]:
        """The names of the files, and what they hold, in chunks; each to be read before the next is asked for."""
        vectors: dict[str, NDArray[np.float32]] = {}
        person = {
            "format": FORMAT,
            "speaker_id": self.speaker.id,
            "name": self.speaker.name,
            "state": self.speaker.state,
            "created": self.speaker.created,
            "gallery": self.gallery.name,
            "consent_required": consenting.required(self.tx, self.gallery.id),
        }
        yield FIRST, [_json(person)]
        name = self.speaker.label
        about = _README.format(name=name, line="=" * (len(name) + 22), made=made, gallery=self.gallery.name)
        yield "README.txt", [about.encode()]
        yield "consents.json", _array(self._consents())
        yield "samples.json", _array(self._samples(vectors))
        yield "recordings.json", _array(self._recordings(vectors))
        yield "decisions.json", _array(self._decisions(vectors))
        yield "audit.json", _array(self._audit())
        yield "changes.json", _array(self._changes())
        from safetensors.numpy import save

        yield "voiceprints.safetensors", [save(vectors, {"format": FORMAT})]
        for sha256 in self._clips():
            if self.clip(sha256).is_file():
                yield f"clips/{sha256}.flac", _chunks(self.clip(sha256))

    def _consents(self) -> Iterator[Mapping[str, Any]]:
        for consent in consenting.find(self.tx, tables.consents.c.speaker == self.speaker.id):
            record = asdict(consent) | {"state": consent.state()}
            yield {name: value for name, value in record.items() if name not in {"recorded_by", "withdrawn_by"}}

    def _samples(self, vectors: dict[str, NDArray[np.float32]]) -> Iterator[Mapping[str, Any]]:
        prints: dict[UUID, dict[str, str]] = {}
        for one in queries.voiceprints(self.tx, self.speaker):
            tensor = f"sample-{one.sample}-{one.model[:12]}"
            vectors[tensor] = one.vector[None]
            prints.setdefault(one.sample, {})[one.model] = tensor
        clips = dict(self.tx.execute(select(_C.sample, _C.sha256).join(tables.samples).where(self._mine())).all())
        for sample in queries.samples(self.tx, self._mine()):
            clip = clips.get(sample.id)
            yield {
                "sample_id": sample.id,
                "recording": self._source(sample.recording.source, sample.recording.sha256),
                "start": sample.segment.start,
                "end": sample.segment.end,
                "parts": [[part.start, part.end] for part in sample.parts],
                "net_speech": sample.net_seconds,
                "quality": dict(sample.quality),
                "origin": sample.origin,
                "created": sample.created,
                "clip": clip and f"clips/{clip}.flac",
                "voiceprints": [
                    {"model": model, "tensor": tensor} for model, tensor in prints.get(sample.id, {}).items()
                ],
            }

    def _recordings(self, vectors: dict[str, NDArray[np.float32]]) -> Iterator[Mapping[str, Any]]:
        query = (
            select(tables.voices, _R.source, _R.sha256.label("recording"), _R.duration, _H.created, _H.current)
            .add_columns(_M.fingerprint)
            .join(tables.hearings, _H.id == _V.hearing)
            .join(tables.recordings, _R.id == _H.recording)
            .join(tables.models, _M.id == _H.model)
            .where(_V.speaker == self.speaker.id)
            .order_by(_H.created, _V.id)
        )
        for row in self.tx.execute(query).all():
            tensor = None
            if row.vector is not None:
                tensor = f"voice-{row.id}"
                pieces = [piece.vector for piece in hearings.pieces(self.tx, [row.id]).get(row.id, ())]
                vectors[tensor] = np.stack([tables.from_bytes(row.vector)[0], *pieces])
            turns = select(_T.start, _T.end).where(_T.voice == row.id).order_by(_T.start, _T.end)
            yield {
                "recording": self._source(row.source, row.recording),
                "duration": row.duration,
                "heard": row.created,
                "current": row.current,
                "turns": [[turn.start, turn.end] for turn in self.tx.execute(turns)],
                "net_speech": row.net_seconds,
                "quality": row.quality,
                "said_by": row.said_by,
                "verdict": row.verdict,
                **({"llr": row.llr, "probability": row.probability} if row.candidate == self.speaker.id else {}),
                "model": row.fingerprint,
                "tensor": tensor,
            }

    def _decisions(self, vectors: dict[str, NDArray[np.float32]]) -> Iterator[Mapping[str, Any]]:
        for which in decisions.of_speaker(self.tx, self.speaker.id):
            record = decisions.find(self.tx, which)
            for voice in record.voices:
                if voice.speaker != self.speaker.id:
                    continue
                found, tensor = _found(record, voice.label), None
                if found.get("verdict") == "known":  # else it may be somebody else's voice
                    tensor = f"decision-{record.id}-{len(vectors)}"
                    vectors[tensor] = voice.vector[None]
                candidate = found.get("candidate") or {}
                own = candidate if candidate.get("speaker") == str(self.speaker.id) else {}
                yield {
                    "decision_id": record.id,
                    "created": record.created,
                    "kind": record.kind,
                    "recording": self._source(record.source, record.sha256),
                    **{name: found.get(name) for name in ("verdict", "speech", "net_speech")},
                    **{name: own.get(name) for name in ("score", "llr", "probability")},
                    "tensor": tensor,
                }

    def _audit(self) -> Iterator[Mapping[str, Any]]:
        for entry in audit.matching(self.tx, about=self.speaker.id):
            detail = {name: value for name, value in entry.detail.items() if name in _TOLD}
            counts = {
                name: len(value) if isinstance(value, list) else value
                for name, value in entry.detail.items()
                if isinstance(value, list | int | float)
            }
            yield {"sequence": entry.sequence, "at": entry.at, "action": entry.action, **counts, **detail}

    def _changes(self) -> Iterator[Mapping[str, Any]]:
        nobody = Called(self.gallery.id, (), (), shared=False)
        changes = tables.changes.c
        for number, _ in telling(self.tx, {self.speaker.id}, nobody):
            row = self.tx.execute(
                select(changes.created, changes.what, changes.undone).where(changes.number == number)
            ).one()
            yield {"number": number, "created": row.created, "what": row.what, "undone": row.undone}

    def _clips(self) -> list[str]:
        """The hashes of what can be listened to: of samples, and of voices that are said to be the person's."""
        heard = select(_V.sample).where(_V.speaker == self.speaker.id, _V.sample.is_not(None))
        query = select(_C.sha256).join(tables.samples, _S.id == _C.sample)
        nobodys = _S.speaker.is_(None) & _S.id.in_(heard)
        return sorted(set(self.tx.scalars(query.where(or_(self._mine(), nobodys)))))

    def _mine(self) -> Any:  # noqa: ANN401 - of SQLAlchemy
        return _S.speaker == self.speaker.id

    def _source(self, source: str, sha256: str) -> str:
        """What a recording is called, if no other person is named in it."""
        return f"recording-{sha256[:12]}" if self._names_others(source) else source

    def _names_others(self, text: str) -> bool:
        own = [self.speaker.name] if self.speaker.name else []
        return any(mentions(text, name, [one for one in own if len(one) > len(name)]) for name in self._others)

    @cached_property
    def _others(self) -> list[str]:
        people = tables.speakers.c
        return list(self.tx.scalars(select(people.name).where(people.name.is_not(None), people.id != self.speaker.id)))


def _found(record: DecisionRecord, label: str) -> Mapping[str, Any]:
    """What the evidence of a decision says of one voice."""
    voices = json.loads(record.record)["voices"]
    return next((voice for voice in voices if voice["label"] == label), {})


def _json(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, default=_plain).encode() + b"\n"


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _array(records: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """A JSON array, a record a line."""
    before = b"[\n"
    for record in records:
        yield before + _json(record).rstrip()
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(partial(file.read, _CHUNK), b"")
