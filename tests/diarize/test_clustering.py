"""Clustering: how many people, whatever the recording makes of their voices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.diarize import SpeakerCount, clustering
from spk.diarize.clustering import Contrast, cluster
from spk.diarize.windows import Windows, embed_windows
from spk.errors import InputError

ANY = SpeakerCount()


@pytest.mark.parametrize("spread", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("people", [1, 2, 3, 4, 5, 6])
def test_people_are_counted(talk, people, spread):
    voices = cluster(talk(people, spread).windows, ANY)
    assert voices.shape == (people, 64)
    np.testing.assert_allclose(np.linalg.norm(voices, axis=1), 1, atol=1e-5)
    assert (voices @ voices.T - np.eye(people)).max() < 0.5


@pytest.mark.parametrize("number", [1, 2, 3, 5, 6])
def test_a_wanted_number_of_people_is_found(talk, number):
    windows = talk(4, spread=0.9).windows
    assert len(cluster(windows, SpeakerCount.exactly(number))) == number


@pytest.mark.parametrize(("count", "found"), [((1, 3), 3), ((1, 9), 4), ((2, None), 4), ((6, None), 6), ((5, 7), 5)])
def test_bounds_move_the_number_of_people_no_further_than_they_must(talk, count, found):
    assert len(cluster(talk(4, spread=0.9).windows, SpeakerCount(*count))) == found


@pytest.mark.parametrize("least", [1, 3])
def test_one_window_is_one_person(scene, least):
    windows = scene([(0.0, 1.0, 0)]).windows
    voice = cluster(windows, SpeakerCount(least))
    np.testing.assert_array_equal(voice, windows.vectors)


def test_windows_that_are_never_pure_are_better_than_none(scene):
    windows = scene([(0.0, 6.0, 0), (0.0, 6.0, 1)]).windows
    assert not windows.pure(0.1, 0.7).any()
    assert len(cluster(windows, ANY)) == 1


def test_of_very_many_windows_some_are_clustered(talk, monkeypatch):
    sizes = []

    def distances(vectors):
        sizes.append(len(vectors))
        return spied(vectors)

    spied = clustering._distances
    monkeypatch.setattr(clustering, "_distances", distances)
    monkeypatch.setattr(clustering, "MOST_WINDOWS", 60)
    windows = talk(3).windows
    assert windows.pure(0.5, 0.7).sum() > 100
    assert len(cluster(windows, ANY)) == 3
    assert sizes == [60]


@pytest.mark.parametrize(("least", "most"), [(0, None), (-1, 2), (3, 2), (1, 0)])
def test_impossible_counts_are_refused(least, most):
    with pytest.raises(InputError, match=r"at least"):
        SpeakerCount(least, most)


@given(st.floats(0, 2), st.floats(0, 2), st.floats(0, 1))
def test_the_threshold_follows_the_contrast_within_bounds(within, between, more):
    lower = Contrast(within, between).threshold
    assert lower <= Contrast(within + more, between).threshold
    assert lower <= Contrast(within, between + more).threshold
    assert 0.45 <= lower <= 0.85


def test_contrast_is_measured_in_the_recording(talk):
    tight, loose = (Contrast.measure(talk(3, spread).windows) for spread in (0.3, 0.9))
    assert tight.within < 0.2
    assert loose.within > 0.4
    assert 0.9 < tight.between < 1.1
    assert tight.threshold < loose.threshold


def test_without_pairs_the_contrast_is_the_usual_one(scene):
    contrast = Contrast.measure(scene([(0.0, 1.0, 0)]).windows)
    assert contrast == Contrast(Contrast.USUAL_WITHIN, Contrast.USUAL_BETWEEN)


@pytest.mark.parametrize(("strays", "least", "found"), [(3, 1, 2), (3, 3, 3), (5, 1, 3)])
def test_a_few_windows_astray_are_nobody_new_unless_asked_for(monkeypatch, strays, least, found):
    monkeypatch.setattr(Contrast, "PAIRS", 1)  # so that these few windows decide
    one, two, three = np.eye(3, dtype=np.float32)
    astray = np.float32(0.45) * one + np.float32(np.sqrt(1 - 0.45**2)) * three
    vectors = np.stack([one] * 7 + [two] * 5 + [astray] * strays)
    people = np.repeat([0, 1, 2], [7, 5, strays])
    alone = np.eye(3)[people][None]  # (1, windows, 3): the segmentation hears three
    windows = Windows(vectors, alone, np.ones((1, len(vectors))), np.arange(len(vectors))[None])
    assert len(cluster(windows, SpeakerCount(least))) == found


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_real_voices_are_as_many_as_asked_for(demo_windows, number):
    assert len(cluster(demo_windows, SpeakerCount.exactly(number))) == number


@pytest.fixture(scope="module")
def demo_windows(diarizer, demo):
    return embed_windows(demo, diarizer.segmentation(demo), diarizer.embedder)


def test_two_real_voices_are_two(demo_windows):
    assert len(cluster(demo_windows, ANY)) == 2
