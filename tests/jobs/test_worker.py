"""Real worker processes: jobs are done, outlive who does them, and stop when they are told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from jobs.fake import FAKES

from spk.errors import InputError, StoreError
from spk.jobs import Queue
from spk.jobs.runner import Runner
from spk.parts import Parts
from spk.store.job_records import JobState, NewJob

from .conftest import PATIENCE, free_port, opened, redis_at, until


def test_jobs_are_done(office):
    uploads = office.settings.home / "uploads"
    uploads.mkdir()
    (uploads / "talk.wav").write_bytes(b"RIFF")
    office.start()
    heard, refused, odd = (
        office.submit(upload="talk.wav", seconds=0.05),
        office.submit(refuse=f"{uploads}/talk.wav: too short"),
        office.submit(diary="/nowhere/at/all"),
    )
    assert office.wait(heard).result == {"seconds": 0.05, "heard": 4}
    until(lambda: not list(uploads.iterdir()))
    problem = office.wait(refused, JobState.FAILED).problem
    assert (problem.error, problem.detail) == ("InputError", "talk.wav: too short")
    problem = office.wait(odd, JobState.FAILED).problem
    assert (problem.error, "nowhere" in problem.detail) == ("Exception", False)
    later = office.submit()
    assert office.wait(later).attempts == 1


def test_what_cannot_be_asked_for(office):
    for kind, params, message in (
        ("dance", {}, "there are: rest"),
        ("rest", {"seconds": "long"}, "seconds: input should be a valid number"),
    ):
        with pytest.raises(InputError, match=message):
            office.queue.submit(NewJob(kind, "default", params))
    assert office.store.jobs() == []


def test_a_store_that_is_away_when_a_job_ends_is_complained_of_once(office, monkeypatch, caplog):
    finish, asked = office.store.finish_job, []

    def away(*of):
        asked.append(of)
        if len(asked) < 3:
            raise StoreError("the store is away")
        return finish(*of)

    job, parts = office.submit(), Parts()
    parts.get("store", lambda: office.store)
    monkeypatch.setattr("spk.jobs.runner.PAUSE", 0.01)
    monkeypatch.setattr(office.store, "finish_job", away)
    Runner("w", office.settings, parts, FAKES).work()
    assert (office.state(job), len(asked)) == (JobState.DONE, 3)
    assert caplog.messages.count(f"job {job.id}: the store is away") == 1


def test_killed_in_the_middle_of_a_job(office):
    """Nothing is lost: another worker notices, and does it."""
    job = office.submit(seconds=2.5)
    first = office.start(lease=1.5)
    until(lambda: office.entries(job, "begun"))
    first.kill()
    first.wait(PATIENCE)
    assert office.state(job) is JobState.RUNNING
    until(office.store.recover_jobs)
    office.start(lease=1.5)
    done = office.wait(job)
    assert (done.attempts, office.entries(job, "begun"), office.entries(job, "done")) == (2, 2, 1)


def test_a_lost_message_and_many_of_them(office, tmp_path):
    """SQL is the truth: what is not in the queue is found, and what is there twice is done once."""
    lost = office.store.submit_job(NewJob("rest", "default", {"diary": str(office.diary)}))
    office.start()
    office.wait(lost)
    job = office.store.submit_job(NewJob("rest", "default", {"diary": str(office.diary)}))
    for _ in range(5):
        office.queue.wake()
    office.wait(job)
    assert office.entries(job, "begun") == 1


def test_cancelled_while_it_runs(office):
    job, after = office.submit(seconds=PATIENCE), office.submit()
    office.start()
    running = office.wait(job, JobState.RUNNING)
    until(lambda: office.store.job(job.id).stage == "resting")
    assert running.result is None
    office.store.cancel_job(job.id)
    assert office.wait(job, JobState.CANCELLED).result is None
    office.wait(after)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_told_to_leave(office, how):
    """A job that is nearly done is done; one that is not is put back, and its attempt does not count."""
    worker = office.start(grace=20)
    short, waiting = office.submit(seconds=1), office.submit()
    until(lambda: office.entries(short, "begun"))
    worker.send_signal(how)
    assert worker.wait(PATIENCE) == 0
    assert (office.state(short), office.state(waiting)) == (JobState.DONE, JobState.QUEUED)
    office.store.cancel_job(waiting.id)
    worker = office.start(grace=0.1)
    long = office.submit(seconds=PATIENCE)
    until(lambda: office.entries(long, "begun"))
    worker.send_signal(how)
    assert worker.wait(PATIENCE) == 0
    found = office.store.job(long.id)
    assert (found.state, found.attempts) == (JobState.QUEUED, 0)


def test_it_leaves_when_its_parent_is_gone(office):
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    worker = office.start(parent=parent.pid)  # whose child it never was
    assert worker.wait(PATIENCE) == 0
    parent.communicate()
    worker = office.start(parent=os.getpid())
    office.wait(office.submit())
    assert worker.poll() is None


def test_two_workers_share_the_work(office):
    for _ in range(2):
        office.start()
    jobs = [office.submit(seconds=0.05) for _ in range(20)]
    for job in jobs:
        assert office.wait(job).attempts == 1
        assert (office.entries(job, "begun"), office.entries(job, "done")) == (1, 1)


def test_by_redis(tmp_path):
    """Also when it was away for a while: nothing that it had is needed."""
    port = free_port()
    with redis_at(port, tmp_path) as url, opened(tmp_path / "home", url) as office:
        worker = office.start()
        for _ in range(3):
            office.wait(office.submit())
        assert not (office.settings.home / "queue.db").exists()
        job = office.submit(seconds=PATIENCE)
        office.wait(job, JobState.RUNNING)
        worker.send_signal(signal.SIGTERM)
        office.store.cancel_job(job.id)
        assert worker.wait(PATIENCE) == 0
        assert office.state(job) is JobState.CANCELLED
    with opened(tmp_path / "home", url) as office:
        worker = office.start()
        lost = office.submit()
        time.sleep(1)  # in which the worker asks in vain
        assert worker.poll() is None
        with redis_at(port, tmp_path):
            again = office.submit()
            office.wait(again)
            office.wait(lost)


def test_redis_is_away(office):
    """The job is kept, and whoever asked for it does not hear of that."""
    queue = Queue(
        office.store,
        office.serving.model_copy(update={"queue": "redis://:secret@127.0.0.1:1/0"}),
        office.queue._handlers,
    )
    job = queue.submit(NewJob("rest", "default"))
    assert office.state(job) is JobState.QUEUED
    queue.close()
    office.start()
    office.wait(job)
    with pytest.raises(InputError, match="no URL of a Redis") as raised:
        Queue(office.store, office.serving.model_copy(update={"queue": "amqp://:secret@host"}))
    assert "secret" not in str(raised.value)
