"""What is logged of requests, and what never is; and the headers of every answer."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from spk.api.access import Scope
from spk.api.headers import cors
from spk.errors import InputError


def access(caplog):
    return [record.request for record in caplog.records if record.name == "spk.access"]


def test_each_request_is_a_line_without_names(guarded, caplog):
    caplog.set_level(logging.INFO)
    key = guarded.key("clerk", Scope.REVIEW)
    guarded.ask("/v1/galleries/staff/people?name=Rosalind", key)
    guarded.ask("/v1/galleries/Rosalind/heard", key)
    guarded.ask("/v1/nowhere/Rosalind")
    found, refused, unknown = access(caplog)
    where = "/v1/galleries/{gallery}/people"
    assert found | {"ms": 0} == {
        "method": "GET",
        "route": where,
        "status": 200,
        "ms": 0,
        "key": guarded.store.key("clerk").id,
        "gallery": "staff",
    }
    assert (refused["status"], refused["gallery"]) == (403, None)
    assert (unknown["status"], unknown["route"], unknown["key"]) == (401, "-", None)
    assert "Rosalind" not in "".join(map(str, caplog.records))
    assert key.rpartition("_")[2] not in caplog.text


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, 'a"b', "é"])
def test_a_request_gets_an_id_where_it_has_none_that_can_be_logged(guarded, given):
    answer = guarded.ask("/v1/any", headers={"X-Request-ID": given.encode("latin-1")})
    made = answer.headers["X-Request-ID"]
    assert made != given
    assert len(made) == 16


def test_a_request_keeps_its_id(guarded):
    assert guarded.ask("/v1/any", headers={"X-Request-ID": "abc-1.2_3"}).headers["X-Request-ID"] == "abc-1.2_3"
    refused = guarded.ask("/v1/any", headers={"X-Request-ID": "abc", "Origin": "http://evil.example"})
    assert refused.json()["request_id"] == refused.headers["X-Request-ID"] == "abc"


LOGGING = """
import logging, sys
from spk.api.logs import set_up_logging, _request_id
set_up_logging(as_json=sys.argv[1] == "json")
_request_id.set("r-1")
logging.getLogger("spk.access").info("", extra={"request": {
    "method": "GET", "route": "/v1/{x}", "status": 200, "ms": 1.5, "key": "k", "gallery": "a\\nb"}})
logging.getLogger("uvicorn.error").info("started")
logging.getLogger("httpx").info("GET https://hook.example/?token=secret")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("spk.api").exception("two\\nlines")
try:
    raise ValueError("x\\n2026-01-01 INFO spk.access GET / 200\\x1b[2J")
except ValueError:
    logging.getLogger("spk.api").exception("what somebody asked")
"""


def run(how: str) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", LOGGING, how], capture_output=True, text=True, env=environment, check=True
    )
    assert not done.stdout
    return done.stderr.splitlines()


def test_logs_as_json():
    request, started, fault, quoted = map(json.loads, run("json"))
    assert request.pop("time")
    assert request == {
        "level": "info",
        "logger": "spk.access",
        "request_id": "r-1",
        "method": "GET",
        "route": "/v1/{x}",
        "status": 200,
        "ms": 1.5,
        "key": "k",
        "gallery": "a\nb",
    }
    assert started["message"] == "started"
    assert "ZeroDivisionError" in fault["exception"]
    assert quoted["message"] == "what somebody asked"


def test_logs_as_lines():
    request, started, fault, *traceback = run("text")
    assert request.endswith("INFO spk.access r-1 GET /v1/{x} 200 1.5 ms key=k gallery=a\\nb")
    assert started.endswith("INFO uvicorn.error r-1 started")
    assert fault.endswith("ERROR spk.api r-1 two\\nlines")
    assert "  ZeroDivisionError: division by zero" in traceback
    assert traceback[-1] == r"  2026-01-01 INFO spk.access GET / 200\x1b[2J", "which cannot pass for a line of ours"


def test_headers_of_every_answer(guarded):
    for answer in (guarded.ask("/v1/any"), guarded.ask("/nowhere"), guarded.ask("/v1/any", "wrong"), guarded.ask("/")):
        headers = answer.headers
        assert "script-src 'self';" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"]
        assert "Strict-Transport-Security" not in headers
    guarded.browser.base_url = "https://localhost"
    assert guarded.browser.get("/v1/any").headers["Strict-Transport-Security"]


def test_a_page_has_a_nonce_of_its_own(guarded):
    first, second = (guarded.browser.get("/page") for _ in range(2))
    assert f"style-src 'self' 'nonce-{first.json()['nonce']}';" in first.headers["Content-Security-Policy"]
    assert first.json()["nonce"] != second.json()["nonce"]


def test_other_sites_ask_only_where_they_may_and_with_a_key(guarded):
    key = guarded.key()
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    preflight = guarded.ask("/v1/any", method="OPTIONS", headers={"Origin": "https://app.example.org", **wanted})
    assert preflight.status_code == 200
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    answer = guarded.ask("/v1/any", key, "POST", headers={"Origin": "https://app.example.org"})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.org"
    other = {"Origin": "https://evil.example"}
    assert guarded.ask("/v1/any", method="OPTIONS", headers=other | wanted).status_code == 400
    assert "Access-Control-Allow-Origin" not in guarded.ask("/v1/any", key, headers=other).headers


@pytest.mark.parametrize("origin", ["*", "app.example.org", "https://app.example.org/", "ftp://x", "https://x/y", ""])
def test_what_is_no_origin(origin):
    with pytest.raises(InputError, match="is no origin"):
        cors([origin])
