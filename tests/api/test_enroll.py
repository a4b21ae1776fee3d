"""Enrolling over HTTP: recordings of one person, and corrected turns of a recording."""

from __future__ import annotations

import json

import pytest
import soundfile

from spk.messages.enrollment import Enrolled, EnrolledTurns


def test_somebody_is_known_from_then_on(listen, http) -> None:
    answer = listen("enrollments", {"name": "bob"}, audio="bob+more")
    assert answer.status_code == 201, answer.text
    done = Enrolled.model_validate(answer.json())
    assert (done.name, done.added, done.already, done.refused) == ("bob", 2, 0, [])
    again = listen("enrollments", {"name": "bob"}, audio="bob").json()
    assert (again["added"], again["already"], again["speaker_id"]) == (0, 1, str(done.speaker_id))
    part = listen("enrollments", {"name": "ann", "segment": "0-3.5"}, audio="ann")
    assert part.status_code == 201, part.text
    audit = http.get("/v1/audit").text
    assert audit.count('"enroll"') >= 2


def test_what_would_poison_a_profile_is_refused(known, tmp_path) -> None:
    stolen = known("enrollments", {"name": "eve"}, audio="more")
    assert (stolen.status_code, stolen.json()["type"]) == (422, "/problems/refused")
    assert stolen.json()["detail"].startswith("more.wav: this voice is enrolled as bob")
    assert len(stolen.json()["reasons"]) == 1

    known.recordings["text"] = tmp_path / "text.wav"
    known.recordings["text"].write_text("This is text.\n" * 50)
    some = known("enrollments", {"name": "bob"}, audio="text+more")
    assert some.status_code == 201  # as on the command line: the good ones go on
    [bad] = some.json()["refused"]
    assert "text.wav: is no recording" in bad["detail"]
    forced = known("enrollments", {"name": "eve", "force": "true"}, audio="more")
    assert forced.status_code == 201


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({}, 422, "name: Field required"),
        ({"name": "a\nb"}, 400, "control characters"),
        ({"name": "unknown-abcd"}, 404, "unknown-abcd"),
        ({"name": "ann", "segment": ["1-2", "-"]}, 400, "there are 2 for 1 files"),
        ({"name": "ann", "segment": "3-1"}, 400, "must end after"),
        ({"name": "ann", "segment": "from 3"}, 422, "body.segment"),
        ({"name": "ann", "consent": "yes"}, 400, "consent is no such JSON"),
    ],
)
def test_what_cannot_be_asked(listen, fields, status, says) -> None:
    answer = listen("enrollments", fields, audio="ann")
    assert answer.status_code == status, answer.text
    assert says in answer.json()["detail"]


def test_no_gallery_is_made_by_a_slip_of_the_pen(http, spoken) -> None:
    files = {"audio": ("ann.wav", spoken["ann"].read_bytes())}
    answer = http.post("/v1/galleries/nowhere/enrollments", data={"name": "ann"}, files=files)
    assert answer.status_code == 404, answer.text
    assert [one["name"] for one in http.get("/v1/galleries").json()] in ([], ["default"])


def test_consent_is_noted_with_it(listen, http) -> None:
    consent = json.dumps({"purpose": "calls", "reference": "folder 12"})
    assert listen("enrollments", {"name": "ann", "consent": consent}, audio="ann").status_code == 201
    noted = http.get("/v1/galleries/default/consents")
    assert noted.status_code != 200 or "folder 12" in noted.text


def test_everybody_in_a_recording_by_its_turns(http, demo_audio, demo_rttm, tmp_path) -> None:
    def enroll(turns, fields):
        files = [("audio", ("talk.wav", demo_audio.read_bytes())), ("turns", (turns.name, turns.read_bytes()))]
        return http.post("/v1/galleries/default/enrollments/turns", data=fields, files=files)

    labels = sorted({line.split()[7] for line in demo_rttm.read_text().splitlines()})
    done = EnrolledTurns.model_validate(enroll(demo_rttm, {"map": [f"{labels[0]}=ann", f"{labels[1]}=bob"]}).json())
    assert [person.name for person in done.people] == ["ann", "bob"]

    table = tmp_path / "turns.csv"
    table.write_text("start,end,label\n14.7,17.92,bob\n21.78,27.85,bob\n")
    again = enroll(table, {})
    assert again.status_code == 201, again.text
    assert [person["already"] > 0 for person in again.json()["people"]] == [True]
    late = tmp_path / "late.rttm"
    late.write_text("SPEAKER talk 1 99.0 4.0 <NA> <NA> bob <NA> <NA>\n")
    assert "late.rttm: has a turn up to 103.00 s, but talk.wav ends at" in enroll(late, {}).json()["detail"]
    assert "map: bob is none" in enroll(demo_rttm, {"map": "bob"}).json()["detail"]


def test_turns_are_what_the_name_of_their_file_says(http, spoken) -> None:
    audio = ("audio", ("both.wav", spoken["both"].read_bytes()))
    for name, text, says in (
        ("talk.csv", "a,b\n1,2\n", "talk.csv:1: has no column"),
        ("talk.tsv", "0.0\t3.0\tann\n", "talk.tsv:1: has no column"),
    ):
        files = [audio, ("turns", (name, text.encode()))]
        answers = [
            http.post(f"/v1/galleries/default/{what}/turns", files=files) for what in ("enrollments", "recordings")
        ]
        assert [answer.status_code for answer in answers] == [400, 400], answers
        enrolled, applied = (answer.json()["detail"] for answer in answers)
        assert enrolled == applied
        assert enrolled.startswith(says), enrolled


def test_silence_is_nobody(listen, tmp_path) -> None:
    soundfile.write(tmp_path / "silence.wav", [0.0] * 48_000, 16_000)
    listen.recordings["silence"] = tmp_path / "silence.wav"
    refused = listen("enrollments", {"name": "ann"}, audio="silence")
    assert refused.status_code == 422
    assert refused.json()["reasons"] == ["holds no speech: check the recording and its level"]
