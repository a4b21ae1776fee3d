"""The numbers of a process, and of several processes together."""

from __future__ import annotations

import errno
import os
import time
from unittest.mock import Mock

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from spk.meter import MOST_GALLERIES, OTHERS, Meter, merged, saved
from spk.watching import stage, tell_read, tell_verdict


def values(metrics):
    """What was counted, by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value for metric in metrics for sample in metric.samples
    }


def until(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def test_workers_write_what_they_do_and_their_names_are_taken_up_again(tmp_path, monkeypatch):
    monkeypatch.setattr("spk.meter._EVERY", 0.01)
    with Meter().saving(tmp_path), Meter().saving(tmp_path):
        with stage("embed"):
            tell_read(2.5)
        name = ("spk_audio_seconds_total",)
        until(lambda: [values(found).get(name) for found in saved(tmp_path).values()] == [2.5, 2.5])
        assert list(saved(tmp_path)) == ["worker-1", "worker-2"]
    assert saved(tmp_path) == {}
    with Meter().saving(tmp_path):
        until(lambda: list(saved(tmp_path)) == ["worker-1"])


def test_where_nothing_can_be_locked_no_other_number_is_looked_for(tmp_path, monkeypatch):
    refused = OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    monkeypatch.setattr("spk.meter.flock", Mock(side_effect=[refused, AssertionError("it looks on")]))
    with pytest.raises(OSError, match=refused.strerror), Meter().saving(tmp_path):
        pass


def test_who_has_died_is_not_shown(tmp_path):
    path = tmp_path / "worker-1.prom"
    path.write_bytes(generate_latest(Meter().registry))
    assert list(saved(tmp_path)) == ["worker-1"]
    os.utime(path, (1, 1))
    assert saved(tmp_path) == {}


def test_a_file_that_is_none_of_ours_is_passed_over(tmp_path):
    (tmp_path / "worker-1.prom").write_text("what {is this", encoding="utf-8")
    (tmp_path / "worker-2.prom").write_bytes(b"\xff\xfe")
    assert saved(tmp_path) == {}
    assert saved(tmp_path / "nowhere") == {}


def test_processes_stand_beside_each_other_in_one_text():
    server, worker = Meter(), Meter()
    server.took("embed", 0.02)
    worker.took("embed", 4.0)
    worker.judged("team", "known")

    class Both:
        def collect(self):
            text = generate_latest(worker.registry).decode()
            return merged({"server": server.registry.collect(), "worker-1": text_string_to_metric_families(text)})

    registry = CollectorRegistry()
    registry.register(Both())
    text = generate_latest(registry).decode()
    assert text.count("# TYPE spk_stage_seconds histogram") == 1
    found = values(text_string_to_metric_families(text))
    embed = ("stage", "embed")
    assert found["spk_stage_seconds_count", ("process", "server"), embed] == 1
    assert found["spk_stage_seconds_sum", ("process", "worker-1"), embed] == 4
    assert found["spk_stage_seconds_bucket", ("le", "0.03"), ("process", "server"), embed] == 1
    team = ("gallery", "team"), ("process", "worker-1"), ("verdict", "known")
    assert found["spk_verdicts_total", *team] == 1


def test_galleries_are_counted_apart_up_to_a_number():
    meter = Meter()
    for number in range(MOST_GALLERIES + 5):
        meter.judged(f"gallery {number}", "known")
    meter.judged("gallery 0", "known")
    found = values(meter.registry.collect())
    assert found["spk_verdicts_total", ("gallery", "gallery 0"), ("verdict", "known")] == 2
    assert found["spk_verdicts_total", ("gallery", OTHERS), ("verdict", "known")] == 5
    assert tell_verdict("nobody watches", "known") is None
