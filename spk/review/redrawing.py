"""Turns are corrected without the recording: voices are what was heard of them, as far as that is still theirs.

What was embedded of a voice tells who it is as long as its stretches are that voice's alone. A voice stays what it was
embedded as where nearly all of that is still its own; else it is put together from those pieces that are, of its own
and of voices that were taken for others. Where no piece is, it stays what it was embedded as if most of that is still
its own, and counts for that much speech. Where not even that is left, it is not known what the voice sounds like: whose
it is, people alone can say. Profiles learn from what was heard as one voice, and is somebody's as a whole by a person's
word; for the rest, the recording has to be given, see `spk.review.applying`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from spk.errors import ConflictError
from spk.review.corrected import SCRAP, SPARED, Corrected
from spk.review.correcting import Corrections, Outcome
from spk.review.meaning import near, shared
from spk.review.storing import Applied, Report, Taught, corrected_turns, store_turns
from spk.store.changing import Change
from spk.store.heard import HeardPiece, Hearing, NewHearing, NewVoice
from spk.store.records import NewRecording, Speaker
from spk.timeline import Segment, Timeline, subtract, total

__all__ = ["redraw"]

MOST = 0.6
"""The share of what was embedded that must be a voice's own for the embedding to be: over half, so one voice's."""


def redraw(
    corrections: Corrections, hearing: Hearing, turns: Timeline, *, everything: bool = False, force: bool = False
) -> Applied:
    """Store corrected turns of a recording that was heard before, and is not at hand.

    Labels mean what they mean to `spk.review.applying.Applier`.

    Args:
        corrections: Puts right what is known and said.
        hearing: What was heard.
        turns: All of its turns, as they are to be.
        everything: Whether all turns are taken for confirmed, not only those that were touched.
        force: Whether profiles learn also from a voice that sounds unlike the rest of them.

    Raises:
        InputError: there are no turns, or they are another recording's.
        AudioError: they reach beyond the end of the recording.
        ConflictError: somebody changed the recording meanwhile.
    """
    recording = NewRecording(hearing.recording.sha256, hearing.recording.source, hearing.recording.duration)
    work = Corrected.of(corrections, recording, turns, everything=everything)
    before = work.before.hearing
    if before is None or before.id != hearing.id:
        raise ConflictError(f"{recording.source} was heard anew, or forgotten, meanwhile: look at its turns first")
    if work.is_stored_by(before.model) and not force:
        return Applied(work.changes, Outcome(0, (), (), 0))
    known: dict[str, _Known] = {}

    def heard(change: Change) -> NewHearing:
        voices = change.heard_voices(before)
        spoken = work.after.by_label
        known.update((key, _known(work, key, spoken, voices)) for key in spoken)
        return NewHearing(
            recording=recording,
            model=before.model,
            dim=before.dim,
            least=sum(one.voice.vector is not None for one in known.values()),  # a person told them apart
            point=before.point,
            attendees=before.attendees,
            strangers=before.strangers,
            corrected=True,
            voices=tuple(one.voice for one in known.values()),
            turns=corrected_turns(work),
        )

    def teach(change: Change, hearing: Hearing, people: Mapping[str, Speaker], report: Report) -> None:
        whole = [key for key in people if people[key].name is not None and known[key].whole]
        taught = [key for key in whole if key not in work.doubtful]
        whose = {work.labels[key]: people[key] for key in taught}
        for voice in hearing.voices:
            if (person := whose.get(voice.label)) is not None:
                had = {sample.id for sample in change.samples_of(person.id)}
                corrections.teach(change, hearing, voice, person, report.held, force=force)
                new = [sample.net_seconds for sample in change.samples_of(person.id) if sample.id not in had]
                report.taught += [Taught(person.label, len(new), sum(new))] if new else []

    return store_turns(corrections, work, heard, teach, force=force)


@dataclass(frozen=True, slots=True)
class _Known:
    """A voice of corrected turns, and whether it is as a whole what one voice was heard to be."""

    voice: NewVoice
    whole: bool = False


def _known(work: Corrected, key: str, spoken: Mapping[str, Sequence[Segment]], voices: Sequence[NewVoice]) -> _Known:
    """What is known of a voice, going by what was heard of it and of others, and where each of them speaks."""
    label, alone = work.labels[key], work.alone[key]

    def strange(parts: Sequence[Segment]) -> float:
        """How much of what was embedded there is not this voice's alone, in seconds."""
        return total(subtract(parts, near(alone, parts)))

    def holds(parts: Sequence[Segment]) -> bool:
        """Whether what was embedded there is this voice's alone, or nearly."""
        if strange(parts) > SPARED * total(parts):  # mostly, so the others are not asked for
            return False
        others = [one for other, theirs in spoken.items() if other != key for one in near(theirs, parts)]
        return all(one.duration < SCRAP for one in shared(parts, others))

    def own(voice: NewVoice) -> float:
        """How much of what was embedded is this voice's alone, in seconds."""
        return total(voice.parts) - strange(voice.parts)

    embedded = [voice for voice in voices if voice.vector is not None]
    whole = [voice for voice in embedded if holds(voice.parts)]
    if whole:
        longest = max(whole, key=lambda voice: voice.heard)
        return _Known(replace(longest, label=label, net_seconds=total(alone)), whole=True)
    pieces = [(piece, voice) for voice in voices for piece in voice.pieces if holds(piece.parts)]
    if pieces:
        return _Known(_joined(work, label, total(alone), pieces))
    mostly = [voice for voice in embedded if own(voice) >= MOST * total(voice.parts)]
    if mostly:
        longest = max(mostly, key=own)
        return _Known(replace(longest, label=label, net_seconds=total(alone), heard=own(longest)))
    return _Known(NewVoice(label, None, (), total(alone), 0.0, (), "", {}))


def _joined(work: Corrected, label: str, seconds: float, pieces: Sequence[tuple[HeardPiece, NewVoice]]) -> NewVoice:
    """A voice of which only pieces are known, that were heard as parts of some voices."""
    lengths = [total(piece.parts) for piece, _ in pieces]
    mean = np.average([piece.vector for piece, _ in pieces], axis=0, weights=lengths)
    longest = max(pieces, key=lambda one: total(one[0].parts))[1]
    parts = tuple(sorted(part for piece, _ in pieces for part in piece.parts))
    where = ",".join(f"{part.start:.3f}-{part.end:.3f}" for part in parts)
    return NewVoice(
        label=label,
        vector=(mean / np.linalg.norm(mean)).astype(np.float32),
        pieces=tuple(piece for piece, _ in pieces),
        net_seconds=seconds,
        heard=sum(lengths),
        parts=parts,
        sha256=hashlib.sha256(f"{work.recording.sha256} {where}".encode()).hexdigest(),  # its audio is not at hand
        quality={**longest.quality, "net_seconds": round(sum(lengths), 3)},
    )
