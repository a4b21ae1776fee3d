"""Who is let in, with a key or without, and to what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from spk.api.access import Scope
from spk.api.limits import FAILURES
from spk.api.origins import check_bind
from spk.errors import InputError
from spk.store.audit import user


def test_without_keys_this_machine_may_do_everything(guarded):
    for address in ("/v1/any", "/v1/galleries/staff/people", "/v1/audit"):
        answer = guarded.ask(address)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"name": "", "who": user(), "acting": user()}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},  # a name that somebody lets point here
        {"Host": "localhost.evil.example"},
        {"Host": "[::1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "audio"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
    ],
)
def test_without_keys_nobody_else_is_let_in(guarded, headers):
    answer = guarded.ask("/v1/any", headers=headers)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_without_keys_other_machines_are_not_let_in(guarded):
    for host in ("192.0.2.7", "testclient", "::ffff:192.0.2.7"):
        with TestClient(guarded.app, base_url="http://localhost", client=(host, 1)) as client:
            assert client.get("/v1/any").status_code == 403
    for host in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        with TestClient(guarded.app, base_url="http://[::1]:8000", client=(host, 1)) as client:
            assert client.get("/v1/any").status_code == 200


def test_a_link_to_a_page_may_be_followed_from_anywhere(guarded):
    opened = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert guarded.ask("/page", headers=opened).status_code == 200
    assert guarded.ask("/v1/any", headers=opened, method="POST").status_code == 403
    assert guarded.ask("/page", headers=opened | {"Sec-Fetch-Dest": "iframe"}).status_code == 403


def test_with_the_first_key_everybody_needs_one_for_good(guarded):
    assert guarded.ask("/v1/any").status_code == 200
    key = guarded.key()
    answer = guarded.ask("/v1/any")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["type"] == "/problems/no-key"
    answer = guarded.ask("/v1/any", key)
    assert answer.json() == {"name": "ops", "who": "key:ops", "acting": "key:ops"}
    guarded.store.revoke_key("ops")
    assert "was revoked" in guarded.ask("/v1/any", key).json()["detail"]
    assert guarded.ask("/v1/any").status_code == 401, "refused, not opened"


def test_what_anybody_may_ask(guarded):
    guarded.key()
    assert guarded.ask("/login").status_code == 200
    assert guarded.ask("/healthz").status_code == 404, "there is none here, but it was let through"
    for address in ("/v1/nothing", "/static", "/loginx", "/"):
        assert guarded.ask(address).status_code == 401, address


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Basic b3BzOng=", "spk_1_2", "Bearer spk_0_0", "bearer é"])
def test_what_is_no_key_opens_nothing(guarded, header):
    guarded.key()
    assert guarded.ask("/v1/any", headers={"Authorization": header.encode("latin-1")}).status_code == 401


def test_a_key_that_has_ended(guarded):
    key = guarded.key(expires=datetime.now(UTC) + timedelta(seconds=0.2))
    while guarded.store.key("ops").valid:
        pass
    answer = guarded.ask("/v1/any", key)
    assert answer.status_code == 401
    assert '"ops" ended on' in answer.json()["detail"]


@pytest.mark.parametrize(
    ("scope", "people", "heard", "audit"),
    [("enroll", 200, 403, 403), ("identify", 403, 200, 403), ("review", 200, 403, 403), ("admin", 200, 200, 200)],
)
def test_scopes(guarded, scope, people, heard, audit):
    key = guarded.key("some", Scope(scope))
    asked = ("/v1/galleries/staff/people", "/v1/galleries/staff/heard", "/v1/audit")
    assert [guarded.ask(address, key).status_code for address in asked] == [people, heard, audit]


def test_a_refusal_says_which_scope_it_takes(guarded):
    answer = guarded.ask("/v1/galleries/staff/people", guarded.key("clerk", Scope.IDENTIFY))
    assert answer.json()["detail"].endswith("it takes one with the scope admin or enroll or review")


def test_a_key_for_some_galleries_knows_of_no_others(guarded):
    key = guarded.key("clerk", Scope.ADMIN, galleries=("staff", "Zoë"))
    guarded.store.gallery("board", create=True)
    for name in ("staff", "Zo%C3%AB", "Zoe%CC%88", "%20staff%20"):
        assert guarded.ask(f"/v1/galleries/{name}/heard", key).status_code == 200, name
    there, not_there = (guarded.ask(f"/v1/galleries/{name}/heard", key) for name in ("board", "nowhere"))
    assert (there.status_code, not_there.status_code) == (404, 404)
    assert there.json()["detail"].replace("board", "nowhere") == not_there.json()["detail"]
    answer = guarded.ask("/v1/audit", key)
    assert answer.status_code == 403
    assert "is for some galleries" in answer.json()["detail"]


def test_use_is_noted(guarded):
    assert guarded.ask("/v1/any", guarded.key()).status_code == 200
    for _ in range(1_000):
        if guarded.store.key("ops").used is not None:
            break
    assert guarded.store.key("ops").used is not None


def test_wrong_keys_are_held_up_and_right_ones_are_not(guarded):
    key = guarded.key()
    wrong = key[:-4] + "0000"
    statuses = [guarded.ask("/v1/any", wrong).status_code for _ in range(int(FAILURES) + 1)]
    assert statuses == [401] * int(FAILURES) + [429]
    answer = guarded.ask("/v1/any", wrong)
    assert int(answer.headers["Retry-After"]) > 0
    assert guarded.ask("/v1/any", key).status_code == 200


def test_a_service_for_other_machines_needs_keys():
    for host in ("0.0.0.0", "::", "192.0.2.7", "spk.example.org", ""):  # noqa: S104 - that is the point
        check_bind(host, has_keys=True)
        with pytest.raises(InputError, match="spk keys create"):
            check_bind(host, has_keys=False)
    for host in ("127.0.0.1", "::1", "localhost"):
        check_bind(host, has_keys=False)


def test_a_websocket_is_refused(guarded):
    with pytest.raises(WebSocketDisconnect) as refused, guarded.browser.websocket_connect("/v1/any"):
        pass
    assert refused.value.code == 1008
