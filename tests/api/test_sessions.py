"""Logging in to the pages, what a session may do, and how it ends."""

from __future__ import annotations

import stat
from pathlib import Path

import anyio
import pytest
from fastapi.testclient import TestClient

from spk.api import sessions
from spk.api.access import Scope
from spk.api.app import create_app
from spk.config import Settings

OURS = {"Origin": "http://localhost"}


@pytest.fixture
def logged_in(guarded):
    answer = guarded.browser.post("/login", data={"key": guarded.key()}, headers=OURS)
    assert answer.status_code == 200
    return guarded


def token(guarded) -> str:
    return guarded.browser.get("/page").json()["csrf"]


def test_one_logs_in_with_a_key(guarded):
    key = guarded.key("reviewer", Scope.REVIEW)
    assert guarded.browser.get("/v1/any").status_code == 401
    cookie = guarded.browser.post("/login", data={"key": f" {key}\n"}, headers=OURS).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie, "this is plain HTTP"
    assert key.rpartition("_")[2] not in cookie
    assert guarded.browser.get("/v1/any").json() == {
        "name": "reviewer",
        "who": "key:reviewer",
        "acting": "key:reviewer",
    }
    assert guarded.browser.get("/v1/galleries/staff/heard").status_code == 403, "what the key is not for"


def test_the_cookie_is_for_tls_where_there_is_tls(guarded):
    guarded.browser.base_url = "https://localhost"
    answer = guarded.browser.post("/login", data={"key": guarded.key()}, headers={"Origin": "https://localhost"})
    assert "Secure" in answer.headers["Set-Cookie"]


def test_a_wrong_key_logs_nobody_in(guarded):
    guarded.key()
    answer = guarded.browser.post("/login", data={"key": "spk_x"}, headers=OURS)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_another_site_cannot_log_anybody_in(guarded):
    answer = guarded.browser.post("/login", data={"key": guarded.key()}, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_what_changes_something_takes_the_token_of_the_session(logged_in):
    browser, csrf = logged_in.browser, token(logged_in)
    assert csrf
    assert browser.post("/v1/any").status_code == 403
    assert browser.post("/v1/any", headers={"X-CSRF-Token": csrf[:-1]}).status_code == 403
    assert browser.post("/v1/any", headers={"X-CSRF-Token": "é".encode()}).status_code == 403
    assert browser.post("/v1/any", headers={"X-CSRF-Token": csrf}).status_code == 200
    assert browser.post("/v1/any", data={"csrf": csrf}).status_code == 200
    assert browser.post("/v1/any", data={"csrf": "x"}).status_code == 403
    audio = {"audio": ("talk.wav", bytes(300_000))}
    assert browser.post("/v1/any", data={"csrf": csrf}, files=audio).status_code == 200
    assert browser.post("/v1/any", data={"csrf": "x"}, files=audio).status_code == 403
    assert browser.post("/v1/any", files=audio).status_code == 403
    assert browser.post("/v1/any", headers=OURS | {"X-CSRF-Token": csrf}).status_code == 200
    foreign = {"X-CSRF-Token": csrf, "Origin": "https://app.example.org"}
    assert browser.post("/v1/any", headers=foreign).status_code == 403, "not even from where keys may come"


def test_the_form_that_was_read_for_it_is_read_again(logged_in):
    data = {"csrf": token(logged_in), "name": "Zoë"}
    assert "name=Zo%C3%AB" in logged_in.browser.post("/echo", data=data).json()["body"]
    for size, status in ((200_000, 200), (2_000_000, 413)):
        data["name"] = "x" * size
        assert logged_in.browser.post("/echo", data=data).status_code == status


def answers(guarded, *messages: dict) -> list[int]:
    """With what status it is answered that a page sends so much of a form, and then nothing more."""
    csrf, cookie = token(guarded), guarded.browser.cookies["spk_session"]
    kind, body = "application/x-www-form-urlencoded", f"csrf={csrf}&name=Rosa".encode()
    headers = {"host": "localhost", "cookie": f"spk_session={cookie}", "content-type": kind}
    scope = {"type": "http", "method": "POST", "path": "/echo", "scheme": "http", "query_string": b""}
    scope |= {"headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
    left, found = iter([{"type": "http.request", "body": body, "more_body": True}, *messages]), []

    async def receive() -> dict:
        return next(left, None) or await anyio.sleep(60)

    async def send(message: dict) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    guarded.browser.portal.call(guarded.app, scope, receive, send)
    return found


def test_half_a_form_whose_sender_has_gone_is_not_carried_out(logged_in):
    assert answers(logged_in, {"type": "http.disconnect"}) == []
    assert answers(logged_in, {"type": "http.request", "body": b"linde"}) == [200]


def test_a_form_that_stalls_is_not_waited_for(logged_in, monkeypatch):
    monkeypatch.setattr("spk.api.gate.STALLED", 0.05)
    assert answers(logged_in) == [408]


def test_the_token_of_another_session_is_none(logged_in):
    csrf = token(logged_in)
    logged_in.browser.cookies.clear()
    logged_in.browser.post("/login", data={"key": logged_in.key("other")}, headers=OURS)
    assert logged_in.browser.post("/v1/any", headers={"X-CSRF-Token": csrf}).status_code == 403


def test_a_key_needs_no_token_and_goes_before_the_session(logged_in):
    answer = logged_in.browser.post(
        "/v1/any", headers={"Authorization": f"Bearer {logged_in.key('script', Scope.REVIEW)}"}
    )
    assert answer.json()["name"] == "script"


def test_a_session_ends_with_its_key(logged_in):
    logged_in.store.revoke_key("ops")
    assert logged_in.browser.get("/v1/any").status_code == 401


def test_logging_out_ends_the_session_and_its_copies(logged_in):
    cookie = logged_in.browser.cookies["spk_session"]
    answer = logged_in.browser.post("/logout", headers={"X-CSRF-Token": token(logged_in)})
    assert answer.status_code == 200
    assert "spk_session" not in logged_in.browser.cookies
    assert logged_in.ask("/v1/any", headers={"Cookie": f"spk_session={cookie}"}).status_code == 401


def test_who_has_logged_out_is_out_on_every_server_and_after_a_restart(logged_in):
    settings = Settings(Path(logged_in.store.path))
    copy = {"Cookie": f"spk_session={logged_in.browser.cookies['spk_session']}"}
    with TestClient(create_app(settings), base_url="http://localhost") as other:
        assert other.get("/v1/galleries", headers=copy).status_code == 200
        logged_in.browser.post("/logout", headers={"X-CSRF-Token": token(logged_in)})
        assert other.get("/v1/galleries", headers=copy).status_code == 401
        assert other.get("/v1/galleries", headers=copy).json()["detail"] == "your login has ended: log in again"
    with TestClient(create_app(settings), base_url="http://localhost") as again:
        assert again.get("/v1/galleries", headers=copy).status_code == 401


def test_a_session_ends_where_nobody_works_and_lasts_while_somebody_does(logged_in, monkeypatch):
    clock, later = sessions.time.time, [0.0]
    monkeypatch.setattr(sessions.time, "time", lambda: clock() + later[0])
    assert "Set-Cookie" not in logged_in.browser.get("/v1/any").headers
    for later[0] in range(3000, int(sessions.LONGEST), 3000):
        answer = logged_in.browser.get("/v1/any")
        assert answer.status_code == 200
        assert "Set-Cookie" in answer.headers
    later[0] = sessions.LONGEST + 1
    assert logged_in.browser.get("/v1/any").status_code == 401


def test_an_idle_session_ends(logged_in, monkeypatch):
    clock = sessions.time.time
    monkeypatch.setattr(sessions.time, "time", lambda: clock() + sessions.IDLE + 5)
    assert logged_in.browser.get("/v1/any").status_code == 401


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: "x" + c, lambda _: "", lambda _: "a.b.c"])
def test_a_cookie_that_was_changed_is_none(logged_in, change):
    cookie = change(logged_in.browser.cookies["spk_session"])
    assert logged_in.ask("/v1/any", headers={"Cookie": f"spk_session={cookie}"}).status_code == 401


