"""What is kept of people's speech to be listened to."""

from __future__ import annotations

import io
from enum import StrEnum

import soundfile

from spk.audio import SAMPLE_RATE
from spk.embed import Speech

__all__ = ["KeptAudio"]

CLIP_SECONDS = 8.0
"""How much of a sample is enough to know a voice again."""


class KeptAudio(StrEnum):
    """How much audio is kept of each sample."""

    NONE = "none"
    CLIPS = "clips"
    SAMPLES = "samples"

    def of(self, speech: Speech) -> bytes | None:
        """What is to be kept of a speech, as a FLAC file: nothing, its first seconds, or all that is embedded of it."""
        if self is KeptAudio.NONE:
            return None
        if self is KeptAudio.SAMPLES:
            samples = speech.joined().samples
        else:
            samples = speech.audio.take(speech.parts).samples[: int(CLIP_SECONDS * SAMPLE_RATE)]
        file = io.BytesIO()
        soundfile.write(file, samples.clip(-1.0, 1.0), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        return file.getvalue()
