"""Claims over HTTP."""

from __future__ import annotations

from spk.messages.verification import Compared, Verified


def test_a_claim(known) -> None:
    answer = known("verify", {"speaker": "bob"}, audio="more")
    assert answer.status_code == 200, answer.text
    found = Verified.model_validate(answer.json())
    assert (found.enroll, found.test, found.decision) == ("bob", "more.wav", "same")
    assert found.decision_id is not None
    assert known("verify", {"speaker": "ann"}, audio="more").json()["decision"] == "different"
    assert known("verify", {"speaker": "zoe"}, audio="more").status_code == 404
    assert known("verify", audio="more").status_code == 422
    dear = known("verify", {"speaker": "bob", "cost": "miss=1,false=1e9,prior=0.001"}, audio="more").json()
    assert (dear["llr"], dear["decision"]) == (answer.json()["llr"], "unsure")


def test_two_recordings(listen) -> None:
    found = Compared.model_validate(listen("compare", audio="bob", other="more").json())
    assert (found.files, found.decision) == (("bob.wav", "more.wav"), "same")
    assert listen("compare", audio="bob", other="ann").json()["llr"] < 0 < found.llr
    missing = listen("compare", audio="bob")
    assert missing.status_code == 422
    assert missing.json()["errors"][0]["field"] == "body.other"
