from dataclasses import replace

import numpy as np
import pytest

from spk.embed import ModelId
from spk.enroll import Excerpt
from spk.errors import FingerprintError
from spk.identify import GalleryScorer, OperatingPoint, Verdict, gallery

PEOPLE = {"ann": 300, "bob": 1500, "carol": 5000, "dave": 120}
OTHER = ModelId("other", "f" * 64)


@pytest.fixture
def full(toy, voice):
    for name, hertz in PEOPLE.items():
        assert toy.enroll(name, [Excerpt(voice(hertz)), Excerpt(voice(hertz, seed=1))], force=True).enrollment
    return toy


@pytest.fixture
def heard(toy, voice):
    """Vectors of everybody, and of a stranger."""
    return toy.embedder([voice(hertz, 3.0, seed=7).samples for hertz in (*PEOPLE.values(), 2700)])


SECONDS = [3.0] * 5


def names(scorer, heard) -> list[tuple[str | None, Verdict]]:
    comparison = scorer.compare(heard, SECONDS)
    found = comparison.decide(OperatingPoint(), distinct=True)
    people = comparison.speakers
    return [(people[match.speaker].name if match.speaker else None, match.verdict) for match in found]


def test_everybody_is_found(full, heard):
    found = names(full.scorer, heard)
    assert found[:4] == [(name, Verdict.KNOWN) for name in PEOPLE]
    assert found[4][1] is not Verdict.KNOWN


def test_shapes_and_prior(full, heard):
    comparison = full.scorer.compare(heard, SECONDS)
    assert comparison.score.shape == comparison.llr.shape == (5, 4)
    assert comparison.people == 4
    assert set(comparison.speakers) == {profile.speaker.id for profile in comparison.profiles}


def test_an_empty_gallery_knows_nobody(toy, heard):
    toy.scorer.check()
    assert names(toy.scorer, heard) == [(None, Verdict.UNKNOWN)] * 5


def test_a_large_gallery_is_searched_and_decides_alike(full, heard, monkeypatch):
    exact = full.scorer.compare(heard, SECONDS)
    monkeypatch.setattr(gallery, "EXACT", 2)
    asked = []
    search = full.store.search
    monkeypatch.setattr(full.store, "search", lambda *how: asked.append(how) or search(*how))
    large = full.scorer
    # Half of the people make the centre of a gallery of four when two are read: take the whole one's here.
    large.scorer = full.calibration.scorer(exact.profiles)
    found = large.compare(heard, SECONDS)
    assert len(asked) == 1
    assert np.allclose(found.llr, exact.llr)
    assert found.decide(OperatingPoint(), distinct=True) == exact.decide(OperatingPoint(), distinct=True)


def test_few_candidates_leave_the_prior_as_it_is(full, heard, monkeypatch):
    expected = full.scorer.compare(heard[:1], SECONDS[:1]).decide(OperatingPoint(), distinct=True)
    monkeypatch.setattr(gallery, "EXACT", 2)
    monkeypatch.setattr(gallery, "CANDIDATES", 2)
    large = full.scorer
    large.scorer = full.scorer.calibration.scorer(
        tuple(full.store.profiles(full.gallery, full.embedder.model.fingerprint))
    )
    comparison = large.compare(heard[:1], SECONDS[:1])
    assert len(comparison.profiles) == 2
    [match] = comparison.decide(OperatingPoint(), distinct=True)
    assert match.speaker == expected[0].speaker
    assert match.probability == pytest.approx(expected[0].probability, abs=0.02)


def test_a_large_gallery_is_centred_on_some_of_it(full, monkeypatch):
    monkeypatch.setattr(gallery, "EXACT", 2)
    assert np.isfinite(full.scorer.scorer.centre).all()


def test_an_anonymous_voice_compares_like_a_person(full, heard):
    scorer = full.scorer
    nobody = scorer.anonymous(heard[:1], np.array([3.0]))
    comparison = scorer.against([nobody], heard, SECONDS)
    assert comparison.score[0, 0] == pytest.approx(1)
    assert comparison.score[1:, 0].max() < 0.8
    assert nobody.speaker.id not in {speaker.id for speaker in full.store.speakers(full.gallery)}


def test_a_calibration_of_another_model_is_refused(toy):
    with pytest.raises(FingerprintError, match="cannot judge scores of other"):
        GalleryScorer(toy.store, toy.gallery, OTHER, toy.calibration)


def test_a_gallery_of_another_model_is_refused(full):
    calibration = replace(full.calibration, model=OTHER.name, fingerprint=OTHER.fingerprint)
    scorer = GalleryScorer(full.store, full.gallery, OTHER, calibration)
    with pytest.raises(FingerprintError, match='nobody in the gallery "default" is enrolled by the model other'):
        scorer.check()
    full.scorer.check()


def test_people_without_this_model_are_just_not_found(full, voice):
    embedder = replace(full.embedder, model=OTHER)
    calibration = replace(full.calibration, model=OTHER.name, fingerprint=OTHER.fingerprint)
    other = replace(full, embedder=embedder, calibration=calibration)
    other.enroll("ann", [Excerpt(voice(300))])
    other.scorer.check()
    comparison = other.scorer.compare(embedder([voice(300, seed=9).samples]), [4.0])
    assert [profile.speaker.name for profile in comparison.profiles] == ["ann"]
    assert other.scorer.people == 4
    assert comparison.people == 4  # the other three would sound like strangers
