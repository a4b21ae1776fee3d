from contextlib import suppress
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from spk.audio import Audio, load
from spk.embed import ModelId
from spk.enroll import Excerpt
from spk.errors import AudioError, FingerprintError, InputError, NotFoundError
from spk.identify import Decision, GalleryScorer, OperatingPoint
from spk.identify.scoring import AsNorm

ANN, BOB = 300, 1500  # hertz


@pytest.fixture
def known(toy, voice):
    for name, hertz in {"ann": ANN, "bob": BOB}.items():
        assert toy.enroll(name, [Excerpt(voice(hertz)), Excerpt(voice(hertz, seed=1))]).enrollment
    return toy


def claim(room, name: str, audio: Audio):
    verifier = room.verify
    return verifier.claim(room.store.speaker(room.gallery, name), verifier.hear(audio))


def test_the_person_and_somebody_else(known, voice):
    same = claim(known, "ann", voice(ANN, 3.0, seed=9))
    different = claim(known, "ann", voice(BOB, 3.0, seed=9))
    assert (same.decision, different.decision) == (Decision.SAME, Decision.DIFFERENT)
    assert same.llr > 5 > -5 > different.llr
    assert same.score > 0.9 > different.score
    assert same.net_seconds == 3


def test_two_recordings(known, voice):
    verifier = known.verify
    ann, again, bob = (verifier.hear(voice(*how)) for how in ((ANN, 3.0, 7), (ANN, 8.0, 8), (BOB, 3.0, 7)))
    assert verifier.compare(ann, again).decision is Decision.SAME
    assert verifier.compare(ann, bob).decision is Decision.DIFFERENT
    for one, other in combinations((ann, again, bob), 2):
        there, back = verifier.compare(one, other), verifier.compare(other, one)
        assert there.llr == pytest.approx(back.llr)
        assert there.score == pytest.approx(back.score)


def test_a_rival_speaks_against_the_claim(toy, voice):
    """What could be ann is less surely ann once somebody is known who sounds alike."""
    toy.enroll("ann", [Excerpt(voice(ANN)), Excerpt(voice(ANN, seed=1))])
    probe = voice(ANN * 1.2, 3.0, seed=9)
    before = claim(toy, "ann", probe)
    toy.enroll("anna", [Excerpt(voice(ANN * 1.2)), Excerpt(voice(ANN * 1.2, seed=1))], force=True)
    after = claim(toy, "ann", probe)
    assert after.llr < before.llr - 3
    assert claim(toy, "anna", probe).llr > after.llr


def test_a_gallery_of_one_gives_the_plain_llr(toy, voice):
    toy.enroll("ann", [Excerpt(voice(ANN))])
    found = claim(toy, "ann", voice(ANN, 3.0, seed=9))
    assert found.llr == pytest.approx(float(toy.calibration.llr(found.score, 3.0, 4.0)))


def test_json(known, voice):
    record = claim(known, "ann", voice(ANN, 3.0, seed=9)).to_json()
    assert list(record) == ["score", "cosine", "llr", "decision", "net_speech", "false_alarm"]
    assert (record["decision"], record["net_speech"]) == ("same", 3.0)
    assert record["score"] == record["cosine"]


def test_a_score_that_is_no_cosine_is_not_called_one(known, voice):
    recipe = AsNorm(top=2, size=4).fit(np.eye(known.embedder.dim), range(known.embedder.dim))
    other = replace(known, calibration=replace(known.calibration, recipe=recipe))
    record = claim(other, "ann", voice(ANN, 3.0, seed=9)).to_json()
    assert record["score"] is not None
    assert record["cosine"] is None


@pytest.mark.parametrize(
    ("seconds", "level", "said"),
    [
        (2.0, 0.0, "holds no speech: check the recording and its level"),
        (0.2, 1.0, "0.20 s of speech are too short for fake, which needs 0.25 s: record more"),
    ],
)
def test_too_little_to_compare(known, voice, seconds, level, said):
    audio = voice(ANN, seconds)
    with pytest.raises(AudioError, match=said):
        known.verify.hear(replace(audio, samples=audio.samples * np.float32(level)))


