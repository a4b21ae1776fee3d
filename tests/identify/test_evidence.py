"""Evidence: what it says, that it is read back alike, and that a kept decision comes out the same again."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.audio import Audio
from spk.enroll import Excerpt
from spk.errors import FormatError
from spk.identify import OperatingPoint
from spk.identify.evidence import Evidence, packed, unpacked
from spk.identify.explaining import Collector, calibration_record
from spk.identify.replaying import replay, today
from spk.identify.scoring import AsNorm, Cosine
from spk.timeline import Segment, Timeline, Turn

ANN, BOB, CAROL, STRANGER = 300, 1500, 5000, 2700  # hertz


@pytest.fixture
def known(toy, voice):
    """A gallery of three; ann has three samples."""
    for name, hertz, takes in (("ann", ANN, 3), ("bob", BOB, 2), ("carol", CAROL, 1)):
        assert toy.enroll(name, [Excerpt(voice(hertz, 5.0, seed=take)) for take in range(takes)]).enrollment
    return toy


@pytest.fixture
def talk(voice):
    """``talk((ANN, 4.0), (BOB, 2.0))``: people one after the other, and the turns that say so."""

    def talk(*spoken):
        parts = [voice(hertz, seconds, seed=number + 5) for number, (hertz, seconds) in enumerate(spoken)]
        edges = np.cumsum([0, *(part.duration for part in parts)]).tolist()
        labels = {hertz: f"SPEAKER_{number:02d}" for number, hertz in enumerate(dict(spoken))}
        turns = zip(edges, edges[1:], spoken, strict=False)
        timeline = Timeline(Turn(Segment(start, end), labels[hertz]) for start, end, (hertz, _) in turns)
        return Audio(np.concatenate([part.samples for part in parts]), "talk.wav"), timeline

    return talk


@pytest.fixture
def explained(toy):
    """``explained(talk(…))``: the evidence of an identification, and what was kept."""

    def explained(recording, room=toy, keep=lambda found: found, **how):
        audio, turns = recording
        identifier = replace(room, diarizer=type(room.diarizer)(turns)).identify
        if how:
            identifier = replace(identifier, **how)
        collector = Collector(identifier.scorer)
        made = collector.identification(keep(identifier.recording(audio)))
        room.store.keep_calibration(room.gallery, calibration_record(identifier.scorer.calibration))
        return made.evidence, room.store.record_decision(room.gallery, made.kept, keep_days=1)

    return explained


def again(room, record):
    kept = Evidence.parse(record.record)
    calibration = room.store.find_calibration(room.gallery, kept.calibration.id)
    return replay(room.store, record, kept, type(room.calibration).parse(calibration.record))


def test_what_it_says(known, explained, talk):
    evidence, record = explained(talk((ANN, 24.0), (STRANGER, 4.0), (BOB, 3.0)))
    assert (evidence.kind, evidence.recording, evidence.duration) == ("identify", "talk.wav", 31.0)
    assert evidence.model.fingerprint == known.embedder.model.fingerprint
    assert (evidence.calibration.id, evidence.calibration.recipe) == (known.calibration.id, "centred-cosine")
    assert (evidence.gallery.people, evidence.gallery.samples) == (3, 6)
    assert evidence.gallery.audit_hash == known.store.verify_audit().head
    assert (evidence.attendees, evidence.operating_point) == (None, OperatingPoint())
    assert evidence.needed == pytest.approx(math.log(19))
    ann, stranger, bob = evidence.voices
    assert [evidence.names[one.candidate.speaker] for one in (ann, bob)] == ["ann", "bob"]
    assert [one.verdict for one in evidence.voices] == ["known", "unknown", "known"]
    assert [len(one.pieces) for one in evidence.voices] == [3, 1, 1]
    assert (ann.agreement, bob.agreement) == (1.0, None)
    assert all(piece.speaker == ann.candidate.speaker for piece in ann.pieces)
    assert ann.pieces[1].parts == (Segment(8, 16),)
    assert ann.runner_up.speaker != ann.candidate.speaker
    assert ann.margin == pytest.approx(ann.candidate.llr - ann.runner_up.llr)
    assert [one.llr for one in ann.shortlist] == sorted((one.llr for one in ann.shortlist), reverse=True)
    assert len(ann.shortlist) == 3
    assert (ann.rest.people, ann.rest.llr) == (0, None)
    assert [one.score for one in ann.samples] == sorted((one.score for one in ann.samples), reverse=True)
    assert {evidence.sources[one.recording] for one in ann.samples} == {f"{ANN}-{take}.wav" for take in range(3)}
    assert ann.probability + ann.stranger <= 1 + 1e-9
    assert 0 < ann.false_alarm < stranger.false_alarm < 1
    [standing] = ann.standings
    assert (standing.among, standing.people, standing.below) == ("gallery", 2, 1.0)
    assert [voice.speaker for voice in record.voices] == [
        known.store.speaker(known.gallery, "ann").id, None, known.store.speaker(known.gallery, "bob").id,
    ]  # fmt: skip


def test_a_changed_voice_shows_in_its_pieces(known, explained, voice):
    samples = np.concatenate([voice(ANN, 20.0).samples, voice(BOB, 10.0).samples])
    turns = Timeline([Turn(Segment(0, 30), "SPEAKER_00")])
    evidence, _ = explained((Audio(samples, "two.wav"), turns))
    [one] = evidence.voices
    assert one.agreement == pytest.approx(2 / 3)
    assert [evidence.names[piece.speaker] for piece in one.pieces] == ["ann", "ann", "bob"]


def test_a_long_gallery_is_summed_up(known, explained, talk, voice):
    for number in range(14):
        known.enroll(f"person {number}", [Excerpt(voice(5800 + 120 * number, 5.0))], force=True)
    evidence, record = explained(talk((ANN, 4.0)))
    [ann] = evidence.voices
    assert (len(ann.shortlist), ann.rest.people) == (10, 7)
    rest = np.delete(unpacked(ann.llrs), [one.column for one in ann.shortlist])
    assert ann.rest.llr == pytest.approx(np.log(np.exp(rest).sum()))
    assert again(known, record).same


def test_evidence_is_read_back_alike(known, explained, talk):
    evidence, record = explained(talk((ANN, 12.0), (STRANGER, 4.0), (BOB, 0.1)))
    assert Evidence.parse(json.dumps(evidence.to_json(), allow_nan=False)) == evidence
    kept = Evidence.parse(record.record)
    assert kept == replace(evidence.nameless(), recording="")
    assert "ann" not in record.record
    assert ".wav" not in record.record


def test_every_field_is_documented(known, explained, talk):
    evidence, _ = explained(talk((ANN, 12.0)))

    def check(part):
        for name in type(part).__dataclass_fields__:
            assert f" {name}: " in type(part).__doc__, f"{type(part).__name__}.{name}"
            value = getattr(part, name)
            for inner in value if isinstance(value, tuple) else [value]:
                if type(inner).__module__ == type(evidence).__module__:
                    check(inner)

    check(evidence)


def test_the_same_numbers_come_out_again(known, explained, talk):
    _, record = explained(talk((ANN, 24.0), (BOB, 3.0), (STRANGER, 4.0), (CAROL, 0.4)))
    found = again(known, record)
    assert found.same, found.differences
    assert found.lost == ()
    assert found.compared > 30
    assert again(known, known.store.decision(record.id)).same


@pytest.mark.parametrize(
    "point",
    [
        OperatingPoint(fpir=0.01),
        OperatingPoint(prior_unknown=0.9),
        OperatingPoint.parse_costs("miss=1,false=9,prior=0.2"),
    ],
)
def test_other_operating_points_come_out_again(known, explained, talk, point):
    evidence, record = explained(talk((ANN, 4.0), (STRANGER, 2.0)), point=point)
    assert evidence.operating_point == point
    assert again(known, record).same


def test_as_norm_comes_out_again_and_knows_its_cohort(known, explained, talk):
    rows = np.random.default_rng(0).normal(size=(40, known.embedder.dim))
    recipe = AsNorm(top=20, size=60).fit(rows, np.arange(40))
    room = replace(known, calibration=replace(known.calibration, recipe=recipe, slope=1.0, offset=1.0))
    room = replace(room, calibration=type(room.calibration).parse(json.dumps(room.calibration.to_json())))
    evidence, record = explained(talk((ANN, 4.0), (BOB, 4.0)), room)
    gallery, synthetic = evidence.voices[0].standings
    assert (gallery.among, synthetic.among, synthetic.people) == ("gallery", "synthetic", 60)
    assert synthetic.below > 0.9
    assert again(room, record).same


def test_statistics_are_kept_at_enrollment_and_used(known, voice):
    rows = np.random.default_rng(0).normal(size=(40, known.embedder.dim))
    recipe = AsNorm(top=20, size=60).fit(rows, np.arange(40))
    room = replace(known, calibration=replace(known.calibration, recipe=recipe))
    test = known.embedder([voice(ANN, 4.0, seed=9).samples])
    computed = room.scorer.compare(test, [4.0])
    everybody = room.store.speaker_ids(room.gallery)
    assert room.store.statistics(room.calibration.id, everybody) == {}
    room.enroll("ann", [Excerpt(voice(ANN, 5.0, seed=3))])
    ann = room.store.speaker(room.gallery, "ann")
    kept = room.store.statistics(room.calibration.id, everybody)
    assert list(kept) == [ann.id]
    fresh = room.scorer.compare(test, [4.0])
    [profile] = [one for one in fresh.profiles if one.speaker == ann]
    assert profile.cohort_statistics == (kept[ann.id].mean, kept[ann.id].deviation)
    room.store.keep_statistics(room.calibration.id, [replace(kept[ann.id], samples="others", mean=9.0)])
    stale = room.scorer.compare(test, [4.0])
    assert np.allclose(stale.score, fresh.score)
    assert not np.allclose(stale.score[:, 0], computed.score[:, 0]) or len(profile.samples) == 4
    room.store.keep_statistics(room.calibration.id, [replace(kept[ann.id], mean=9.0)])
    assert not np.allclose(room.scorer.compare(test, [4.0]).score, fresh.score)


def test_clusters_of_one_voice_are_one(known, explained, voice):
    audio = Audio(
        np.concatenate([voice(ANN, 4.0, 7).samples, voice(BOB, 4.0).samples, voice(ANN, 4.0, 8).samples]), "t.wav"
    )
    turns = Timeline(Turn(Segment(start, start + 4), f"SPEAKER_{start:02d}") for start in (0, 4, 8))
    evidence, record = explained((audio, turns))
    assert evidence.voices[0].together == ("SPEAKER_00", "SPEAKER_08")
    assert evidence.voices[0].heard == evidence.voices[2].heard == 8.0
    assert [voice.label for voice in record.voices] == ["SPEAKER_00", "SPEAKER_04"]
    found = again(known, record)
    assert found.same, found.differences


def test_narrowed_to_attendees(known, explained, talk):
    people = [known.store.speaker(known.gallery, name) for name in ("ann", "bob")]
    scorer = replace_scorer(known, people)
    evidence, record = explained(talk((ANN, 4.0), (CAROL, 4.0)), scorer=scorer)
    assert evidence.attendees == tuple(str(one.id) for one in people)
    assert (evidence.people, evidence.gallery.people) == (2, 3)
    assert again(known, record).same


def replace_scorer(room, attendees):
    return type(room.scorer)(room.store, room.gallery, room.embedder.model, room.calibration, attendees)


def test_an_empty_gallery(toy, explained, talk):
    evidence, record = explained(talk((ANN, 4.0), (BOB, 0.1)), toy)
    assert [one.candidate for one in evidence.voices] == [None, None]
    assert [one.heard for one in evidence.voices] == [4.0, None]
    assert again(toy, record).same


def test_a_stranger_who_is_kept_goes_with_the_decision(known, explained, talk):
    recording = talk((STRANGER, 6.0))
    evidence, record = explained(recording, keep=known.remember)
    [stranger] = known.store.speakers(known.gallery, "unknown")
    assert [voice.speaker for voice in record.voices] == [stranger.id]
    assert evidence.names[str(stranger.id)] == stranger.label
    assert evidence.voices[0].verdict == "unknown"
    assert again(known, record).same
    met, later = explained(talk((STRANGER, 5.0)))
    assert (met.voices[0].verdict, met.voices[0].outcome) == ("unknown", "known")
    assert later.voices[0].speaker == stranger.id
    assert again(known, later).same


def test_new_samples_change_nothing_of_what_was(known, explained, talk, voice):
    _, record = explained(talk((ANN, 4.0)))
    known.enroll("ann", [Excerpt(voice(ANN, 5.0, seed=30))])
    assert again(known, record).same  # the candidate's samples of then are known one by one
    known.enroll("bob", [Excerpt(voice(BOB, 5.0, seed=31))])  # of others, those of later are left out
    found = again(known, record)
    assert (found.same, found.lost) == (True, ())
    [now] = today(known.scorer, record, Evidence.parse(record.record))
    assert (now.verdict, now.speaker.name) == ("known", "ann")


def test_erased_people_cannot_be_computed_again(known, explained, talk):
    _, record = explained(talk((ANN, 4.0), (STRANGER, 4.0)))
    known.store.delete(known.store.speaker(known.gallery, "bob"))
    found = again(known, known.store.decision(record.id))
    assert found.same
    assert "centre was erased" in found.lost[0]
    assert [one.label for one in today(known.scorer, record, Evidence.parse(record.record))] == [
        "SPEAKER_00", "SPEAKER_01",
    ]  # fmt: skip


def test_merged_people_still_come_out(known, explained, talk):
    _, record = explained(talk((ANN, 4.0)))
    ann, bob = (known.store.speaker(known.gallery, name) for name in ("ann", "bob"))
    known.store.merge(ann, bob)
    found = again(known, known.store.decision(record.id))
    assert found.same
    assert len(found.lost) == 1


@pytest.mark.parametrize("what", ["score", "llr", "probability", "verdict", "calibration", "vector", "state"])
def test_what_was_changed_is_found(known, explained, talk, what):
    _, record = explained(talk((ANN, 4.0)))
    text = json.loads(record.record)
    [one] = text["voices"]
    if what in ("score", "llr"):
        one["shortlist"][0][what] += 1e-3
    elif what == "probability":
        one["probability"] -= 1e-3
    elif what == "verdict":
        one["outcome"] = "unsure"
    elif what == "calibration":
        other = replace(known.calibration, slope=39.0)
        known.store.keep_calibration(known.gallery, calibration_record(other))
        text["calibration"]["id"] = other.id
    elif what == "vector":
        voices = [replace(voice, vector=np.roll(voice.vector, 1)) for voice in record.voices]
        record = replace(record, voices=tuple(voices))
    else:
        record = replace(record, state=json.dumps({"centre": [0.01] * known.embedder.dim}))
    found = again(known, replace(record, record=json.dumps(text)))
    assert not found.same
    assert all(len(str(one)) < 300 for one in found.differences)


@pytest.mark.parametrize("state", ["", "null", "[1]", '{"centre": ["x"]}', '{"centre": [NaN]}', '{"centre": 1}'])
def test_a_damaged_state(known, explained, talk, state):
    _, record = explained(talk((ANN, 4.0)))
    with pytest.raises(FormatError, match="state of its scorer is damaged"):
        again(known, replace(record, state=state))


def test_a_verified_claim(known, voice):
    verifier = known.verify
    ann, bob = (known.store.speaker(known.gallery, name) for name in ("ann", "bob"))
    collector = Collector(verifier.scorer)
    known.store.keep_calibration(known.gallery, calibration_record(known.calibration))
    for hertz, seconds, decision in ((ANN, 4.0, "same"), (BOB, 4.0, "different"), (ANN, 0.4, "unsure")):
        heard = verifier.listen(voice(hertz, seconds, seed=9))
        found = verifier.claim(ann, verifier.voice(heard))
        made = collector.verification(found, heard, ann, verifier.point)
        [one] = made.evidence.voices
        assert (made.evidence.kind, one.verdict) == ("verify", decision)
        assert (one.candidate.speaker, one.candidate.column) == (str(ann.id), 0)
        assert [kept.speaker for kept in made.kept.voices] == [bob.id if decision == "different" else ann.id]
        record = known.store.record_decision(known.gallery, made.kept, keep_days=1)
        again_ = again(known, record)
        assert again_.same, again_.differences
        [now] = today(verifier.scorer, record, Evidence.parse(record.record))
        assert (now.verdict, now.llr) == (decision, pytest.approx(one.candidate.llr))


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{", '{"schema": "spk-evidence/2"}', '{"schema": "spk-evidence/1"}', "[" * 100_000, "1e999"],
)
def test_what_is_no_evidence(text):
    with pytest.raises(FormatError, match="evidence") as error:
        Evidence.parse(text, source="file.json")
    assert str(error.value).startswith("file.json: ")
    assert "\n" not in str(error.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data())
def test_damaged_evidence(data):
    """Any one value replaced by any other is read, or refused."""
    record = json.loads(json.dumps(EXAMPLE))
    place = record
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        place = inner
    place[key] = data.draw(JSON)
    with suppress(FormatError):
        Evidence.from_json(record)


PERSON = {
    "speaker": "7f3a0000-0000-4000-8000-000000000000", "column": 0, "score": 0.5, "llr": 6.0, "probability": 0.9,
    "samples": 1, "samples_key": "ab", "net_speech": 5.0,
}  # fmt: skip
EXAMPLE = {
    "schema": "spk-evidence/1", "kind": "identify", "recording": "a.wav", "sha256": "5" * 64, "duration": 5.0,
    "model": {"name": "fake", "fingerprint": "f"}, "calibration": {"id": "c", "generic": True, "recipe": "cosine"},
    "gallery": {
        "id": "g", "name": "default", "people": 1, "samples": 1, "samples_sha256": "0", "audit_sequence": 3,
        "audit_hash": "0",
    },
    "people": 1, "operating_point": {"yes": 0.95, "no": 0.75, "fpir": None, "prior_unknown": 0.5}, "needed": 2.9,
    "attendees": None, "scorer_sha256": "0",
    "voices": [{
        "label": "SPEAKER_00", "verdict": "known", "outcome": "known", "net_speech": 4.0,
        "speech": [{"start": 0.0, "end": 4.0}], "heard": 4.0, "together": ["SPEAKER_00"], "candidate": PERSON,
        "probability": 0.9, "stranger": 0.1,
        "shortlist": [PERSON], "samples": [{
            "sample": "7f3a0000-0000-4000-8000-000000000001", "recording": "r",
            "segment": {"start": 0.0, "end": 4.0}, "net_speech": 4.0, "score": 0.5,
        }], "llrs": packed(np.array([6.0])),
    }],
}  # fmt: skip


@pytest.mark.parametrize(("lost", "said"), [("probability", "no probabilities"), ("margin", "no margin")])
def test_numbers_that_must_be_there(lost, said):
    [voice] = EXAMPLE["voices"]
    whole = {**voice, "runner_up": PERSON, "margin": 1.0}
    Evidence.from_json({**EXAMPLE, "voices": [whole]})
    with pytest.raises(FormatError, match=said):
        Evidence.from_json({**EXAMPLE, "voices": [{**whole, lost: None}]})


def test_the_example_is_evidence():
    assert Evidence.from_json(EXAMPLE).voices[0].candidate.llr == 6.0


def test_a_recipe_without_a_centre(known, explained, talk):
    cosine = Cosine()
    cosine.background_ = np.zeros(known.embedder.dim)
    room = replace(known, calibration=replace(known.calibration, recipe=cosine))
    _, record = explained(talk((ANN, 4.0)), room)
    assert again(room, record).same
