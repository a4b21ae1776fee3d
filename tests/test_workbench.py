"""What workbenches share between threads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock

import pytest

from spk.config import Settings
from spk.errors import NotFoundError
from spk.parts import Parts
from spk.workbench import Workbench


def test_each_part_is_made_once():
    parts, made = Parts(), []

    def make() -> object:
        time.sleep(0.05)
        made.append(object())
        return made[-1]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: parts.get("it", make), range(4)))
    assert found == made * 4


def test_what_cannot_be_made_leaves_nothing():
    parts = Parts()

    def missing() -> str:
        raise NotFoundError("there is none")

    with pytest.raises(NotFoundError):
        parts.get("it", missing)
    assert parts.get("it", lambda: "found") == "found"


def test_each_part_is_made_by_one_at_a_time_though_the_first_fails():
    parts, making, tries = Parts(), Lock(), []

    def make() -> object:
        assert making.acquire(blocking=False), "two make it at once"
        try:
            tries.append(object())
            time.sleep(0.05)
            if len(tries) == 1:
                raise NotFoundError("there is none yet")
            return tries[-1]
        finally:
            making.release()

    def ask(_: int) -> object:
        with suppress(NotFoundError):
            return parts.get("it", make)
        return parts.get("it", make)

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(ask, range(4)))
    assert found == [tries[1]] * 4


def test_a_part_is_fresh_while_its_state_is_the_same():
    parts, numbers = Parts(), iter(range(9))
    assert [parts.fresh("it", state, lambda: next(numbers)) for state in ("a", "a", "b", "b", "a")] == [0, 0, 1, 1, 2]


def test_requests_share_what_is_known_of_a_gallery_until_it_changes(tmp_path: Path):
    parts, settings = Parts(), Settings(tmp_path / "home")
    first = Workbench(settings, parts=parts)
    first.make_gallery()
    collector = first.collector()
    second = Workbench(settings, parts=parts)
    assert second.collector() is collector
    assert second.calibration is first.calibration
    first.store.require_consent(first.gallery, "calls")
    assert second.collector() is not collector
    parts.close()


def test_what_was_made_over_a_minute_ago_is_let_go(monkeypatch) -> None:
    parts, made = Parts(), []
    assert parts.fresh("gallery", 1, lambda: made.append(1) or "first") == "first"
    parts.expire()
    assert parts.fresh("gallery", 1, lambda: made.append(1) or "second") == "first"
    monkeypatch.setattr("spk.parts.FRESH", 0.0)
    parts.expire()
    [kept] = list(parts._made.values())
    assert kept.value is None
    assert parts.fresh("gallery", 1, lambda: "third") == "third"
