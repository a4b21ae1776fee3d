"""What the doctor finds: voices of known geometry, so that everything it should say is known beforehand."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count

import numpy as np
import pytest

from spk.embed import ModelId
from spk.errors import InputError
from spk.evaluate import doctor
from spk.evaluate.checkup import Concern
from spk.evaluate.doctor import examine
from spk.evaluate.misses import PERSON_SHARE, Rival, Standing, deviations, expected_llr, predicted_fnir
from spk.identify import GalleryScorer, OperatingPoint, gallery
from spk.identify.scoring import Cosine
from spk.store import NewRecording, NewSample, Origin, Store
from spk.timeline import Segment

ANN, BOB, CAROL, DAVE = range(4)  # directions that people's voices point in
OTHER = ModelId("other", "f" * 64)
DIM = 64


@dataclass
class Clinic:
    """A store of made-up voiceprints: two samples of one voice have the cosine ``alike``, of two voices 0."""

    store: Store
    scorer: GalleryScorer
    fresh: count
    alike: float = 0.9

    def vector(self, voice: int, alike: float | None = None) -> np.ndarray:
        vector = np.zeros(DIM, np.float32)
        share = self.alike if alike is None else alike
        vector[voice] = share**0.5
        vector[10 + next(self.fresh) % 50] = (1 - share) ** 0.5
        return vector

    def sample(self, voice: int, recording: str | None = None, start: float = 0.0, **how) -> NewSample:
        number = next(self.fresh)
        source = recording or f"{number}.wav"
        model = how.pop("model", self.scorer.model).fingerprint
        made = NewSample(
            recording=NewRecording(f"hash of {source}", source, 100.0),
            segment=Segment(start, start + 10.0),
            sha256=f"content {number}",
            net_seconds=10.0,
            quality={"snr_db": 20.0},
            origin=Origin.ENROLLED,
            vectors={model: self.vector(voice)},
        )
        return replace(made, **how)

    def enroll(self, name: str | None, *samples: NewSample, force: bool = False):
        return self.store.enroll(self.scorer.gallery, name, samples, force=force).speaker

    def healthy(self, *voices: int, samples: int = 4) -> None:
        for voice in voices:
            self.enroll(("ann", "bob", "carol", "dave")[voice], *(self.sample(voice) for _ in range(samples)))

    def examine(self, **how):
        scorer = GalleryScorer(self.store, self.scorer.gallery, self.scorer.model, self.scorer.calibration)
        found = examine(scorer, **how)
        for checkup in found:
            json.dumps(checkup.to_json(), allow_nan=False)  # nothing that is no number gets out
        return {checkup.speaker.label: checkup for checkup in found}


@pytest.fixture
def clinic(toy):
    recipe = Cosine()
    recipe.background_ = np.zeros(DIM)
    calibration = replace(toy.calibration, recipe=recipe)
    return Clinic(toy.store, GalleryScorer(toy.store, toy.gallery, toy.embedder.model, calibration), count())


def concerns(checkup) -> list[Concern]:
    return [advice.concern for advice in checkup.advice]


def test_everybody_in_order(clinic):
    clinic.healthy(ANN, BOB)
    found = clinic.examine()
    ann = found["ann"]
    assert ann.advice == ()
    assert (ann.net_seconds, ann.provisional, ann.recordings, ann.sessions) == (40, False, 4, 4)
    assert ann.spread.lowest_score == pytest.approx(ann.spread.median_score, abs=0.1)
    assert ann.spread.lowest_llr > 10
    assert ann.nearest.speaker.label == "bob"
    assert not ann.nearest.named
    assert ann.nearest.most < -10
    assert [miss.seconds for miss in ann.misses] == [1.5, 3, 10]
    assert 0 < ann.fnir < 0.1
    assert ann.needed_llr == pytest.approx(OperatingPoint().needed_llr(2))


def test_an_empty_gallery(clinic):
    assert clinic.examine() == {}


# Whose voice it is


def test_a_sample_of_somebody_else(clinic):
    clinic.healthy(ANN, BOB, CAROL)
    clinic.enroll("ann", clinic.sample(BOB, "mixed-up.wav", 3.1))
    found = clinic.examine()
    assert list(found) == ["ann", "bob", "carol"]  # the worst first
    [wrong] = [check for check in found["ann"].checks if check.sounds_like]
    assert wrong.sample.recording.source == "mixed-up.wav"
    assert wrong.sounds_like.label == "bob"
    assert wrong.llr < 0 < wrong.other_llr
    assert not wrong.unlike
    assert concerns(found["ann"])[0] is Concern.SOUNDS_LIKE
    assert found["ann"].advice[0].text.startswith("listen to mixed-up.wav (3.1-13.1 s): it sounds like bob (LLR ")
    assert found["ann"].spread.lowest_llr == pytest.approx(wrong.llr)
    assert found["bob"].advice == found["carol"].advice == ()


def test_a_whole_recording_of_somebody_else(clinic):
    """Its samples are alike, and may not vouch for one another."""
    clinic.healthy(ANN, BOB)
    clinic.enroll("ann", *(clinic.sample(BOB, "bobs.wav", start) for start in (0, 20, 40)))
    wrong = [check for check in clinic.examine()["ann"].checks if check.sounds_like]
    assert [check.sample.recording.source for check in wrong] == ["bobs.wav"] * 3


def test_a_sample_of_nobody_known(clinic):
    clinic.healthy(ANN, BOB)
    clinic.enroll("ann", clinic.sample(DAVE, "who.wav"))
    ann = clinic.examine()["ann"]
    [strange] = [check for check in ann.checks if check.unlike]
    assert strange.sample.recording.source == "who.wav"
    assert strange.sounds_like is None
    assert concerns(ann) == [Concern.UNLIKE]
    assert "who.wav (0.0-10.0 s): it does not sound like the rest of ann" in ann.advice[0].text


def test_two_samples_that_disagree(clinic):
    clinic.healthy(BOB)
    clinic.enroll("ann", clinic.sample(ANN), clinic.sample(CAROL))
    ann = clinic.examine()["ann"]
    assert [check.unlike for check in ann.checks] == [True, True]
    assert ann.advice[0].text.startswith("listen to all samples of ann: they do not sound like one person")
    assert concerns(ann).count(Concern.UNLIKE) == 1


def test_of_two_the_one_that_is_somebody_elses(clinic):
    """What is left is not held against the person for being unlike it."""
    clinic.healthy(BOB)
    clinic.enroll("ann", clinic.sample(ANN), clinic.sample(BOB, "bobs.wav"))
    ann = clinic.examine()["ann"]
    assert [check.sample.recording.source for check in ann.checks if check.sounds_like] == ["bobs.wav"]
    assert not any(check.unlike for check in ann.checks)


def test_one_person_under_two_names(clinic):
    clinic.healthy(ANN, BOB, CAROL)
    alone = clinic.examine()["ann"].fnir
    clinic.enroll("anna", *(clinic.sample(ANN) for _ in range(4)))
    found = clinic.examine()
    for name, other in (("ann", "anna"), ("anna", "ann")):
        assert found[name].nearest.speaker.label == other
        assert found[name].nearest.named
        assert concerns(found[name])[0] is Concern.ONE_VOICE
    assert found["ann"].advice[0].text.startswith("listen to ann and anna: they sound like one person (LLR ")
    assert found["ann"].fnir > 2 * alone  # the two share the evidence
    assert found["bob"].fnir == pytest.approx(alone, rel=0.5)


def test_people_who_sound_alike_somewhat(clinic):
    clinic.healthy(ANN)
    between = [clinic.sample(BOB, vectors={clinic.scorer.model.fingerprint: blend}) for blend in blends(0.52, 4)]
    clinic.enroll("bob", *between)
    ann = clinic.examine()["ann"]
    assert 0 < ann.nearest.most < ann.needed_llr
    assert concerns(ann) == [Concern.LOOK_ALIKE]
    assert "record more of ann and bob: they sound alike" in ann.advice[0].text


def blends(cosine: float, samples: int) -> list[np.ndarray]:
    """Voices that have this cosine with Ann's, and are alike among themselves."""
    rows = np.zeros((samples, DIM), np.float32)
    rows[:, ANN], rows[:, BOB] = cosine, (1 - cosine**2) ** 0.5
    return list(rows)