def test_a_word_is_compared_and_stays_unsure(known, voice):
    word = known.verify.hear(voice(ANN, 0.4, seed=9))
    ann = known.store.speaker(known.gallery, "ann")
    claimed = known.verify.claim(ann, word)
    assert claimed.decision is Decision.UNSURE
    assert claimed.llr > 0
    assert claimed.net_seconds == pytest.approx(0.4)
    paired = (known.verify.compare(word, known.verify.hear(voice(BOB, 4.0))), known.verify.compare(word, word))
    assert {found.decision for found in paired} == {Decision.UNSURE}


def test_operating_points(known, voice):
    probe = known.verify.hear(voice(ANN, 3.0, seed=9))
    ann = known.store.speaker(known.gallery, "ann")
    found = known.verify.claim(ann, probe)
    assert found.false_alarm == pytest.approx(known.calibration.false_alarms.rate(found.llr, 1))
    for point, decision in (
        (OperatingPoint.from_fpir(found.false_alarm * 1.1), Decision.SAME),
        (OperatingPoint.from_fpir(found.false_alarm * 0.9), Decision.UNSURE),
        (OperatingPoint.from_costs(miss=1, false=1e12, prior=0.5), Decision.UNSURE),
        (OperatingPoint.from_costs(miss=1, false=1, prior=1e-12), Decision.DIFFERENT),
    ):
        assert replace(known.verify, point=point).claim(ann, probe).decision is decision
    ignorant = replace(known, calibration=replace(known.calibration, false_alarms=None))
    assert ignorant.verify.claim(ann, probe).false_alarm is None
    with pytest.raises(InputError, match="fit one with `spk calibrate`"):
        replace(ignorant.verify, point=OperatingPoint.from_fpir(0.01))


def test_another_model_is_an_error(known, voice):
    model = ModelId("other", "f" * 64)
    calibration = replace(known.calibration, model=model.name, fingerprint=model.fingerprint)
    other = replace(known, embedder=replace(known.embedder, model=model), calibration=calibration)
    with pytest.raises(FingerprintError, match="ann has no voiceprint by model ffffffffffff, only by"):
        claim(other, "ann", voice(ANN))
    with pytest.raises(FingerprintError, match="cannot judge scores of other"):
        GalleryScorer(known.store, known.gallery, model, known.calibration)


def test_somebody_who_left(known, voice):
    ann = known.store.speaker(known.gallery, "ann")
    known.store.delete(ann)
    verifier = known.verify
    with pytest.raises(NotFoundError, match="ann is not in this home any more"):
        verifier.claim(ann, verifier.hear(voice(ANN)))


def test_real_pairs(room, corpus):
    """Of real recordings hardly any answer is wrong, and most are answered."""
    speakers = sorted({row["speaker"] for row in corpus.rows if row["role"] == "enroll"})[1::6]
    for speaker in speakers:
        assert room.enroll(speaker, [Excerpt(load(file)) for file in corpus.files("enroll", speaker)]).enrollment
    verifier = room.verify
    probes = []
    for speaker in speakers:
        for file in corpus.files("test", speaker)[:3]:
            with suppress(AudioError):  # too short
                probes.append((speaker, verifier.hear(load(file))))
    wrong, answered, trials = 0, 0, 0
    for enrolled in speakers:
        person = room.store.speaker(room.gallery, enrolled)
        for speaker, voice in probes:
            decision = verifier.claim(person, voice).decision
            truth = Decision.SAME if speaker == enrolled else Decision.DIFFERENT
            trials += 1
            answered += decision is not Decision.UNSURE
            wrong += decision not in (truth, Decision.UNSURE)
    pairs = [(one == other, verifier.compare(a, b).llr) for (one, a), (other, b) in combinations(probes, 2)]
    assert trials > 100
    assert wrong <= 0.01 * trials
    assert answered > 0.9 * trials
    assert min(llr for same, llr in pairs if same) > np.median([llr for same, llr in pairs if not same])
