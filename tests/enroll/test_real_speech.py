"""Enrollment of real recordings with the real models."""

import numpy as np
import pytest
import soundfile

from spk.audio import Audio, load
from spk.enroll import Excerpt, excerpts_of_turns
from spk.formats.rttm import read_rttm
from spk.timeline import Segment, total


@pytest.fixture
def dialogue(demo_audio):
    return load(demo_audio)


@pytest.fixture
def turns(demo_rttm):
    [turns] = read_rttm(demo_rttm).values()
    return turns


@pytest.fixture
def of(corpus):
    """``of(speaker)``: everything that somebody of the corpus says, a recording each."""
    roles = ("enroll", "test", "unknown-test")
    return lambda speaker: [load(file) for role in roles for file in corpus.files(role, speaker)]


@pytest.fixture
def people(corpus):
    return sorted({row["speaker"] for row in corpus.rows if row["role"] == "test"})


def joined(*audios: Audio) -> Audio:
    return Audio(np.concatenate([audio.samples for audio in audios]), "joined.wav")


def test_corrected_turns_enroll_everybody(room, dialogue, turns):
    for label, excerpts in excerpts_of_turns(dialogue, turns):
        report = room.enroll(label, excerpts)
        assert report.refused == ()
        assert report.provisional
        alone = turns.alone(label)
        for sample in report.enrollment.added:
            assert all(any(part & own == part for own in alone) for part in sample.parts)
        assert 0.8 * total(alone) < report.net_seconds <= total(alone)
    one, other = room.store.profiles(room.gallery, room.embedder.model.fingerprint)
    assert one.vectors[0] @ other.vectors[0] < 0.5


def test_a_dialogue_is_not_one_person(room, dialogue):
    report = room.enroll("ann", [Excerpt(dialogue)])
    assert report.enrollment is None
    assert "more than one voice: somebody else speaks for" in str(report.refused[0])


def test_a_lossless_copy_counts_once(room, dialogue, turns, tmp_path):
    cut = dialogue.crop(max(turns.alone(turns.labels[0]), key=lambda part: part.duration))
    for name in ("ann.wav", "copy.flac", "another.wav"):
        soundfile.write(tmp_path / name, cut.samples, 16_000, subtype="PCM_16")
    assert room.enroll("ann", [Excerpt(load(tmp_path / "ann.wav"))]).enrollment
    report = room.enroll("ann", [Excerpt(load(tmp_path / name)) for name in ("copy.flac", "another.wav")])
    assert report.enrollment.added == ()
    [sample] = room.store.samples(room.store.speaker(room.gallery, "ann"))
    assert report.net_seconds == sample.net_seconds


def test_a_stretch_of_a_recording(room, dialogue, turns):
    label = turns.labels[0]
    longest = max(turns.alone(label), key=lambda part: part.duration)
    report = room.enroll("ann", [Excerpt(dialogue, longest)])
    assert report.refused == ()
    [sample] = report.enrollment.added
    assert sample.segment == longest
    assert sample.net_seconds <= longest.duration


@pytest.mark.parametrize(
    ("spoil", "gate"),
    [
        (lambda speech, _: np.clip(speech / np.abs(speech).max() * 10, -1, 1), "clipped"),
        (lambda speech, noise: speech + noise * np.sqrt(np.mean(speech**2)), "above the noise"),
        (lambda speech, _: speech * 0, "holds no speech"),
        (lambda _, noise: noise * 0.1, "holds no speech"),
    ],
)
def test_spoilt_speech_is_refused(room, dialogue, turns, spoil, gate):
    cut = dialogue.take(turns.alone(turns.labels[0]))
    noise = np.random.default_rng(0).normal(size=len(cut.samples))
    spoilt = spoil(cut.samples, noise).astype(np.float32)
    report = room.enroll("ann", [Excerpt(Audio(spoilt, "spoilt.wav"))])
    assert report.enrollment is None
    assert gate in str(report.refused[0])


def test_noise_and_music_are_nobody(room, corpus):
    files = [*corpus.files("noise")[::3], *corpus.files("music")]
    for file in files:
        assert room.enroll(file.stem, [Excerpt(load(file))]).enrollment is None
    assert room.store.speakers(room.gallery) == []


def test_two_people_in_a_file_are_noticed_and_one_is_not_doubted(room, of, people):
    noticed = 0
    pairs = list(zip(people[::8], people[2::8], strict=False))
    for one, other in pairs:
        first, second = of(one)[:4], of(other)[:4]
        assert room.enroll(one, [Excerpt(joined(*first))]).refused == ()
        report = room.enroll("both", [Excerpt(joined(*first[:2], *second, *first[2:]))])
        noticed += "more than one voice" in str(report.refused)
    assert noticed >= 0.75 * len(pairs)


def test_a_foreign_file_among_ones_own(room, of, people):
    found = 0
    pairs = list(zip(people[::4], people[20::-4], strict=False))
    for name, other in pairs:
        own, foreign = of(name)[:3], of(other)[0]
        report = room.enroll(name, [Excerpt(audio) for audio in (*own[:1], foreign, *own[1:])])
        strange = [error.source for error in report.refused if "does not sound like" in str(error)]
        assert set(strange) <= {foreign.source}
        found += bool(strange)
        room.store.delete(report.enrollment.speaker)
    assert found >= 0.75 * len(pairs)


def test_an_enrolled_person_under_another_name(room, of, people):
    name, *_ = people
    own = of(name)
    room.enroll(name, [Excerpt(audio) for audio in own[:4]])
    report = room.enroll("nickname", [Excerpt(audio) for audio in own[4:8]])
    assert report.enrollment is None
    assert all(f"this voice is enrolled as {name}" in str(error) for error in report.refused)


def test_a_whole_recording_and_a_stretch_of_it_count_once(room, of, people):
    recording = joined(*of(people[0])[:5])
    room.enroll("ann", [Excerpt(recording)])
    report = room.enroll("ann", [Excerpt(recording, Segment(1, 6))])
    assert report.enrollment.added == ()
    assert len(report.enrollment.already) == 1
