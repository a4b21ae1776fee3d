"""Jobs in the store: taken by one worker, ended once, forgotten with the people that they are about."""

from __future__ import annotations

import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update

from spk.errors import ConflictError, NotFoundError, StoreError
from spk.store import Store, tables
from spk.store.job_records import Answer, JobProblem, JobState, NewJob, Standing, Webhook
from spk.store.jobs import MOST_ATTEMPTS, TELL_AFTER

pytestmark = pytest.mark.usefixtures("either_database")

HOOK = Webhook("https://example.org/told", "open sesame, open sesame")


def new(kind="rest", **fields) -> NewJob:
    return NewJob(kind, "default", **fields)


def shift(store, **values):
    """Let time pass: move moments of all jobs."""
    with store._database.write() as tx:
        tx.execute(update(tables.jobs).values(values))


@pytest.fixture
def ago():
    return datetime.now(UTC) - timedelta(seconds=1)


def test_a_job_from_beginning_to_end(store, gallery):
    job = store.submit_job(new(params={"name": "Zoë"}, key="key:desk", webhook=HOOK))
    assert (job.state, job.attempts, job.gallery, job.params) == (JobState.QUEUED, 0, "default", {"name": "Zoë"})
    assert "sesame" not in repr(job)
    mine = store.claim_job("w1")
    assert (mine.id, mine.state, mine.attempts) == (job.id, JobState.RUNNING, 1)
    assert store.claim_job("w2") is None
    assert store.renew_job(mine, done=3, total=9, stage="hearing") is Standing.MINE
    seen = store.job(job.id)
    assert (seen.done, seen.total, seen.stage) == (3, 9, "hearing")
    assert store.finish_job(mine, {"speakers": ["Zoë"]})
    ended = store.job(job.id)
    assert (ended.state, ended.result, ended.problem) == (JobState.DONE, {"speakers": ["Zoë"]}, None)
    assert ended.created <= ended.started <= ended.finished
    assert not store.finish_job(mine, {"speakers": []})
    assert store.job(job.id) == ended
    assert store.job_counts().queued == store.job_counts().running == 0


def test_it_is_there_for_others_at_once(home, store, gallery):
    job = store.submit_job(new())
    with Store.open(home) as other:
        assert other.job(job.id) == job
        assert other.jobs(["default"], [JobState.QUEUED]) == [job]
        assert other.jobs(["elsewhere"]) == []
        assert other.job_counts().oldest is not None


def test_unknown(store):
    with pytest.raises(NotFoundError, match="no gallery"):
        store.submit_job(NewJob("rest", "nowhere"))
    with pytest.raises(NotFoundError, match="keep_jobs"):
        store.job(uuid4())


def test_the_oldest_first_and_each_once(home, store, gallery):
    jobs = [store.submit_job(new()).id for _ in range(12)]
    assert store.claim_job("w").id == jobs[0]

    def take(number):
        with Store.open(home) as mine:
            found = []
            while (job := mine.claim_job(f"w{number}")) is not None:
                found.append(job.id)
            return found

    with ThreadPoolExecutor(4) as pool:
        taken = [id_ for found in pool.map(take, range(4)) for id_ in found]
    assert sorted(taken) == sorted(jobs[1:])


def test_the_worker_dies(store, gallery, ago):
    job = store.submit_job(new())
    first = store.claim_job("w1")
    assert store.recover_jobs() == 0
    shift(store, lease=ago)
    assert store.recover_jobs() == 1
    assert store.job(job.id).state is JobState.QUEUED
    second = store.claim_job("w2")
    assert second.attempts == 2
    # The first was not dead, only slow.
    assert store.renew_job(first) is store.standing(first) is Standing.LOST
    assert not store.finish_job(first, "old")
    assert not store.give_back_job(first)
    assert store.recover_jobs(["w1"]) == 0
    assert store.recover_jobs(["w2"]) == 1
    third = store.claim_job("w3")
    assert third.attempts == MOST_ATTEMPTS
    shift(store, lease=ago)
    store.recover_jobs()
    failed = store.job(job.id)
    assert failed.state is JobState.FAILED
    assert "ended 3 times" in failed.problem.detail


