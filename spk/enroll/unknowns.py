"""Strangers: voices that nobody in the gallery fits are kept as unnamed speakers, for a person to review."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace

import soundfile

from spk.audio import SAMPLE_RATE
from spk.embed import Speech
from spk.enroll.quality import measure
from spk.errors import ConflictError
from spk.identify.decision import Verdict
from spk.identify.identifier import Identification, Voice
from spk.store import Store
from spk.store.records import Gallery, NewRecording, NewSample, Origin, Speaker

__all__ = ["enroll_unknown"]

LEAST_SECONDS = 5.0
"""Net speech under which a voice makes nobody: short speech mints strangers by the hundred."""
CLIP_SECONDS = 8.0
"""How much of an unknown voice is kept to listen to."""


def enroll_unknown(identification: Identification, store: Store, gallery: Gallery) -> Identification:
    """Keep the voices that nobody fits as unnamed speakers.

    Returns:
        The same identification, where those voices are now the new speakers'.
    """
    model = identification.model.fingerprint
    voices: dict[str, Voice] = {}
    for voice in identification.voices:
        twins = (voices[label].kept_as for label in voice.same_voice_as if label in voices)
        voices[voice.label] = _kept(voice, model, store, gallery, next(filter(None, twins), None))
    return replace(identification, voices=tuple(_like_its_twins(voice, voices) for voice in voices.values()))


def _like_its_twins(voice: Voice, voices: Mapping[str, Voice]) -> Voice:
    """What is too short to keep is still the stranger's whose voice it is."""
    twins = (voices[label].kept_as for label in voice.same_voice_as)
    return replace(voice, kept_as=voice.kept_as or next(filter(None, twins), None))


def _kept(voice: Voice, model: str, store: Store, gallery: Gallery, twin: Speaker | None) -> Voice:
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
        clip=_clip(speech),
        parts=speech.parts,
    )
    try:
        return replace(voice, kept_as=store.enroll(gallery, twin, [sample]).speaker)
    except ConflictError:  # the very same audio is somebody's already
        return voice


def _clip(speech: Speech) -> bytes:
    """The beginning of a voice's speech, as a FLAC file."""
    samples = speech.audio.take(speech.parts).samples[: int(CLIP_SECONDS * SAMPLE_RATE)]
    file = io.BytesIO()
    soundfile.write(file, samples.clip(-1.0, 1.0), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()