def test_strangers_who_are_kept(clinic):
    """They are nobody to examine, unless asked for; but people may be among them."""
    clinic.healthy(ANN)
    stranger = clinic.enroll(None, *(clinic.sample(ANN) for _ in range(4)))
    found = clinic.examine()
    assert list(found) == ["ann"]
    assert found["ann"].nearest.speaker == stranger
    assert list(clinic.examine(speakers=[stranger])) == [stranger.label]


# The same audio


def test_the_same_audio_of_two_people(clinic):
    clinic.healthy(ANN, BOB)
    stolen = clinic.sample(ANN, "both.wav")
    clinic.enroll("ann", stolen)
    clinic.enroll("bob", stolen, force=True)
    found = clinic.examine()
    for name, other in (("ann", "bob"), ("bob", "ann")):
        [copy] = found[name].duplicates
        assert (copy.whose.label, copy.overlap) == (other, 10)
        assert Concern.SHARED in concerns(found[name])
    assert concerns(found["bob"]) == [Concern.SOUNDS_LIKE, Concern.SHARED]
    assert "decide whose both.wav (0.0-10.0 s) is: bob has 10.0 s of the same audio" in found["ann"].advice[0].text


def test_overlapping_parts_of_a_recording(clinic):
    clinic.healthy(ANN, samples=3)
    parts = [clinic.sample(ANN, "long.wav", start) for start in (0, 6, 50)]
    clinic.enroll("ann", *parts)
    [copy] = clinic.examine()["ann"].duplicates
    assert (copy.sample.segment.start, copy.other.segment.start, copy.overlap) == (0, 6, 4)
    assert copy.whose.label == "ann"
    ann = clinic.examine()["ann"]
    assert concerns(ann) == [Concern.DOUBLED]
    assert "4.0 s of the same audio, counted twice" in ann.advice[0].text


