"""Workers that are looked after: started again when they die, and gone when nobody looks after them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from spk.config import ServiceSettings, Settings
from spk.jobs.supervisor import Supervisor, environment
from spk.store.job_records import JobState

from .conftest import PATIENCE, WORKER, until

SUPERVISED = WORKER.replace("sys.argv[4]", "sys.argv[5]")  # after --parent

SERVER = """
import sys, time
from pathlib import Path
from spk.jobs.supervisor import Supervisor
from spk.store import Store

with Store.open(Path(sys.argv[1])) as store:
    with Supervisor(2, store, [sys.executable, "-c", sys.argv[2], sys.argv[1], "60", "0.1"], {}) as supervisor:
        while len(supervisor.processes) < 2:
            time.sleep(0.02)
        print(*supervisor.processes, flush=True)
        input()
"""


def runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_started_again(office):
    """A job of a worker that was killed is done by the next, without waiting for its lease."""
    command = [sys.executable, "-c", SUPERVISED, str(office.settings.home), "600", "0.1"]
    with Supervisor(1, office.store, command, {}) as supervisor:
        [first] = until(lambda: supervisor.processes)
        job = office.submit(seconds=1)
        until(lambda: office.entries(job, "begun"))
        os.kill(first, 9)
        assert office.wait(job).attempts == 2
        [second] = supervisor.processes
        assert second != first
    assert not runs(second)


def test_what_cannot_be_started_is_tried_again(office, caplog):
    command = [str(office.settings.home / "nothing")]
    with Supervisor(1, office.store, command, {}):
        until(lambda: len(caplog.records) > 1)
    assert "a worker cannot be started" in caplog.text


def test_stopped_in_the_middle(office):
    command = [sys.executable, "-c", SUPERVISED, str(office.settings.home), "600", "0.1"]
    with Supervisor(2, office.store, command, {}):
        jobs = [office.submit(seconds=PATIENCE) for _ in range(2)]
        for job in jobs:
            until(lambda job=job: office.entries(job, "begun"))
    assert [office.store.job(job.id).attempts for job in jobs] == [0, 0]
    assert {office.state(job) for job in jobs} == {JobState.QUEUED}


def test_nothing_outlives_a_server_that_is_killed(office):
    command = [sys.executable, "-c", SERVER, str(office.settings.home), SUPERVISED]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        try:
            workers = list(map(int, server.stdout.readline().split()))
            assert len(workers) == 2
            job = office.submit(seconds=PATIENCE)
            until(lambda: office.entries(job, "begun"))
        finally:
            server.kill()
    until(lambda: not any(map(runs, workers)))
    assert office.state(job) is JobState.QUEUED


def test_workers_read_the_settings_of_the_service(tmp_path):
    settings = Settings.read({}, home=tmp_path, fpir=0.02, database="postgresql://spk:word@host/name", threads=2)
    serving = ServiceSettings(queue="redis://host/0", keep_jobs=2, webhook_hosts=("a.internal", "b.internal"))
    variables = environment(settings, serving)
    assert Settings.read(variables) == settings
    read = ServiceSettings.read(tmp_path, variables)
    assert (read.queue, read.keep_jobs, read.webhook_hosts) == (serving.queue, 2, serving.webhook_hosts)
