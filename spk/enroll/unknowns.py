"""Strangers: voices that nobody in the gallery fits are kept as unnamed speakers, for a person to review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from spk.enroll.keeping import KeptAudio
from spk.enroll.quality import measure
from spk.errors import ConflictError
from spk.identify.decision import Verdict
from spk.identify.identifier import Identification, Voice
from spk.store import Store
from spk.store.records import Gallery, NewRecording, NewSample, Origin, Speaker

__all__ = ["enroll_unknown"]

LEAST_SECONDS = 5.0
"""Net speech under which a voice makes nobody: short speech mints strangers by the hundred."""


def enroll_unknown(
    identification: Identification, store: Store, gallery: Gallery, keep: KeptAudio = KeptAudio.CLIPS
) -> Identification:
    """Keep the voices that nobody fits as unnamed speakers.

    Args:
        identification: What was heard.
        store: Where they are kept.
        gallery: Whose strangers they are.
        keep: What is kept of each, to be listened to.

    Returns:
        The same identification, where those voices are now the new speakers'.
    """
    model = identification.model.fingerprint
    voices: dict[str, Voice] = {}
    for voice in identification.voices:
        twins = (voices[label].kept_as for label in voice.same_voice_as if label in voices)
        voices[voice.label] = _kept(voice, model, store, gallery, keep=keep, twin=next(filter(None, twins), None))
    return replace(identification, voices=tuple(_like_its_twins(voice, voices) for voice in voices.values()))


def _like_its_twins(voice: Voice, voices: Mapping[str, Voice]) -> Voice:
    """What is too short to keep is still the stranger's whose voice it is."""
    twins = (voices[label].kept_as for label in voice.same_voice_as)
    return replace(voice, kept_as=voice.kept_as or next(filter(None, twins), None))


def _kept(voice: Voice, model: str, store: Store, gallery: Gallery, *, keep: KeptAudio, twin: Speaker | None) -> Voice:
    """The voice, kept if it is a stranger's who says enough; as ``twin``, where that is the same stranger."""
    speech, audio = voice.speech, voice.speech.audio
    if voice.vector is None or voice.match.verdict is not Verdict.UNKNOWN or speech.net_seconds < LEAST_SECONDS:
        return voice
    sample = NewSample(
        recording=NewRecording(audio.sha256, audio.source, audio.duration),
        segment=speech.span,
        sha256=speech.joined().sha256,
        net_seconds=speech.net_seconds,
        quality=measure(speech).as_mapping(),
        origin=Origin.ONLINE,
        vectors={model: voice.vector},
        clip=keep.of(speech),
        parts=speech.parts,
    )
    try:
        return replace(voice, kept_as=store.enroll(gallery, twin, [sample]).speaker)
    except ConflictError:  # the very same audio is somebody's already
        return voice