def test_the_same_audio_in_another_format(clinic):
    clinic.healthy(ANN, BOB)
    first = clinic.sample(ANN, "a.wav")
    again = clinic.sample(ANN, "a.mp3", vectors=first.vectors)
    clinic.enroll("ann", first, again)
    [copy] = clinic.examine()["ann"].duplicates
    assert {copy.sample.recording.source, copy.other.recording.source} == {"a.wav", "a.mp3"}
    assert copy.overlap is None
    assert copy.cosine == pytest.approx(1)
    assert concerns(clinic.examine()["ann"]) == [Concern.DOUBLED]


@pytest.mark.parametrize(("duration", "found"), [(100.0, True), (90.0, False)])
def test_nearly_the_same_voiceprint(clinic, duration, found):
    """Of recordings of one length it is a copy; long ones of one session come near it, too."""
    clinic.healthy(ANN, BOB)
    first = clinic.sample(ANN)
    [vector] = first.vectors.values()
    near = 0.985 * vector
    near[-1] += (1 - 0.985**2) ** 0.5
    again = clinic.sample(
        ANN, recording="again.ogg", vectors={clinic.scorer.model.fingerprint: near / np.linalg.norm(near)}
    )
    clinic.enroll("ann", first, replace(again, recording=replace(again.recording, duration=duration)))
    assert len(clinic.examine()["ann"].duplicates) == found


# How much there is


def test_one_sample(clinic):
    clinic.healthy(BOB)
    clinic.enroll("ann", clinic.sample(ANN))
    ann = clinic.examine()["ann"]
    assert ann.spread is None
    assert ann.checks[0].llr is None
    assert [advice.text for advice in ann.advice] == [
        "record 20 s more speech: the profile is provisional (10 s)",
        "record on another day or device: everything is from one recording",
    ]
    assert ann.fnir is not None  # what the calibration expects of anybody


