"""kill -9 at random moments; `bench/faults.py` does it more often."""

from __future__ import annotations

import pytest
from servers.killing import kill_writers

pytestmark = pytest.mark.usefixtures("either_database")

KILLS = 30


def test_kill_at_random_moments(home, start, monkeypatch, either_database):
    monkeypatch.setattr("spk.store.inprocess.SMALL", 0)
    # A server takes longer over each change, and over writing its tables anew.
    kills, seconds = (KILLS, 0.15) if either_database == "sqlite" else (KILLS // 3, 1.0)
    said, opened = kill_writers(home, start, kills, seconds)
    assert opened >= kills * 2 // 3
    assert len(said) > kills // 2  # on a busy machine many die before they have begun