def test_given_back_it_does_not_count(store, gallery):
    store.submit_job(new())
    for _ in range(2 * MOST_ATTEMPTS):
        job = store.claim_job("w")
        assert job.attempts == 1
        assert store.give_back_job(job)
    assert not store.finish_job(job, None)


def test_tried_again_later(store, gallery, ago):
    job = store.submit_job(new())
    problem = JobProblem("StoreError", "away")
    for attempt in range(1, MOST_ATTEMPTS + 1):
        mine = store.claim_job("w")
        assert mine.attempts == attempt
        assert store.retry_job(mine, problem, 60)
        assert store.claim_job("w") is None
        shift(store, ready=ago)
    assert store.job(job.id).problem == problem


def test_cancelled(home, store, gallery, ago):
    uploads = home / "uploads"
    uploads.mkdir()
    (uploads / "a.wav").write_bytes(b"RIFF")
    waiting, running = store.submit_job(new(upload="a.wav")), store.submit_job(new())
    assert store.cancel_job(waiting.id).state is JobState.CANCELLED
    assert not list(uploads.iterdir())
    mine = store.claim_job("w")
    assert mine.id == running.id
    assert store.cancel_job(running.id).cancelling
    assert store.standing(mine) is store.renew_job(mine) is Standing.CANCELLING
    assert store.stop_job(mine)
    assert store.cancel_job(running.id).state is JobState.CANCELLED
    for end in (store.give_back_job, lambda _: store.recover_jobs(["w"])):
        job = store.submit_job(new())
        mine = store.claim_job("w")
        store.cancel_job(job.id)
        assert end(mine)
        assert store.job(job.id).state is JobState.CANCELLED


def test_at_random(store, gallery, ago):
    """Whatever happens in whatever order: a job ends once, by the last who took it."""
    chance = random.Random(6)  # noqa: S311 - no secret
    for _ in range(4):
        job = store.submit_job(new())
        claims, ended = [], None
        for step in range(25):
            what = chance.choice(["claim", "claim", "finish", "renew", "expire", "give back", "cancel"])
            before = store.job(job.id)
            if what == "claim" and (mine := store.claim_job(f"w{step}")):
                assert before.state is JobState.QUEUED
                claims.append(mine)
            elif what == "expire":
                shift(store, lease=ago)
                store.recover_jobs()
            elif what == "cancel" and chance.random() < 0.2:
                store.cancel_job(job.id)
            elif claims and what in {"finish", "renew", "give back"}:
                who = chance.choice(claims)
                is_mine = before.state is JobState.RUNNING and who.token == before.token
                if what == "finish":
                    assert store.finish_job(who, step) == is_mine
                elif what == "renew":
                    assert (store.renew_job(who) is not Standing.LOST) == is_mine
                else:
                    assert store.give_back_job(who) == is_mine
            after = store.job(job.id)
            assert after.attempts <= MOST_ATTEMPTS
            if ended is not None:
                assert after == ended
            ended = after if after.state.ended else None
        store.cancel_job(job.id)
        shift(store, state=JobState.CANCELLED)


def test_what_is_held_up_by_a_correction(home, store, gallery, either_database, monkeypatch):
    """On a server nobody waits for who writes elsewhere; in a file everybody does."""
    monkeypatch.setattr("spk.store.sqlite.BUSY_SECONDS", 0.2)
    held, over = threading.Event(), threading.Event()

    def correct():
        with store.change(gallery, "correct", dry_run=True):
            held.set()
            over.wait(30)

    with Store.open(home) as other, ThreadPoolExecutor(1) as pool:
        done = pool.submit(correct)
        assert held.wait(30)
        try:
            if either_database == "sqlite":
                with pytest.raises(StoreError, match="has held it"):
                    other.submit_job(new())
            else:
                job = other.submit_job(new())
                assert other.cancel_job(job.id).state is JobState.CANCELLED
            assert other.job_counts().queued == 0
        finally:
            over.set()
        done.result()


