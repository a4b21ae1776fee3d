"""Who speaks when: recordings in, turns out."""

from __future__ import annotations

from spk.diarize.channels import diarize_channels
from spk.diarize.clustering import SpeakerCount
from spk.diarize.pipeline import Diarization, Diarizer, Pipeline, load_diarizer
from spk.diarize.vad import VoiceActivity, load_vad

__all__ = [
    "Diarization",
    "Diarizer",
    "Pipeline",
    "SpeakerCount",
    "VoiceActivity",
    "diarize_channels",
    "load_diarizer",
    "load_vad",
]