def test_one_recording_says_nothing_of_other_recordings(clinic):
    clinic.healthy(BOB)
    clinic.alike = 0.75
    clinic.enroll("ann", *(clinic.sample(ANN, "one.wav", start) for start in (0, 20, 40, 60)))
    clinic.enroll("carol", *(clinic.sample(CAROL) for _ in range(4)))
    found = clinic.examine()
    ann, carol = found["ann"], found["carol"]
    assert ann.recordings == ann.sessions == 1
    assert ann.spread.median_llr == pytest.approx(carol.spread.median_llr)
    assert ann.spread.median_llr < found["bob"].spread.median_llr
    assert concerns(ann) == [Concern.ONE_RECORDING]
    general = predicted_fnir(clinic.scorer.calibration, Standing.of([]), ann.needed_llr, seconds=3, profile_seconds=40)
    assert ann.fnir == pytest.approx(general, rel=0.01)
    assert carol.fnir > general > found["bob"].fnir


def test_sessions_are_days_where_there_are_several(clinic, monkeypatch):
    clinic.healthy(ANN)
    assert clinic.examine()["ann"].sessions == 4
    samples = clinic.store.samples(clinic.scorer.gallery)
    later = [replace(sample, created=sample.created + timedelta(days=7)) for sample in samples[2:]]
    monkeypatch.setattr(clinic.store, "samples", lambda _: [*samples[:2], *later])
    assert clinic.examine()["ann"].sessions == 2


def test_hard_to_recognise(clinic):
    clinic.healthy(BOB)
    clinic.alike = 0.55
    clinic.enroll("ann", *(clinic.sample(ANN) for _ in range(6)))
    ann = clinic.examine()["ann"]
    assert ann.fnir > 0.1
    assert concerns(ann) == [Concern.MISSED]
    assert f"{ann.fnir * 100:.0f} % of clips of 3 s" in ann.advice[0].text


def test_what_was_forced(clinic):
    clinic.healthy(ANN)
    clinic.enroll("ann", clinic.sample(ANN, "noisy.wav", forced=("noise",)))
    [advice] = clinic.examine()["ann"].advice
    assert advice.concern is Concern.FORCED
    assert advice.text.endswith("again: it was enrolled by --force, against: noise")


# Models


def test_a_profile_of_a_retired_model(clinic):
    clinic.healthy(BOB)
    clinic.enroll("ann", *(clinic.sample(ANN, model=OTHER) for _ in range(2)))
    ann = clinic.examine()["ann"]
    assert [(old.model, old.samples) for old in ann.retired] == [(OTHER.fingerprint, 2)]
    assert (ann.net_seconds, ann.misses, ann.nearest, ann.spread) == (0, (), None, None)
    assert [advice.text for advice in ann.advice] == [
        "enroll again with model fake: all voiceprints are by models that are not in use"
    ]


def test_samples_of_a_retired_model(clinic):
    clinic.healthy(ANN, BOB)
    clinic.enroll("ann", clinic.sample(ANN, model=OTHER))
    ann = clinic.examine()["ann"]
    assert concerns(ann) == [Concern.RETIRED]
    assert ann.advice[0].text.startswith("enroll 1 sample again with model fake")
    assert len(ann.checks) == 5
    assert ann.net_seconds == 40


def test_a_gallery_of_another_model(clinic):
    clinic.enroll("ann", clinic.sample(ANN, model=OTHER))
    assert concerns(clinic.examine()["ann"]) == [Concern.NO_PROFILE]


# Large galleries


def test_a_large_gallery_is_searched_and_found_alike(clinic, monkeypatch):
    clinic.healthy(ANN, BOB, CAROL, DAVE)
    copied = clinic.sample(BOB, "copy.wav")
    clinic.enroll("bob", copied)
    clinic.enroll("ann", copied, force=True)
    clinic.enroll("bob", clinic.sample(BOB, model=OTHER))
    exact = clinic.examine()
    monkeypatch.setattr(gallery, "EXACT", 2)
    monkeypatch.setattr(doctor, "EXACT", 2)
    large = clinic.examine()
    assert {name: found.to_json() for name, found in large.items()} == {
        name: found.to_json() for name, found in exact.items()
    }
    one = clinic.examine(speakers=[large["ann"].speaker])
    assert one["ann"].to_json() == exact["ann"].to_json()


# The prediction


def test_the_operating_point_counts(clinic):
    clinic.healthy(ANN, BOB)
    rates = [clinic.examine(point=OperatingPoint.from_fpir(fpir))["ann"].fnir for fpir in (0.001, 0.01, 0.1)]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == 3