def test_kept_for_some_days(home, store, gallery):
    uploads = home / "uploads"
    uploads.mkdir()
    store.submit_job(new(upload="ended.wav"))
    store.finish_job(store.claim_job("w"), 1)
    for name in ("ended.wav", "waiting.wav", "fresh.wav", "left.wav"):
        (uploads / name).write_bytes(b"RIFF")  # the first as if somebody had died in the middle of it
    os.utime(uploads / "left.wav", (0, 0))
    waiting = store.submit_job(new(upload="waiting.wav"))
    assert store.prune_uploads() == 2
    assert {path.name for path in uploads.iterdir()} == {"waiting.wav", "fresh.wav"}
    assert store.prune_jobs(1) == 0
    shift(store, finished=datetime.now(UTC) - timedelta(days=2))
    assert store.prune_jobs(1) == 1
    assert [job.id for job in store.jobs()] == [waiting.id]


def test_webhooks_are_told_for_an_hour(store, gallery, ago):
    job = store.submit_job(new(webhook=HOOK))
    assert store.claim_delivery() is None
    store.fail_job(store.claim_job("w"), JobProblem("InputError", "no"))
    for attempt in range(1, len(TELL_AFTER) + 2):
        delivery = store.claim_delivery()
        assert (delivery.attempt, delivery.webhook, delivery.job.state) == (attempt, HOOK, JobState.FAILED)
        assert store.claim_delivery() is None
        if attempt == 1:
            assert store.prune_jobs(0) == 0
        again = store.end_delivery(delivery, delivered=False)
        assert (again is None) == (attempt > len(TELL_AFTER))
        if again is not None:
            shift(store, tell_at=ago)
    assert store.claim_delivery() is None
    assert store.job(job.id).webhook is None
    assert store.prune_jobs(0) == 1


def test_a_webhook_is_told_once(store, gallery, ago):
    job = store.submit_job(new(webhook=HOOK))
    store.finish_job(store.claim_job("w"), 1)
    store.claim_delivery()  # by a worker that dies
    shift(store, tell_at=ago)
    second = store.claim_delivery()
    assert second.attempt == 2
    assert store.end_delivery(second, delivered=True) is None
    assert store.job(job.id).webhook is None
    assert store.claim_delivery() is None


ANSWER = Answer(201, {"Location": "/v1/x"}, b'{"name": "alice"}')


def test_a_request_is_answered_once(store, gallery):
    begun = store.begin_request("desk", "k1", "hash", gallery="default")
    assert begun.answer is None
    with pytest.raises(ConflictError, match="still being worked on"):
        store.begin_request("desk", "k1", "hash")
    store.finish_request(begun, ANSWER)
    assert store.begin_request("desk", "k1", "hash").answer == ANSWER
    with pytest.raises(ConflictError, match="another request"):
        store.begin_request("desk", "k1", "other")
    assert store.begin_request("somebody else", "k1", "other").answer is None
    dropped = store.begin_request("desk", "k2", "hash")
    store.drop_request(dropped)
    assert store.begin_request("desk", "k2", "hash").answer is None
    assert store.prune_requests() == 0


def test_a_request_whose_server_died(store, gallery, ago):
    dead = store.begin_request("desk", "k", "hash")
    with store._database.write() as tx:
        tx.execute(update(tables.requests).values(until=ago))
    store.renew_requests([dead.token])
    with pytest.raises(ConflictError, match="still being worked on"):
        store.begin_request("desk", "k", "hash")
    with store._database.write() as tx:
        tx.execute(update(tables.requests).values(until=ago))
    again = store.begin_request("desk", "k", "hash")
    assert (again.answer, again.work) == (None, dead.work)
    store.renew_requests([dead.token])
    store.finish_request(dead, ANSWER)  # it was not dead, only slow
    store.drop_request(dead)
    store.finish_request(again, Answer(200, {}, b"mine"))
    assert store.begin_request("desk", "k", "hash").answer.body == b"mine"
    with store._database.write() as tx:
        tx.execute(update(tables.requests).values(created=ago - timedelta(days=1)))
    another = store.begin_request("desk", "k", "another")
    assert another.answer is None
    assert another.work != dead.work
    assert store.prune_requests() == 0


