"""What goes on inside is told to whoever watches: from the rooms themselves, as they work."""

from __future__ import annotations

import pytest

from spk import audio
from spk.watching import STAGES, stage, watched_by


class Notes:
    def __init__(self):
        self.stages, self.seconds, self.verdicts = [], 0.0, []

    def took(self, stage, seconds):
        assert seconds >= 0
        self.stages.append(stage)

    def read(self, seconds):
        self.seconds += seconds

    def judged(self, gallery, verdict):
        self.verdicts.append((gallery, verdict))


@pytest.fixture
def notes():
    noted = Notes()
    with watched_by(noted):
        yield noted


def test_a_stage_that_fails_is_told_too(notes):
    with pytest.raises(KeyError), stage("embed"):
        raise KeyError
    assert notes.stages == ["embed"]


def test_who_has_stopped_watching_hears_nothing_more():
    notes, other = Notes(), Notes()
    with watched_by(notes):
        with watched_by(other), stage("vad"):
            pass
        with stage("embed"):
            pass
    with stage("score"):
        pass
    assert (notes.stages, other.stages) == (["vad", "embed"], ["vad"])


def test_enrolling_and_asking_tell_every_stage(notes, room, demo_audio):
    from spk.enroll import Excerpt
    from spk.timeline import Segment

    recording = audio.load(demo_audio)
    assert notes.seconds == pytest.approx(recording.duration)
    room.enroll("ann", [Excerpt(recording, Segment(6.0, 9.0))], force=True)
    found = room.identify.recording(recording)
    assert set(notes.stages) == set(STAGES)
    assert notes.verdicts == [("default", voice.match.verdict.value) for voice in found.voices]
    claimed = room.verify.claim(room.store.speaker(room.gallery, "ann"), room.verify.hear(recording))
    assert notes.verdicts[-1] == ("default", claimed.decision.value)