def test_lengths(clinic):
    clinic.healthy(ANN, BOB)
    ann = clinic.examine(seconds=0.7)["ann"]
    assert [miss.seconds for miss in ann.misses] == [0.7, 1.5, 10]
    assert [miss.rate for miss in ann.misses] == sorted((miss.rate for miss in ann.misses), reverse=True)
    assert ann.fnir == ann.misses[0].rate
    assert clinic.examine(seconds=0.3)["ann"].fnir == 1  # no verdict is given on so little


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_impossible_lengths(clinic, seconds):
    with pytest.raises(InputError, match="a probe has some seconds of speech"):
        clinic.examine(seconds=seconds)


def test_a_rate_that_the_calibration_does_not_know(clinic):
    clinic.healthy(ANN)
    clinic.scorer.calibration = replace(clinic.scorer.calibration, false_alarms=None)
    with pytest.raises(InputError, match="how often strangers get a name"):
        clinic.examine(point=OperatingPoint.from_fpir(0.01))


def test_a_calibration_that_expects_nothing(clinic):
    clinic.healthy(ANN, BOB)
    clinic.scorer.calibration = replace(clinic.scorer.calibration, offset=-1.0)
    ann = clinic.examine()["ann"]
    assert [miss.rate for miss in ann.misses] == [None] * 3


def test_prediction_against_simulated_people(clinic):
    """Many people by the model of the docstring: as many misses as predicted, on average and of any kind of person."""
    rng = np.random.default_rng(0)
    calibration, needed, people, probes, recordings = clinic.scorer.calibration, 6.0, 4000, 50, 4
    own = rng.normal(0, PERSON_SHARE**0.5, people)
    rest = (1 - PERSON_SHARE) ** 0.5
    # n independent recordings are n + 1 that hear one another.
    seen = own + rng.normal(0, rest / (recordings - 1) ** 0.5, people)
    expected = float(expected_llr(calibration, 1.5, 30.0))
    llr = expected + (2 * expected) ** 0.5 * (own[:, None] + rng.normal(0, rest, (people, probes)))
    missed = (llr < needed).mean(axis=1)
    predicted = np.array(
        [
            predicted_fnir(calibration, Standing.of([[z]] * recordings), needed, seconds=1.5, profile_seconds=30.0)
            for z in seen
        ]
    )
    assert missed.mean() == pytest.approx(predicted.mean(), rel=0.05)
    for third in np.array_split(np.argsort(predicted), 3):
        assert missed[third].mean() == pytest.approx(predicted[third].mean(), rel=0.1)


def test_deviations():
    from spk.identify import Calibration

    recipe = Cosine()
    recipe.background_ = np.zeros(2)
    calibration = Calibration("m", "f", recipe, slope=40.0, offset=20.0, constant=2.0, half_seconds=1.0)
    expected = float(expected_llr(calibration, 3.0, 3.0))
    assert expected == pytest.approx(20 * 0.75**1.5)
    strangers = calibration.llr(2.0 / 40.0, 3.0, 3.0)
    assert float(strangers) == pytest.approx(-expected)
    found = deviations(calibration, [expected, expected + (2 * expected) ** 0.5, 0.0], 3.0, [3.0, 3.0, 0.0])
    assert found[:2] == pytest.approx([0, 1])
    assert np.isnan(found[2])


def test_a_rival_takes_evidence():
    from spk.identify import Calibration

    recipe = Cosine()
    recipe.background_ = np.zeros(2)
    calibration = Calibration("m", "f", recipe, slope=40.0, offset=20.0, half_seconds=1.0)

    def rate(llr: float) -> float:
        rival = Rival(llr, stranger_odds=10)
        found = predicted_fnir(calibration, Standing.of([]), 5.0, seconds=3.0, profile_seconds=30.0, rival=rival)
        return found or 0.0

    alone = predicted_fnir(calibration, Standing.of([]), 5.0, seconds=3.0, profile_seconds=30.0)
    assert rate(-20.0) == pytest.approx(alone)
    assert alone < rate(5.0) < rate(15.0) < rate(1000.0) <= 1
