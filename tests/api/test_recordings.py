"""Recordings over HTTP: what was heard, in every format, and put right, on a real dialogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from spk.config import Settings
from spk.desk.recordings import MEDIA_TYPES
from spk.desk.turns import MOST_LABELS, MOST_TURNS, turns_in
from spk.errors import InputError
from spk.formats.turns import TurnFormat, read_turns
from spk.jobs.handlers import HANDLERS
from spk.jobs.runner import Runner
from spk.parts import Parts


def turns(review: TestClient, recording: str = "both.wav") -> list[dict[str, Any]]:
    """The turns as they are, to be corrected."""
    shown = review.get(f"recordings/{recording}").json()["turns"]
    times = ("id", "start", "end")
    return [{**{key: turn[key] for key in times}, "label": turn["who"] or turn["label"]} for turn in shown]


def who(review: TestClient, recording: str = "both.wav") -> set[str | None]:
    return {voice["who"] for voice in review.get(f"recordings/{recording}").json()["voices"]}


def test_pages_and_search(review: TestClient) -> None:
    everything = review.get("recordings").json()
    assert [one["recording"] for one in everything["items"]] == ["both.wav", "more.wav"]
    assert everything["next"] is None
    assert [one["recording"] for one in review.get("recordings?q=MORE").json()["items"]] == ["more.wav"]
    first = review.get("recordings?newest=true&limit=1").json()
    second = review.get("recordings", params={"newest": True, "limit": 1, "after": first["next"]}).json()
    assert [one["items"][0]["recording"] for one in (first, second)] == ["more.wav", "both.wav"]
    review.post("recordings/more.wav/forget", json={})
    assert review.get("recordings", params={"after": first["next"]}).status_code == 404
    assert review.get("recordings?after=zzz").status_code == 400
    assert review.get("recordings/nowhere.wav").status_code == 404


def test_one_recording(review: TestClient) -> None:
    shown = review.get("recordings/both.wav").json()
    assert shown["recording"] == "both.wav"
    assert "ann" in who(review)
    for name in (shown["hearing"], shown["sha256"], shown["sha256"][:12]):
        assert review.get(f"recordings/{name}").json() == shown
    strange = next(voice for voice in shown["voices"] if voice["who"] != "ann")
    clip = review.get(f"http://localhost{shown['clips'][strange['label']]}", headers={"Range": "bytes=0-3"})
    assert (clip.status_code, clip.content, clip.headers["cache-control"]) == (206, b"fLaC", "no-store")
    assert review.get("recordings/both.wav/voices/SPEAKER_99/audio").status_code == 404
    wave = review.get("recordings/both.wav/waveform").json()
    assert (wave["duration"], len(wave["levels"])) == (shown["duration"], round(shown["duration"] * 50))
    assert (max(wave["levels"]), min(wave["levels"]) < 20) == (255, True)


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_turns_in_every_format(review: TestClient, form: str, tmp_path: Path) -> None:
    answer = review.get("recordings/both.wav/turns", params={"format": form})
    assert answer.headers["content-type"].split(";")[0] == MEDIA_TYPES[form]
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; filename*=UTF-8''both.")
    if form != "text":
        file = tmp_path / disposition.rpartition("'")[2]
        file.write_bytes(answer.content)
        found = read_turns(file, TurnFormat(form))
        assert [turn.label for turn in found] == [turn["label"] for turn in turns(review)]


def test_no_such_format(review: TestClient) -> None:
    assert review.get("recordings/both.wav/turns?format=docx").status_code == 422


def test_turns_are_corrected_without_the_recording(review: TestClient) -> None:
    before = review.get("recordings/both.wav").json()
    corrected = [{**turn, "label": "bob" if turn["label"] != "ann" else "ann"} for turn in turns(review)]
    corrected[0]["start"] = round(corrected[0]["start"] + 0.05, 3)
    preview = review.put("recordings/both.wav/turns", json={"turns": corrected, "dry_run": True}).json()
    assert (preview["new"], preview["change"]) == (["bob"], None)
    assert review.get("recordings/both.wav").json() == before
    done = review.put("recordings/both.wav/turns", json={"turns": corrected}).json()
    assert done["new"] == ["bob"]
    assert who(review) == {"ann", "bob"}
    assert who(review, "more.wav") == {"bob"}
    after = review.get("recordings/both.wav").json()
    assert after["corrected"]
    assert {turn["id"] for turn in after["turns"]} == {turn["id"] for turn in before["turns"]}
    late = review.put(f"recordings/{before['hearing']}/turns", json={"turns": corrected})
    assert late.status_code == 404  # whoever corrects what they saw names what was heard
    again = review.put("recordings/both.wav/turns", json={"turns": turns(review)}).json()
    assert again["change"] is None
    review.post("changes/undo", json={"numbers": [done["change"]]})
    assert review.get("recordings/both.wav").json() == before


def shown(review: TestClient, recording: str = "both.wav") -> list[dict[str, Any]]:
    """The turns, exactly as they are shown."""
    found: list[dict[str, Any]] = review.get(f"recordings/{recording}").json()["turns"]
    return found


def put(review: TestClient, turns: object) -> dict[str, Any]:
    """What comes of turns."""
    answer = review.put("recordings/both.wav/turns", json={"turns": turns})
    assert answer.status_code == 200, answer.json()
    told: dict[str, Any] = answer.json()
    return {**told, "turns": {kind: count for kind, count in told["turns"].items() if count}}


def test_turns_come_back_as_they_were_shown(review: TestClient) -> None:
    before = shown(review)
    assert {turn["who"] is None for turn in before} == {False}
    told = put(review, before)
    assert (told["turns"], told["labels"], told["taught"]) == ({"unchanged": len(before)}, [], [])
    assert shown(review) == before
    stranger = next(turn["label"] for turn in before if turn["who"] != "ann")
    review.post("recordings/both.wav/label", json={"voices": [stranger], "name": None})
    nameless = shown(review)
    assert {turn["who"] for turn in nameless} == {"ann", None}
    told = put(review, nameless)
    assert (told["change"], told["turns"]) == (None, {"unchanged": len(before)})
    assert shown(review) == nameless


def test_of_label_and_who_the_one_that_was_changed_counts(review: TestClient) -> None:
    first, second, *rest = shown(review)
    assert second["who"] == "ann"
    for changed in ({"who": "bob"}, {"label": "bob"}, {"label": "bob", "who": "bob"}, {"label": "bob", "who": None}):
        told = put(review, [{**first, **changed}, second, *rest])
        assert (told["turns"], told["new"]) == ({"unchanged": len(rest) + 1, "relabelled": 1}, ["bob"])
        assert [turn["who"] for turn in shown(review)] == ["bob", *(turn["who"] for turn in (second, *rest))]
        review.post("changes/undo", json={"numbers": [told["change"]]})
    for changed in ({"label": second["label"]}, {"label": second["label"], "who": "ann"}, {"who": "ann"}):
        told = put(review, [{**first, **changed}, second, *rest])
        assert (told["turns"], told["new"]) == ({"unchanged": len(rest) + 1, "relabelled": 1}, [])
        assert shown(review)[0] == {**first, "label": second["label"], "who": "ann", "touched": True}
        review.post("changes/undo", json={"numbers": [told["change"]]})
    put(review, [{**turn, "who": "?" if turn["who"] == "ann" else turn["who"]} for turn in (first, second, *rest)])
    assert {turn["who"] for turn in shown(review)} == {first["who"], None}


def test_new_turns_beside_those_that_were_shown(review: TestClient) -> None:
    first, *rest = shown(review)
    halves = [{**first, "end": 0.5}, {"start": 0.5, "end": first["end"], "label": first["label"], "who": first["who"]}]
    assert put(review, [*halves, *rest])["turns"] == {"unchanged": len(rest), "split": 1}
    halves[1] |= {"who": "bob"}  # or was it the label that is not meant any more?
    refused = review.put("recordings/both.wav/turns", json={"turns": [*halves, *rest]})
    assert (refused.status_code, refused.json()["detail"].endswith("write whose it is as label alone")) == (400, True)
    halves[1]["label"] = halves[1].pop("who")
    told = put(review, [*halves, *rest])
    assert told["new"] == ["bob"]
    review.post("changes/undo", json={"numbers": [told["change"]]})
    halves[1]["label"] = rest[0]["label"]
    assert put(review, [*halves, *rest])["new"] == []
    assert shown(review)[1]["who"] == rest[0]["who"] == "ann"


@pytest.mark.parametrize("form", sorted(MEDIA_TYPES.keys() - {"text"}))
def test_turns_come_back_in_a_file(review: TestClient, form: str) -> None:
    before = shown(review)
    exported = review.get("recordings/both.wav/turns", params={"format": form})
    name = exported.headers["content-disposition"].rpartition("'")[2]
    files = {"turns": (name, exported.content)}
    told = review.put("recordings/both.wav/turns", files=files).raise_for_status().json()
    assert (told["turns"]["unchanged"], told["labels"]) == (len(before), [])
    assert [(turn["label"], turn["who"]) for turn in shown(review)] == [(turn["label"], turn["who"]) for turn in before]
    stranger = next(turn["who"] for turn in before if turn["who"] != "ann")
    files = {"turns": (name, exported.text.replace(stranger, "bob"))}
    preview = review.put("recordings/both.wav/turns", files=files, data={"dry_run": "true"}).json()
    assert (preview["new"], preview["change"], who(review)) == (["bob"], None, {"ann", stranger})
    done = review.put("recordings/both.wav/turns", files=files, data={"format": form}).json()
    assert (done["new"], who(review)) == (["bob"], {"ann", "bob"})


def test_files_of_turns_that_cannot_be(review: TestClient, tmp_path: Path) -> None:
    before = review.get("recordings/both.wav").json()
    rttm = review.get("recordings/both.wav/turns").content

    def status(turns: bytes, name: str = "both.rttm", recording: str = "both.wav", **fields: str) -> int:
        answer = review.put(f"recordings/{recording}/turns", files={"turns": (name, turns)}, data=fields)
        assert answer.is_success or answer.json()["detail"]
        return answer.status_code

    assert status(b"nothing of the kind", "both.txt") == 400
    assert status(rttm, format="docx") == 400
    assert status(rttm, recording="nowhere.wav") == 404
    assert status(rttm, by="me") == 422
    assert status(bytes((8 << 20) + 1)) == 413
    assert review.put("recordings/both.wav/turns", files={"audio": rttm}).status_code == 422
    assert review.put("recordings/both.wav/turns", content=rttm).status_code == 415
    assert review.get("recordings/both.wav").json() == before
    assert not list((tmp_path / "reviewed" / "uploads").iterdir())


@pytest.mark.parametrize("many", [0, 1])
def test_turns_of_too_many(review: TestClient, many: int) -> None:
    times = [(round(0.02 * number, 2), round(0.02 * number + 0.02, 2)) for number in range(MOST_LABELS + many)]
    body = [{"start": start, "end": end, "label": f"guest {start}"} for start, end in times]
    rttm = "".join(f"SPEAKER both 1 {start} 0.02 <NA> <NA> guest_{start} <NA> <NA>\n" for start, _ in times)
    for asked in (
        {"json": {"turns": body, "dry_run": True}},
        {"files": {"turns": ("both.rttm", rttm)}, "data": {"dry_run": "true"}},
    ):
        answer = review.put("recordings/both.wav/turns", **asked)
        if not many:
            assert len(answer.json()["new"]) == MOST_LABELS
        else:
            assert (answer.status_code, "501 different labels" in answer.json()["detail"]) == (400, True)


def test_too_many_turns_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "both.rttm"
    line = "SPEAKER both 1 {} 0.5 <NA> <NA> ann <NA> <NA>\n".format
    file.write_text("".join(map(line, range(MOST_TURNS))))
    assert len(turns_in(file, None, "both.rttm", "both.wav")) == MOST_TURNS
    file.write_text("".join(map(line, range(MOST_TURNS + 1))))
    with pytest.raises(InputError, match=r"both\.rttm: 50,001 turns, and 50,000 are the most"):
        turns_in(file, None, "both.rttm", "both.wav")


@pytest.mark.parametrize(
    ("turn", "status"),
    [
        ({"start": 5.0, "end": 4.0, "label": "ann"}, 400),
        ({"start": 0.0, "end": 900.0, "label": "ann"}, 400),
        ({"start": -1.0, "end": 4.0, "label": "ann"}, 422),
        ({"start": 1.0, "end": 4.0, "label": ""}, 422),
        ({"start": 1.0, "end": 4.0, "label": "  "}, 400),
        ({"start": 1.0, "end": 4.0, "label": "ann", "by": "me"}, 422),
        ({"start": 1.0, "end": 4.0, "label": "ann", "who": "bob"}, 400),
        ({"start": 1.0, "end": 4.0, "label": "ann", "who": ""}, 422),
        ({"start": 1.0, "end": "NaN", "label": "ann"}, 422),
        ({"start": 1.0, "end": 4.0, "label": "a\nb"}, 400),
    ],
)
def test_turns_that_cannot_be(review: TestClient, turn: dict[str, object], status: int) -> None:
    before = review.get("recordings").json()
    answer = review.put("recordings/both.wav/turns", json={"turns": [turn]})
    assert answer.status_code == status, answer.json()
    assert review.get("recordings").json() == before


def test_turns_come_back_with_the_recording(review: TestClient, spoken: dict[str, Path]) -> None:
    exported = review.get("recordings/both.wav/turns?format=textgrid").text
    strange = next(one for one in who(review) if one != "ann")
    files = {
        "turns": ("both.TextGrid", exported.replace(strange or "", "bob").encode("utf-16")),
        "audio": ("both.wav", spoken["both"].read_bytes()),
    }
    preview = review.post("recordings/turns", files=files, data={"dry_run": "true"}).json()
    assert (preview["new"], preview["change"]) == (["bob"], None)
    done = review.post("recordings/turns", files=files).json()
    assert (done["new"], done["turns"]["relabelled"] > 0) == (["bob"], True)
    assert review.get("speakers/bob").json()["net_speech"] > 5  # what had been the stranger's
    assert who(review) == {"ann", "bob"}
    files["turns"] = ("both.txt", b"nothing of the kind")
    refused = review.post("recordings/turns", files=files)
    assert (refused.status_code, refused.json()["detail"].startswith("both.txt")) == (400, True)


def test_turns_of_a_long_recording_are_a_job(review: TestClient, spoken: dict[str, Path], tmp_path: Path) -> None:
    exported = review.get("recordings/both.wav/turns").text
    strange = next(one for one in who(review) if one != "ann")
    files = {"turns": ("both.rttm", exported.replace(strange or "", "bob")), "audio": spoken["both"].read_bytes()}
    later = {"Prefer": "respond-async"}
    job = review.post("recordings/turns", files=files, data={"everything": "true"}, headers=later)
    assert (job.status_code, job.json()["kind"]) == (202, "apply_turns")
    parts = Parts()
    Runner("worker", Settings(tmp_path / "reviewed"), parts, HANDLERS).work()
    parts.close()
    done = review.get(f"http://localhost{job.json()['url']}/result").json()
    assert (done["new"], done["dry_run"], done["change"] > 0) == (["bob"], False, True)
    assert who(review) == {"ann", "bob"}


def test_labels(review: TestClient) -> None:
    label = {"voices": ["SPEAKER_00"], "name": "bob"}
    preview = review.post("recordings/more.wav/label", json={**label, "dry_run": True}).json()
    assert [one["after"]["who"] for one in preview["labels"] if one["recording"] == "more.wav"] == ["bob"]
    review.post("recordings/more.wav/label", json=label)
    assert who(review, "more.wav") == {"bob"}
    review.post("recordings/more.wav/label", json={"voices": ["SPEAKER_00"], "name": None})
    assert who(review, "more.wav") == {None}
    assert review.post("recordings/more.wav/label", json={"voices": ["SPEAKER_07"], "name": "x"}).status_code == 404
    assert review.post("recordings/more.wav/label", json={"voices": ["SPEAKER_00"]}).status_code == 422
    assert review.post("recordings/relabel", json={"dry_run": True}).json()["labels"] == []
    assert review.post("recordings/more.wav/forget", json={}).json()["change"]
    assert review.get("recordings/more.wav").status_code == 404


def test_audio_that_is_kept_nowhere(review: TestClient) -> None:
    shown = review.get("recordings/both.wav").json()
    known = next(voice["label"] for voice in shown["voices"] if voice["who"] == "ann")
    assert known not in shown["clips"]
    assert review.get(f"recordings/both.wav/voices/{known}/audio").status_code == 404
