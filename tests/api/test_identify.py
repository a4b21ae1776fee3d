"""Who speaks, over HTTP: what the commands answer, of uploads."""

from __future__ import annotations

import pytest

from spk.config import Settings
from spk.desk import Desk
from spk.errors import NotFoundError
from spk.messages.diarization import Diarized
from spk.messages.identification import CandidateList, Identified
from spk.messages.jobs import JobInfo
from spk.workbench import Workbench


def test_a_clip_of_one_voice(known, service_home) -> None:
    answer = known("identify", {"single": "true"}, audio="more")
    assert answer.status_code == 200, answer.text
    found = Identified.model_validate(answer.json())
    assert (found.recording, found.people) == ("more.wav", 2)
    assert [voice.name for voice in found.speakers] == ["bob"]
    assert found.decision_id is not None
    assert "evidence" not in answer.json()
    assert not list((service_home / "uploads").iterdir())

    why = known("identify", {"single": "true", "evidence": "true"}, audio="more").json()["evidence"]
    assert why["schema"] == "spk-evidence/1"

    among = known("identify", {"single": "true", "attendees": "ann"}, audio="more")
    assert among.json()["attendees"] == ["ann"]
    nobody = known("identify", {"attendees": "zoe"}, audio="more")
    assert (nobody.status_code, nobody.json()["type"]) == (404, "/problems/not-found")


def test_a_recording_of_two(known) -> None:
    found = Identified.model_validate(known("identify", audio="both").json())
    assert {voice.name for voice in found.speakers} == {"ann", "bob"}
    who = CandidateList.model_validate(known("who-is", {"top": "1"}, audio="more").json())
    assert [one.name for one in who.candidates] == ["bob"]
    turns = Diarized.model_validate(known("diarize", {"speakers": "2"}, audio="both").json())
    assert {turn.label for turn in turns.turns} == {"SPEAKER_00", "SPEAKER_01"}


def test_a_recording_is_heard_again_only_where_that_may_help(service_home, spoken, monkeypatch) -> None:
    with Workbench(Settings(service_home)) as bench:
        desk = Desk(bench)
        desk.enroll("ann", [spoken["ann"]])
        heard = []
        find = desk._find

        def found(*asked, **how):
            heard.append(asked)
            if gone:
                raise NotFoundError("ann is not in this home any more")
            return find(*asked, **how)

        def merged(*_, **__):
            monkeypatch.undo()  # the second time all is well
            monkeypatch.setattr(desk, "_find", found)
            raise NotFoundError("somebody it is about was merged just now")

        monkeypatch.setattr(desk, "_find", found)
        gone = True
        with pytest.raises(NotFoundError):
            desk.identify(spoken["ann"], single=True, attendees=["ann"])
        assert len(heard) == 1
        gone = False
        monkeypatch.setattr(bench, "remember", merged)
        assert [voice.name for voice in desk.identify(spoken["ann"], single=True).speakers] == ["ann"]
        assert len(heard) == 3


def test_strangers_are_kept_if_asked(listen) -> None:
    [voice] = listen("identify", {"single": "true", "enroll_unknown": "yes"}, audio="ann").json()["speakers"]
    assert voice["kept"] == "new"
    [again] = listen("identify", {"single": "true"}, audio="ann").json()["speakers"]
    assert again["stranger"] == voice["stranger"]


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"speakers": "0"}, 422, "greater than or equal to 1"),
        ({"speakers": "2", "min_speakers": "2"}, 400, "--speakers says it all"),
        ({"single": "true", "channels": "split"}, 400, "--single says"),
        ({"cost": "nonsense"}, 400, "no part of a cost"),
        ({"fpir": "0.1", "cost": "miss=1,false=2,prior=0.5"}, 400, "cannot be set together"),
        ({"singel": "true"}, 422, "no such field"),
        ({"webhook": "https://example.org"}, 400, "belong together"),
    ],
)
def test_what_cannot_be_asked(listen, fields, status, says) -> None:
    headers = {"Prefer": "respond-async"} if "webhook" in fields else {}
    answer = listen("identify", fields, headers, audio="more")
    assert answer.status_code == status, answer.text
    assert says in answer.json()["detail"]


def test_what_is_no_recording(listen, http, tmp_path, service_home) -> None:
    listen.recordings["text"] = tmp_path / "text.wav"
    listen.recordings["text"].write_text("This is text.\n" * 50)
    answer = listen("identify", audio="text")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("text.wav: is no recording")
    assert str(service_home) not in answer.text
    assert not list((service_home / "uploads").iterdir())
    assert listen("identify").status_code == 415
    elsewhere = http.post("/v1/galleries/nowhere/identify", files={"audio": b"x"})
    assert elsewhere.status_code == 400  # what is no recording is said first


def test_a_job_if_that_is_preferred(known, service_home) -> None:
    answer = known("identify", headers={"Prefer": "respond-async, wait=10"}, audio="both")
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "respond-async")
    job = JobInfo.model_validate(answer.json())
    assert answer.headers["Location"] == job.url
    assert job.state == "queued"
    assert len(list((service_home / "uploads").iterdir())) == 1