def test_an_erasure_reaches_jobs_and_answers(home, store, gallery, sample, files_with):
    """Whoever is erased is in no result, parameter, problem or answer any more, and is not enrolled again."""
    uploads = home / "uploads"
    uploads.mkdir()
    (uploads / "1").write_bytes(b"RIFF")
    (uploads / "2").write_bytes(b"RIFF")
    alice = store.enroll(gallery, "Melisande", [sample("a")]).speaker
    store.gallery("other", create=True)
    done = store.submit_job(new(params={"who": "Melisande"}))
    store.finish_job(store.claim_job("w"), {"found": "Melisande", "id": str(alice.id)})
    elsewhere = store.submit_job(NewJob("rest", "other", {"who": "Melisande"}))
    store.fail_job(store.claim_job("w"), JobProblem("ConflictError", "Melisande is taken"))
    running = store.submit_job(new(upload="1"))
    at_it = store.claim_job("w")
    named = store.submit_job(new(params={"id": str(alice.id)}, upload="2"))
    kept = store.submit_job(new(params={"who": "Bob"}))
    answered = store.begin_request("desk", "k1", "hash", gallery="default")
    store.finish_request(answered, Answer(201, {}, b'{"name": "Melisande"}'))
    general = store.begin_request("desk", "k2", "hash")
    store.finish_request(general, Answer(201, {}, b'{"name": "Melisande"}'))
    working = store.begin_request("desk", "k3", "hash", gallery="default")

    assert store.erase([alice]).proved

    assert not files_with(home, "Melisande")
    assert store.job(done.id).state is JobState.DONE
    for job in (done, elsewhere):
        found = store.job(job.id)
        assert (found.result, found.params) == (None, {})
        assert "erased" in found.problem.detail
    assert store.job(running.id).state is JobState.QUEUED
    assert store.standing(at_it) is Standing.LOST
    assert store.job(named.id).state is JobState.CANCELLED
    assert store.job(kept.id) == kept
    assert [path.name for path in uploads.iterdir()] == ["1"]
    store.finish_request(working, Answer(200, {}, b"Melisande"))
    for key in ("k1", "k2", "k3"):
        with pytest.raises(ConflictError, match="somebody was erased"):
            store.begin_request("desk", key, "hash")
    assert store.claim_job("w").attempts == 1


def test_an_erasure_reaches_webhooks(home, store, gallery, sample, files_with):
    """No address that holds the name is kept or told; all others are."""
    quill = store.enroll(gallery, "Zacharias Quill", [sample("a")]).speaker
    store.gallery("other", create=True)
    hooks = {
        name: Webhook(f"https://{name}.example/{path}", HOOK.secret)
        for name, path in {
            "escaped": "Zacharias%20Quill",
            "plus": "?of=zacharias+quill",
            "plain": "zacharias_quill",
            "id": str(quill.id),
        }.items()
    }
    ended = [store.submit_job(new(webhook=hook)) for hook in hooks.values()]
    ended += [store.submit_job(NewJob("rest", "other", webhook=hooks["escaped"])), store.submit_job(new(webhook=HOOK))]
    for _ in ended:
        store.finish_job(store.claim_job("w"), 1)
    begun = store.claim_delivery()
    running = store.submit_job(new(webhook=hooks["escaped"]))
    store.claim_job("w")
    waiting = store.submit_job(new(webhook=hooks["plus"]))
    kept = store.submit_job(new(params={"who": "Bob"}, webhook=HOOK))

    assert store.erase([quill]).proved

    *named, told = (store.job(job.id) for job in ended)
    assert [job.webhook for job in (*named, told, store.job(kept.id))] == [None] * 5 + [HOOK] * 2
    for job in (running, waiting):
        assert store.job(job.id).state is JobState.CANCELLED
        assert store.job(job.id).webhook is None
    assert store.end_delivery(begun, delivered=False) is None
    assert store.claim_delivery().job.id == told.id
    assert store.claim_delivery() is None
    assert not files_with(home, "quill", "Quill")
