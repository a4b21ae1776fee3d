"""What was heard in a recording, kept: its turns and voices, who they are, and the strangers among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from spk.audio.levels import levels
from spk.embed import Embedder, Piece, embed_turns
from spk.enroll import KeptAudio, measure
from spk.errors import NotFoundError
from spk.identify import Identification, Verdict, Voice
from spk.identify.judging import Judged
from spk.identify.mixture import Among, part
from spk.identify.strangers import LEAST_SECONDS
from spk.review.people import People, Rehearsal
from spk.review.relabel import Judge, Keeper, relabel
from spk.review.settling import Heard, Settled, settle
from spk.store.changing import Change
from spk.store.heard import HeardPiece, HeardTurn, Hearing, NewHearing, NewVoice, SaidBy
from spk.store.records import Gallery, NewRecording, Speaker, SpeakerState
from spk.timeline import total, with_ids

if TYPE_CHECKING:
    from spk.store import Store

__all__ = ["new_voice", "remember"]


def remember(
    found: Identification,
    store: Store,
    gallery: Gallery,
    how: Judge,
    embedder: Embedder,
    *,
    strangers: bool,
    keep: KeptAudio,
) -> Identification:
    """Keep what was heard in a recording, in place of what was kept of it before.

    Where a person has gone over it, or said whose a voice is, all of that stays, and nothing is kept anew.

    Args:
        found: What was heard.
        store: Where it is kept.
        gallery: Whose recording it is.
        how: How it was judged.
        embedder: By which model.
        strangers: Whether voices that nobody fits become unnamed speakers, and teach those who are met again.
        keep: What is kept of strangers and of doubtful voices, to be listened to.

    Returns:
        The same, where the voices of strangers are theirs; ``corrected`` where a person
        had gone over it, and said otherwise.

    Raises:
        NotFoundError: somebody whom it names was erased or merged meanwhile.
        ConflictError: strangers are to be kept in a gallery that requires consent.
    """
    if strangers:
        store.check_strangers(gallery)
    if found.judged is None:
        return found
    voices = sorted((voice for voice in found.voices if voice.vector is not None), key=lambda voice: voice.label)
    among = Rehearsal(People(()), gallery, how.model, how.calibration).among  # whoever is in the gallery
    long = [voice for voice in voices if strangers and voice.speech.net_seconds >= LEAST_SECONDS]
    pieces = {voice.label: embed_turns(embedder, voice.speech) for voice in long}
    mixed = {label for label, some in pieces.items() if _is_mixed(some, among)}
    heard = [Heard(voice.speech.net_seconds, voice.label in mixed) for voice in voices]
    settled = settle(found.judged, heard, strangers=strangers, learn=how.learn)
    of_label = dict(zip((voice.label for voice in voices), settled, strict=True))
    kept_voices = tuple(
        new_voice(
            replace(voice, pieces=pieces.get(voice.label, voice.pieces)),
            mixed=voice.label in mixed,
            keep=keep if _is_doubtful(of_label.get(voice.label)) else None,
        )
        for voice in found.voices
    )
    new = _hearing(found, found.judged, kept_voices, strangers=strangers)
    with store.change(gallery, "identify") as change:
        before = change.heard(found.audio.sha256)
        if before is not None and _said_by_a_person(before):
            return replace(found, corrected=before.corrected or not _same_people(found, before))
        taught = before is not None and (before.strangers or _has_taught(change, before))
        hearing = change.hear(replace(new, strangers=strangers or (before is not None and before.strangers)))
        keeper = Keeper(change)
        met_meanwhile = strangers and len(keeper.speakers) != found.people  # by another process, the same stranger say
        by_label = {voice.label: voice for voice in hearing.voices}
        rows = [(by_label[voice.label], one) for voice, one in zip(voices, settled, strict=True)]
        labels = [one.label for one in settled]
        told = {id_ for one in labels for id_ in (one.speaker, one.candidate, one.runner_up) if id_ is not None}
        if told - {person.id for person in change.people(told)}:
            raise NotFoundError(
                f"{found.audio.source}: somebody it is about was erased or merged just now: run it again"
            )
        learnt = keeper.keep(hearing, [[rows[row] for row in group] for group in found.judged.groups])
        keeper.finish()
        if taught or (before is not None and learnt) or met_meanwhile:  # other recordings may depend on it
            relabel(change, lambda model: how if model == how.model.fingerprint else None)
            hearing = change.heard(found.audio.sha256) or hearing
            said = {voice.label: voice.said.speaker for voice in hearing.voices}
        else:
            said = {voice.label: keeper.labels[voice.id].speaker for voice, _ in rows}
        people = {person.id: person for person in change.people({id_ for id_ in said.values() if id_ is not None})}
    kept = {label: people.get(id_) for label, id_ in said.items() if id_ is not None}
    fresh = {label for label, one in of_label.items() if one.new}
    return replace(found, voices=tuple(_kept(voice, kept.get(voice.label), fresh) for voice in found.voices))


def _kept(voice: Voice, speaker: Speaker | None, fresh: set[str]) -> Voice:
    """The voice, as the stranger's who it is."""
    if speaker is None or speaker.state is SpeakerState.ENROLLED or voice.named == speaker:
        return voice
    return replace(voice, kept_as=speaker, is_new=voice.label in fresh)


