"""Claims over HTTP."""

from __future__ import annotations

from spk.messages.verification import Compared, Verified
from spk.store.keys import Scope


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


def test_a_key_that_only_identifies_learns_of_nobody_without_consent(known, http) -> None:
    http.post("/v1/galleries/default/speakers/ann/consents", json={"purpose": "calls"}).raise_for_status()
    http.put("/v1/galleries/default/consents/required", json={"purpose": "calls"}).raise_for_status()
    store = http.app.state.service.store
    keys = {scope: store.create_key(scope, [scope]).token for scope in (Scope.IDENTIFY, Scope.ADMIN)}

    def asked(scope: Scope, who: str, what: str) -> tuple[int, str]:
        fields = {"speaker": who} if what == "verify" else {"single": "true", "attendees": f"ann,{who}"}
        answer = known(what, fields, {"Authorization": f"Bearer {keys[scope]}"}, audio="more")
        return answer.status_code, answer.json()["detail"].replace(who, "…")

    for what in ("verify", "identify"):
        near, there, nobody = (asked(Scope.IDENTIFY, who, what) for who in ("bobb", "bob", "zoe"))
        assert near == there == nobody
        assert there[0] == 404
        assert "cannot be recognised without consent" in asked(Scope.ADMIN, "bob", what)[1]
