"""The diarizer: voice activity, segmentation, voice vectors, clustering, turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from spk.audio import Audio
from spk.diarize.clustering import SpeakerCount, cluster
from spk.diarize.reconstruction import reconstruct
from spk.diarize.segmentation import Segmentation, load_segmentation
from spk.diarize.vad import VoiceActivity, load_vad
from spk.diarize.windows import embed_windows
from spk.embed import Embedder, load_embedder
from spk.embed.weights import Progress
from spk.timeline import Segment, Timeline, total, union
from spk.watching import stage

__all__ = ["Diarization", "Diarizer", "Pipeline", "load_diarizer"]

PASSAGE_GAP = 1.0  # seconds: turns nearer than this are one passage
LEAST_VOICED = 0.1  # of a passage, for it to be speech at all
ANY_COUNT = SpeakerCount()


@dataclass(frozen=True)
class Diarization:
    """Who speaks when in one recording; labels are ``SPEAKER_00`` onwards in the order of first speech.

    Args:
        turns: Two people at once are two turns.
        speech: Where the voice-activity model hears speech.
    """

    turns: Timeline
    speech: tuple[Segment, ...]

    @property
    def overlap(self) -> tuple[Segment, ...]:
        """Where two or more people speak at once."""
        return self.turns.overlap

    @property
    def labels(self) -> tuple[str, ...]:
        """Everybody who speaks."""
        return self.turns.labels


class Diarizer(Protocol):
    """Finds out who speaks when."""

    def __call__(
        self, audio: Audio, *, count: SpeakerCount = ANY_COUNT, progress: Progress | None = None
    ) -> Diarization:
        """The turns of a recording; none where nobody speaks."""


@dataclass(frozen=True)
class Pipeline:
    """Segmentation for when people change and overlap, clustered windows for who they are.

    Args:
        vad: Confirms that what the segmentation takes for speech is speech: it also takes barking for it.
        segmentation: Tells people apart inside ten seconds.
        embedder: The voice vectors that are clustered.
    """

    vad: VoiceActivity
    segmentation: Segmentation
    embedder: Embedder

    @stage("diarize")
    def __call__(
        self, audio: Audio, *, count: SpeakerCount = ANY_COUNT, progress: Progress | None = None
    ) -> Diarization:
        """The turns of a recording; none where nobody speaks."""
        speech = self.vad(audio)
        if not speech or audio.duration < self.embedder.min_seconds:
            return Diarization(Timeline(), speech)
        local = self.segmentation(audio, progress=progress)
        windows = embed_windows(audio, local, self.embedder, progress=progress)
        if not windows.embedded.any():
            return Diarization(Timeline(), speech)
        turns = reconstruct(local, windows, cluster(windows, count))
        whole = Segment(0.0, audio.duration)
        return Diarization(_voiced(turns.crop(whole), speech), speech)


def load_diarizer(*, threads: int | None = None) -> Pipeline:
    """The default diarizer, ready to use; its models are fetched the first time.

    Its own embedder is CAM++ whatever model the gallery has: on short windows it tells voices apart better
    than ECAPA-TDNN, at a third of the work.
    """
    return Pipeline(
        load_vad(threads=threads),
        load_segmentation(threads=threads),
        load_embedder("campplus", precision="fast", threads=threads),
    )


def _voiced(turns: Timeline, speech: Sequence[Segment]) -> Timeline:
    """Without the passages in which the voice-activity model hears next to nothing."""
    kept = []
    for passage in union(turns.speech, PASSAGE_GAP):
        heard = total(part for segment in speech if (part := segment & passage))
        if heard >= LEAST_VOICED * passage.duration:
            kept += list(turns.crop(passage))
    timeline = Timeline(kept)
    return timeline.rename({label: f"SPEAKER_{n:02d}" for n, label in enumerate(timeline.labels)})