def test_the_secret_is_the_owners_and_stays(logged_in):
    secret = Path(logged_in.store.path) / ".session"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    again = sessions.Sessions(logged_in.store.path)
    first = sessions.Session("one", "two", 0.0, 0.0)
    assert again.token(first) == sessions.Sessions(logged_in.store.path).token(first)
    assert len(secret.read_bytes()) == 32
    assert [path.name for path in secret.parent.glob(".*.tmp")] == []


def test_people_are_sent_to_log_in(guarded):
    guarded.key()
    answer = guarded.ask("/page", headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=/page")
    answer = guarded.ask("/page?q=x", headers={"Accept": "text/html"})
    assert answer.headers["Location"] == "/login?next=/page%3Fq%3Dx"
    part = {"Accept": "text/html", "HX-Request": "true", "HX-Current-URL": "http://localhost/review/staff/unknowns"}
    answer = guarded.ask("/page", headers=part)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/login?next=/review/staff/unknowns")


def test_what_was_typed_is_kept_when_a_session_has_ended(guarded):
    key, browser = guarded.key(), guarded.browser
    browser.post("/login", data={"key": key}, headers=OURS)
    csrf = token(guarded)
    browser.cookies.clear()
    part = OURS | {"X-CSRF-Token": csrf, "Accept": "text/html", "HX-Request": "true"}
    answer = browser.post("/v1/any", headers=part)
    assert (answer.status_code, "HX-Redirect" in answer.headers) == (401, False)
    assert "log in again in another tab" in answer.json()["detail"]
    plain = OURS | {"Accept": "text/html", "Referer": "http://localhost/review/staff/changes"}
    answer = browser.post("/v1/any", headers=plain)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=/review/staff/changes")
    browser.post("/login", data={"key": key}, headers=OURS)
    assert browser.post("/v1/any", headers=part).status_code == 200, "the page may go on as it is"
