"""How much may be asked, and how large a request may be."""

from __future__ import annotations

import anyio
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from spk.api import limits
from spk.api.bodies import BodyLimit
from spk.api.limits import Buckets, Limits
from spk.api.problems import ProblemError


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 20), st.floats(1, 600))
def test_no_more_passes_than_the_rate_and_one_burst(gaps, burst, rate):
    buckets, now, passed = Buckets(rate, burst), 0.0, 0
    for gap in gaps:
        now += gap
        wait = buckets.take("ann", now=now)
        passed += wait == 0
        assert passed <= burst + now * rate / 60 + 1e-6
        if wait:
            assert buckets.take("ann", now=now + wait + 1e-6) == 0, "who waits is let in"
            passed, now = passed + 1, now + wait + 1e-6


def test_callers_do_not_hold_up_each_other():
    buckets = Buckets(1, burst=1)
    assert buckets.take("ann") == 0
    assert buckets.take("ann") > 0
    assert buckets.take("bob") == 0


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(limits, "MOST_BUCKETS", 100)
    buckets = Buckets(1, burst=1)
    for number in range(1_000):
        buckets.take(str(number))
        buckets.take("who asks all the time")
    assert len(buckets._buckets) == 100
    assert buckets.take("who asks all the time") > 0


def test_addresses_of_one_network_count_together():
    counted = Limits()
    for last in range(int(limits.FAILURES)):
        counted.fail(f"2001:db8::{last}")
    with pytest.raises(ProblemError, match="too many wrong keys"):
        counted.fail("2001:db8::ffff")
    counted.fail("2001:db8:1::1")


def test_a_key_that_asks_too_often_is_told_when_to_come_again(guarded):
    key, other = guarded.key(), guarded.key("other")
    answers = [guarded.browser.get("/v1/any", headers={"Authorization": f"Bearer {key}"}) for _ in range(120)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {answer.status_code for answer in answers} == {200, 429}
    assert refused[0].json()["type"] == "/problems/too-many-requests"
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert guarded.ask("/v1/any", other).status_code == 200


def test_a_body_that_is_too_large_is_not_read(guarded):
    for content in (b"x" * (9 << 20), (b"x" * (1 << 20) for _ in range(9))):  # with its length, and without
        answer = guarded.browser.post("/echo", content=content)
        assert answer.status_code == 413
        assert answer.json()["type"] == "/problems/too-large"
    assert guarded.browser.post("/echo", content=b"x" * 100).status_code == 200


def test_a_body_that_stalls_is_not_waited_for():
    app = FastAPI()
    app.add_middleware(BodyLimit, stalled=0.05)

    @app.post("/")
    async def echo(request: Request) -> str:
        return (await request.body()).decode()

    answered = []

    async def ask() -> None:
        scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b"", "scheme": "http"}
        messages = iter([{"type": "http.request", "body": b"x", "more_body": True}])

        async def receive() -> dict:
            return next(messages, None) or await anyio.sleep(60)

        async def send(message: dict) -> None:
            answered.append(message)

        await app(scope, receive, send)

    anyio.run(ask)
    assert answered[0]["status"] == 408
    assert TestClient(app).post("/", content=b"x").text == '"x"'