def _said_by_a_person(hearing: Hearing) -> bool:
    """Whether a person has gone over it; nobody has over a voice without a vector, whose owner was erased."""
    said = [voice for voice in hearing.voices if voice.said.said_by is SaidBy.PERSON]
    return hearing.corrected or any(voice.said.speaker is not None or voice.vector is not None for voice in said)


def _has_taught(change: Change, hearing: Hearing) -> bool:
    """Whether somebody is known from it by the machine's word: strangers perhaps from it alone."""
    learnt = change.learnt()
    return any(learnt.get(voice.sample) is not None for voice in hearing.voices if voice.sample is not None)


def _same_people(found: Identification, hearing: Hearing) -> bool:
    """Whether the machine names whom a person named."""
    named = {voice.label: voice.named.id if voice.named else None for voice in found.voices}
    return named == {voice.label: voice.said.speaker for voice in hearing.voices}


def _is_mixed(pieces: Sequence[Piece], among: Among) -> bool:
    """Whether two people's speech passes for one voice."""
    vectors = np.stack([piece.vector for piece in pieces])  # (pieces, dim)
    return part(vectors, [total(piece.parts) for piece in pieces], among).mixed


def _hearing(found: Identification, judged: Judged, voices: tuple[NewVoice, ...], *, strangers: bool) -> NewHearing:
    attendees, audio = found.attendees, found.audio
    return NewHearing(
        recording=NewRecording(audio.sha256, audio.source, audio.duration),
        model=found.model.fingerprint,
        dim=judged.vectors.shape[1],
        least=found.least,
        point=asdict(judged.point),
        attendees=None if attendees is None else tuple(person.id for person in attendees),
        strangers=strangers,
        corrected=False,
        voices=voices,
        turns=tuple(HeardTurn(turn.id or "", turn.label, turn.segment) for turn in with_ids(found.turns)),
        levels=levels(audio),
    )


def _is_doubtful(settled: Settled | None) -> bool:
    """Whether somebody may want to listen to a voice: a stranger's, or one that could not be told."""
    return settled is not None and settled.label.verdict != Verdict.KNOWN


def new_voice(voice: Voice, *, keep: KeptAudio | None, mixed: bool = False) -> NewVoice:
    """A voice of a recording as it is kept; with ``keep``, also something to listen to."""
    heard = voice.vector is not None
    return NewVoice(
        label=voice.label,
        vector=voice.vector,
        pieces=tuple(HeardPiece(piece.parts, piece.vector) for piece in voice.pieces),
        net_seconds=voice.net_seconds,
        heard=voice.speech.net_seconds if heard else 0.0,
        parts=voice.speech.parts,
        sha256=voice.speech.joined().sha256 if heard else "",
        quality=measure(voice.speech).as_mapping() if heard else {},
        mixed=mixed,
        clip=keep.of(voice.speech) if keep is not None and heard else None,
    )
