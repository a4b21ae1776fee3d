"""What Prometheus is told, as Prometheus reads it."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from spk.api.drift import drift, is_too_many, strangers
from spk.api.metrics import Metrics
from spk.embed import model_id
from spk.errors import StoreError
from spk.identify import default_calibration
from spk.identify.explaining import calibration_record
from spk.meter import Meter
from spk.store.job_records import NewJob
from spk.store.monitoring import Judged


@pytest.fixture
def shown(http):
    """``shown("spk_jobs", state="queued")``: the value of a sample, None where there is none."""

    def shown(name, /, **labels):
        answer = http.get("/metrics")
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        for family in text_string_to_metric_families(answer.text):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
        return None

    return shown


@pytest.fixture
def service(http):
    return http.app.state.service


def test_requests_are_counted_by_the_template_of_their_route(http, shown):
    assert http.post("/v1/galleries", json={"name": "team"}).status_code == 201
    http.get("/v1/galleries/nobody's business/speakers")
    http.get("/nowhere/at/all")
    http.request("BREW", "/healthz")
    text = http.get("/metrics").text
    assert "nobody" not in text
    assert "nowhere" not in text
    assert shown("spk_request_seconds_count", route="/v1/galleries", method="POST", status="201") == 1
    assert shown("spk_request_seconds_count", route="-", method="GET", status="404") == 1
    assert "BREW" not in text
    assert 'method="other"' in text


def test_what_there_is_to_do_and_how_the_process_does(http, shown, service):
    http.post("/v1/galleries", json={"name": "team"})
    service.store.submit_job(NewJob("fake", "team", {}, upload=None, key="", webhook=None))
    service.forms.folder.mkdir(exist_ok=True)
    (service.forms.folder / "one").write_bytes(b"12345")
    assert shown("spk_jobs", state="queued") == 1
    assert shown("spk_jobs", state="failed") == 0
    assert shown("spk_job_oldest_seconds") >= 0
    assert (shown("spk_upload_files"), shown("spk_upload_bytes")) == (1, 5)
    assert shown("spk_store_up") == 1
    assert shown("spk_requests_waiting") == 0
    assert shown("spk_requests_refused_total") == 0
    assert shown("process_resident_memory_bytes") > 1e6
    version = http.app.version
    assert shown("spk_build_info", version=version) == 1


def test_work_of_the_server_and_of_workers_stand_beside_each_other(http, shown, service):
    http.app.state.metrics.meter.took("embed", 0.1)
    worker = Meter()
    worker.took("diarize", 20.0)
    worker.read(600.0)
    folder = service.settings.home / "metrics"
    folder.mkdir()
    (folder / "worker-1.prom").write_bytes(generate_latest(worker.registry))
    assert shown("spk_stage_seconds_count", process="server", stage="embed") == 1
    assert shown("spk_stage_seconds_sum", process="worker-1", stage="diarize") == 20
    assert shown("spk_audio_seconds_total", process="worker-1") == 600


def test_the_event_loop_is_watched(http, shown):
    async def look_twice():
        with anyio.move_on_after(0.6):
            await http.app.state.metrics.watch_loop()

    anyio.run(look_twice)
    assert shown("spk_event_loop_lag_seconds_count") >= 1


def test_a_store_that_is_down_is_said_and_the_rest_is_shown(shown, service, monkeypatch):
    def down():
        raise StoreError("the database does not answer")

    monkeypatch.setattr(service.store, "load", down)
    monkeypatch.setattr(service.store, "engine_status", down)
    text = Metrics(service).render().decode()
    assert "spk_store_up 0.0" in text
    assert "spk_ready" in text
    assert "spk_jobs" not in text


def test_whether_calibrations_hold(http, shown, service, monkeypatch):
    http.post("/v1/galleries", json={"name": "team"})
    lately = {
        "team": Judged([0.0001, 0.3, 0.3, 0.3, 0.5], strangers=100, reviewed=40, wrong=30),
        "gone": Judged([0.9], strangers=1),
    }
    monkeypatch.setattr(type(service.store), "judged_lately", lambda *_, **__: lately)
    assert shown("spk_score_drift", gallery="team") == pytest.approx(0.625)
    assert shown("spk_score_drift_voices", gallery="team") == 4
    assert shown("spk_names_reviewed", gallery="team") == 40
    assert shown("spk_names_wrong", gallery="team") == 30
    assert 0 < shown("spk_names_wrong_expected", gallery="team") < 30
    assert shown("spk_fpir_alarm", gallery="team") == 1
    assert shown("spk_fpir_alarm", gallery="gone") is None


def test_a_calibration_of_another_version_of_a_model_hides_nothing_else(http, shown, service, monkeypatch):
    http.post("/v1/galleries", json={"name": "team"})
    other = replace(default_calibration(model_id("ecapa")), fingerprint="0" * 64)
    gallery, record = service.store.gallery("team"), calibration_record(other)
    service.store.keep_calibration(gallery, record)
    service.store.use_calibration(gallery, record.id)
    lately = {"team": Judged([0.3], strangers=100, reviewed=40, wrong=30)}
    monkeypatch.setattr(type(service.store), "judged_lately", lambda *_, **__: lately)
    assert shown("spk_store_up") == 1
    assert shown("spk_names_wrong", gallery="team") == 30
    assert shown("spk_names_wrong_expected", gallery="team") is None


def test_strangers_who_come_nearer_are_noticed_and_those_enrolled_do_not_count():
    even = [0.2 + 0.8 * (step + 0.5) / 100 for step in range(100)]
    assert drift(even + [1e-6] * 500) == pytest.approx(0)
    assert drift([one**2 for one in even]) > 0.1
    assert drift([one**0.5 for one in even]) < -0.1
    assert strangers([0.01, 0.2, 0.3]) == [0.3]


def test_an_alarm_is_rare_where_all_is_well():
    assert not is_too_many(0, 0.0)
    assert is_too_many(1, 0.001)
    assert not is_too_many(14, 8.0)
    assert is_too_many(20, 8.0)
    assert not is_too_many(120, 100.0)
    assert not is_too_many(1, 5000.0)
    assert is_too_many(6000, 5000.0)
