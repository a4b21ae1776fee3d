"""People and their samples, as messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spk.messages.speakers import ExportedDecision, ExportedPerson, ExportedPrint, SampleInfo, SpeakerInfo
from spk.store.records import PROVISIONAL_SECONDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from spk.store import Sample, Speaker, Store
    from spk.store.listing import Listed

__all__ = ["exported", "known", "speaker_info"]


def speaker_info(one: Listed) -> SpeakerInfo:
    """Somebody in a list."""
    return SpeakerInfo(**_sums(one.speaker, one.samples, one.recordings, one.net_seconds))


def known(store: Store, speaker: Speaker) -> dict[str, Any]:
    """The fields of a person with all samples."""
    samples = store.samples(speaker)
    recordings, seconds = {one.recording.id for one in samples}, sum(one.net_seconds for one in samples)
    return _sums(speaker, _samples(store, samples), len(recordings), seconds)


def exported(store: Store, speaker: Speaker) -> ExportedPerson:
    """Everything that is kept about somebody."""
    return ExportedPerson(
        **known(store, speaker),
        voiceprints=[
            ExportedPrint(sample_id=one.sample, model=one.model, vector=_numbers(one.vector))
            for one in store.voiceprints(speaker)
        ],
        decisions=[
            ExportedDecision(
                decision_id=record.id,
                created=record.created,
                kind=record.kind.value,
                recording=record.source,
                label=voice.label,
                vector=_numbers(voice.vector),
            )
            for record in store.decisions_about(speaker)
            for voice in record.voices
            if voice.speaker == speaker.id
        ],
    )


def _samples(store: Store, samples: Sequence[Sample]) -> list[SampleInfo]:
    """Samples, and whether they can be listened to."""
    clips = store.sample_clips(sample.id for sample in samples)
    return [
        SampleInfo(
            sample_id=one.id,
            recording=one.recording.source,
            start=one.segment.start,
            end=one.segment.end,
            net_speech=round(one.net_seconds, 3),
            sha256=one.sha256,
            quality=dict(one.quality),
            origin=one.origin.value,
            forced=list(one.forced),
            created=one.created,
            audio=one.id in clips,
        )
        for one in samples
    ]


def _sums(speaker: Speaker, samples: object, recordings: int, seconds: float) -> dict[str, Any]:
    return {
        "name": speaker.label,
        "speaker_id": speaker.id,
        "state": speaker.state.value,
        "created": speaker.created,
        "samples": samples,
        "recordings": recordings,
        "net_speech": round(seconds, 3),
        "provisional": seconds < PROVISIONAL_SECONDS,
    }


def _numbers(vector: NDArray[np.float32]) -> list[float]:
    return [round(float(x), 7) for x in vector]
