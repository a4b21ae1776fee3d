"""Reconstruction: turns of a conversation whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from spk.diarize import reconstruction
from spk.diarize.reconstruction import reconstruct
from spk.diarize.segmentation import CHUNK_FRAMES, FIRST_FRAME, FRAME, LOCAL_SPEAKERS, STEP_FRAMES, LocalSpeech
from spk.diarize.windows import HOP_FRAMES, PER_CHUNK, WIDTH_FRAMES, Windows
from spk.timeline import total

STEP = FRAME / 16_000
ZERO = FIRST_FRAME - STEP / 2  # where the first frame begins


def voices(people: int, scene) -> np.ndarray:
    """The exact voices of a made-up scene: one window of each person alone."""
    return np.concatenate([scene([(0.0, 1.5, person)], spread=0).windows.vectors for person in range(people)])


def found(scene, turns, people: int, **settings) -> list[tuple[float, float, str]]:
    made = scene(turns, **settings)
    return [(turn.start, turn.end, turn.label) for turn in reconstruct(made.local, made.windows, voices(people, scene))]


def check(turns, expected) -> None:
    assert [label for _, _, label in turns] == [label for _, _, label in expected]
    np.testing.assert_allclose([turn[:2] for turn in turns], [turn[:2] for turn in expected], atol=0.02)


def test_one_after_the_other(scene):
    turns = [(0.5, 4.0, 1), (4.5, 9.0, 0), (9.5, 12.0, 1)]
    expected = [(0.5, 4.0, "SPEAKER_00"), (4.5, 9.0, "SPEAKER_01"), (9.5, 12.0, "SPEAKER_00")]
    check(found(scene, turns, 2), expected)


def test_two_at_once_are_two_turns(scene):
    turns = [(0.5, 6.0, 0), (4.0, 9.0, 1)]
    check(found(scene, turns, 2), [(0.5, 6.0, "SPEAKER_00"), (4.0, 9.0, "SPEAKER_01")])


def test_at_once_and_with_one_voice_only_there_is_one_turn(scene):
    check(found(scene, [(0.5, 6.0, 0), (4.0, 9.0, 1)], 1), [(0.5, 9.0, "SPEAKER_00")])


def test_short_silences_are_bridged_and_longer_ones_are_not(scene):
    turns = [(0.5, 3.0, 0), (3.2, 6.0, 0), (6.5, 9.0, 0)]
    check(found(scene, turns, 1), [(0.5, 6.0, "SPEAKER_00"), (6.5, 9.0, "SPEAKER_00")])


def test_a_short_answer_goes_to_the_voice_it_has_elsewhere_in_the_chunk(scene):
    turns = [(0.5, 4.0, 0), (4.2, 4.6, 1), (4.8, 6.0, 0), (6.5, 9.0, 1)]
    expected = [(0.5, 4.0, 0), (4.2, 4.6, 1), (4.8, 6.0, 0), (6.5, 9.0, 1)]
    check(found(scene, turns, 2), [(start, end, f"SPEAKER_{person:02d}") for start, end, person in expected])


def test_a_long_conversation_keeps_its_people_through_all_chunks(talk, scene):
    made = talk(5, spread=0.6)
    turns = reconstruct(made.local, made.windows, voices(5, scene))
    check(
        [(turn.start, turn.end, turn.label) for turn in turns],
        [(turn.start, turn.end, f"SPEAKER_{int(turn.label):02d}") for turn in made.turns],
    )


@pytest.mark.parametrize("window_vote", [0, 1])
@pytest.mark.parametrize("second", [0, 1])
def test_a_run_is_named_by_its_own_windows(monkeypatch, second, window_vote):
    """The segmentation takes two people for one: a long run of the first, a shorter one of the second."""
    monkeypatch.setattr(reconstruction, "WINDOW_VOTE", window_vote)
    active = np.zeros((1, CHUNK_FRAMES, LOCAL_SPEAKERS), bool)
    active[0, :350, 0] = active[0, 400:550, 0] = True
    starts = np.arange(PER_CHUNK) * HOP_FRAMES
    shares = np.stack([active[0, start : start + WIDTH_FRAMES].mean(0) for start in starts])[None]
    vectors = np.eye(2, dtype=np.float32)[np.where(starts < 345, 0, second)]
    windows = Windows(vectors, shares, shares.sum(2), np.arange(PER_CHUNK)[None])
    turns = reconstruct(LocalSpeech(active, CHUNK_FRAMES), windows, np.eye(2, dtype=np.float32))
    expected = [(0.0, ZERO + 350 * STEP, 0), (ZERO + 400 * STEP, ZERO + 550 * STEP, second)]
    check(
        [(turn.start, turn.end, turn.label) for turn in turns],
        [(start, end, f"SPEAKER_{person:02d}") for start, end, person in expected],
    )


@pytest.mark.parametrize(("believers", "heard"), [(2, False), (3, True)])
def test_most_chunks_decide_whether_somebody_speaks(scene, believers, heard):
    made = scene([(0.0, 20.0, 0)])
    active = np.zeros_like(made.local.active)
    for chunk in range(believers):  # all of the first five chunks hear frames 480 to 588
        active[chunk, 480 - chunk * STEP_FRAMES : CHUNK_FRAMES - chunk * STEP_FRAMES, 0] = True
    turns = reconstruct(LocalSpeech(active, made.local.frames), made.windows, voices(1, scene))
    assert [(turn.start, turn.end) for turn in turns] == [
        pytest.approx((ZERO + 480 * STEP, ZERO + CHUNK_FRAMES * STEP))
    ] * heard


def test_nobody_speaks(scene):
    made = scene([(0.0, 1.0, 0)])
    silent = LocalSpeech(np.zeros_like(made.local.active), made.local.frames)
    assert total(reconstruct(silent, made.windows, voices(1, scene)).speech) == 0
