"""Keys: what opens, what does not, and what is kept of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from spk.errors import AccessError, ConflictError, InputError, NotFoundError
from spk.store import Store, tables
from spk.store.audit import acting, user
from spk.store.job_records import JobState, NewJob, Standing
from spk.store.keys import Scope

SOON = timedelta(hours=1)


@pytest.fixture
def both(either_database, home):
    with Store.open(home) as opened:
        yield opened


def test_a_key_opens_what_it_is_for(both):
    staff = both.gallery("staff", create=True)
    assert not both.has_keys()
    new = both.create_key("front-desk", [Scope.IDENTIFY], galleries=[staff], expires=datetime.now(UTC) + SOON)
    assert both.has_keys()
    opened = both.open_with(new.token)
    assert opened == new.record == both.key("front-desk") == both.key(new.record.id) == both.valid_key(opened.id, "s")
    assert (opened.name, opened.user, opened.galleries, opened.valid) == (
        "front-desk",
        "key:front-desk",
        ("staff",),
        True,
    )
    assert both.create_key("ops", [Scope.ADMIN]).record.galleries is None
    assert [key.name for key in both.every_key()] == ["front-desk", "ops"]


def test_what_is_no_key_opens_nothing(both):
    token = both.create_key("ops", [Scope.ADMIN]).token
    head, key, secret = token.split("_")
    for wrong in (
        *("", "spk", token[:-1], token + "0", token.upper(), f" {token}", f"{token}\n"),
        f"{head}_{key}_{secret[::-1]}",
        f"{head}_{'0' * 12}_{secret}",
        f"{head}_{key}_{'0' * 64}",
    ):
        with pytest.raises(AccessError, match="not known"):
            both.open_with(wrong)


def test_a_key_ends(both, monkeypatch):
    new = both.create_key("clerk", [Scope.IDENTIFY], expires=datetime.now(UTC) + timedelta(seconds=0.3))
    other = both.create_key("ops", [Scope.ADMIN])
    while both.key("clerk").valid:
        pass
    with pytest.raises(AccessError, match=r'"clerk" ended on .* UTC'):
        both.open_with(new.token)
    revoked = both.revoke_key("ops")
    assert both.revoke_key(other.record.id) == revoked
    for tries in (lambda: both.open_with(other.token), lambda: both.valid_key(revoked.id, "s")):
        with pytest.raises(AccessError, match="was revoked"):
            tries()
    assert both.has_keys(), "a door that was locked stays so"
    with pytest.raises(AccessError, match="log in again"):
        both.valid_key("0" * 12, "s")


def test_a_session_that_was_ended_stays_so(both, home):
    key, over = both.create_key("ops", [Scope.ADMIN]).record, datetime.now(UTC) + SOON
    for _ in range(2):
        both.end_session("one", until=over)
    assert both.valid_key(key.id, "another") == key
    with Store.open(home) as again:
        for store in (both, again):
            with pytest.raises(AccessError, match="log in again"):
                store.valid_key(key.id, "one")


def test_an_ended_session_is_forgotten_when_it_would_be_over(both):
    now = datetime.now(UTC)
    both.end_session("one", until=now)
    both.end_session("another", until=now + SOON)
    with both._database.read() as tx:
        assert tx.scalars(select(tables.ended_sessions.c.until)).all() == [now + SOON]


def test_names_are_given_once(both):
    both.create_key("ops", [Scope.ADMIN])
    both.revoke_key("ops")
    with pytest.raises(ConflictError, match="ops-2"):
        both.create_key("ops", [Scope.ADMIN])
    for name in ("", "-x", "a b", "ä", "a" * 65, "0123456789ab", "x\n"):
        with pytest.raises(InputError, match="a key's name"):
            both.create_key(name, [Scope.ADMIN])
    for how in ({"scopes": []}, {"galleries": []}, {"expires": datetime.now(UTC) - SOON}):
        with pytest.raises(InputError):
            both.create_key("x", **({"scopes": [Scope.ADMIN]} | how))
    with pytest.raises(NotFoundError, match="'y': there is no such key"):
        both.revoke_key("y")


def test_a_key_of_galleries_that_are_gone_is_for_none(both):
    staff = both.gallery("staff", create=True)
    new = both.create_key("clerk", [Scope.IDENTIFY], galleries=[staff])
    with both._database.write() as tx:
        tx.exec_driver_sql("DELETE FROM galleries")
    both.gallery("staff", create=True)
    assert both.open_with(new.token).galleries == (), "another gallery of the same name is not meant"


def test_use_is_written_down_once_a_minute(both):
    key = both.create_key("ops", [Scope.ADMIN]).record
    both.note_key_used(key)
    first = both.key("ops").used
    assert first is not None
    both.note_key_used(key)  # a record from before
    both.note_key_used(both.key("ops"))
    assert both.key("ops").used == first


def test_the_secret_is_nowhere(both, home, files_with):
    token = both.create_key("ops", [Scope.ADMIN]).token
    both.open_with(token)
    assert files_with(home, token, token.rpartition("_")[2]) == []


def test_who_did_what_is_in_the_log(both):
    me = user()
    both.create_key("ops", [Scope.REVIEW])
    with acting("key:ops"):
        both.gallery("staff", create=True)
        with acting("key:other"):
            assert user() == "key:other"
        both.revoke_key("ops")
    log = [(entry.user, entry.action) for entry in both.audit_log()]
    assert log == [(me, "create key"), ("key:ops", "create gallery"), ("key:ops", "revoke key")]
    detail = next(both.audit_log(action="create key")).detail
    assert detail == {
        "key": both.key("ops").id,
        "of": "key:ops",
        "scopes": ["review"],
        "galleries": None,
        "expires": None,
    }


def test_a_key_may_be_called_like_somebody_who_is_erased(both, sample):
    gallery = both.gallery("default", create=True)
    both.create_key("rosalind", [Scope.ENROLL])
    with acting("key:rosalind"):
        both.enroll(gallery, "rosalind", [sample()])
    receipt = both.erase([both.speaker(gallery, "rosalind")])
    names = [check for check in receipt.checks if "names" in check.what]
    assert names
    assert not any(check.found for check in receipt.checks), receipt.checks


def test_the_jobs_of_a_key_end_with_it(both, home):
    both.gallery("default", create=True)
    uploads = home / "uploads"
    uploads.mkdir()
    for name in ("1", "2"):
        (uploads / name).write_bytes(b"RIFF")
    both.create_key("ops", [Scope.ADMIN])
    running = both.submit_job(NewJob("rest", "default", key="key:ops"))
    at_it = both.claim_job("w")
    waiting = both.submit_job(NewJob("rest", "default", upload="1", key="key:ops"))
    others = both.submit_job(NewJob("rest", "default", upload="2", key="key:ops-2"))
    both.revoke_key("ops")
    assert both.job(waiting.id).state is JobState.CANCELLED
    assert both.job(running.id).cancelling
    assert both.standing(at_it) is Standing.CANCELLING
    assert both.job(others.id) == others
    assert [path.name for path in uploads.iterdir()] == ["2"]
