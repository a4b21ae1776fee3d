"""Consent: noted, required, run out, withdrawn, moved, carried, erased."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from spk.errors import ConflictError, InputError, NotFoundError
from spk.store import Gallery, NewConsent, Speaker, Store, audit, tables
from spk.store.bundles import Bundle
from spk.store.heard import Label
from spk.store.job_records import Answer

pytestmark = pytest.mark.usefixtures("either_database")

MODEL = "a model"
CALLS = "recognition in calls"
SOON = timedelta(days=10)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def strict(store: Store, gallery: Gallery) -> Gallery:
    """A gallery that requires consent."""
    store.require_consent(gallery, CALLS)
    return gallery


def expire(store: Store, speaker: Speaker) -> None:
    """Time passes."""
    with store._database.write() as tx:
        rows = tables.consents.update().where(tables.consents.c.speaker == speaker.id)
        tx.execute(rows.values(given=now() - 2 * SOON, until=now() - SOON))


def names(people: list[Speaker]) -> list[str]:
    return sorted(person.label for person in people)


def matched(store: Store, gallery: Gallery) -> list[str]:
    """Whom voices are compared with, however they are looked up."""
    profiles = store.profiles(gallery, MODEL)
    people = store.people(store.matched_ids(gallery))
    assert names(people) == names([one.speaker for one in profiles])
    found = store.search(gallery, MODEL, np.eye(16, dtype=np.float32)[:1], 10)[0]
    assert {one.speaker for one in found} == {person.id for person in people}
    return names(people)


def test_a_consent_is_kept_as_it_was_given(store: Store, gallery: Gallery, sample: Callable) -> None:
    alice = store.enroll(gallery, "alice", [sample()]).speaker
    given, until = now() - SOON, now() + SOON
    new = NewConsent(CALLS, given_by="  her\nmother ", given=given, until=until, reference="folder 12, page 3")
    kept = store.add_consent(alice, new)
    assert store.consents(alice) == store.consents(gallery) == [kept]
    assert (kept.purpose, kept.given_by, kept.given, kept.until) == (CALLS, "her mother", given, until)
    assert (kept.recorded_by, kept.state(), kept.state(until)) == (audit.user(), "valid", "expired")


def test_who_acts_noted_it(store: Store, gallery: Gallery) -> None:
    with audit.acting("key:front-desk"):
        kept = store.give_consent(gallery, "alice", NewConsent(CALLS))
        [ended] = store.withdraw_consent(store.speaker(gallery, "alice"))
    assert (kept.recorded_by, ended.withdrawn_by, ended.state()) == ("key:front-desk", "key:front-desk", "withdrawn")


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (NewConsent(), "for which purpose"),
        (NewConsent(" "), "cannot be empty"),
        (NewConsent(CALLS, given=datetime.now(UTC) + SOON), "in the future"),
        (NewConsent(CALLS, until=datetime.now(UTC) - SOON), "over already"),
    ],
)
def test_impossible_consents_are_refused(store: Store, gallery: Gallery, new: NewConsent, why: str) -> None:
    with pytest.raises(InputError, match=why):
        store.give_consent(gallery, "alice", new)
    assert store.speakers(gallery) == []


def test_consent_can_come_before_the_speech(store: Store, strict: Gallery, sample: Callable) -> None:
    consent = store.give_consent(strict, "alice", NewConsent())  # to what the gallery requires
    assert consent.purpose == CALLS
    assert store.enroll(strict, "alice", [sample()]).speaker.id == consent.speaker
    assert store.give_consent(strict, "alice", NewConsent("research")).speaker == consent.speaker
    with pytest.raises(NotFoundError, match="unknown-0123"):
        store.give_consent(strict, "unknown-0123", NewConsent())


def test_nobody_is_enrolled_without_consent(store: Store, strict: Gallery, sample: Callable) -> None:
    with pytest.raises(ConflictError, match=r"alice: no valid consent .*`spk consent give alice`"):
        store.enroll(strict, "alice", [sample()])
    with pytest.raises(ConflictError, match="without a name"):
        store.enroll(strict, None, [sample()])
    assert store.speakers(strict) == []
    store.enroll(strict, "alice", [sample()], consent=NewConsent(CALLS))
    with pytest.raises(ConflictError, match="bob"):
        store.enroll(strict, "bob", [sample("another")], consent=NewConsent("research"))
    assert matched(store, strict) == ["alice"]


def test_an_enrollment_that_is_refused_keeps_no_consent(store: Store, strict: Gallery, sample: Callable) -> None:
    store.enroll(strict, "alice", [sample()], consent=NewConsent())
    with pytest.raises(ConflictError, match="already belongs"):
        store.enroll(strict, "bob", [sample()], consent=NewConsent())
    assert len(store.consents(strict)) == 1


def test_who_is_there_already_is_not_matched_without_consent(store: Store, gallery: Gallery, sample: Callable) -> None:
    people = {name: store.enroll(gallery, name, [sample(name)]).speaker for name in ("alice", "bob")}
    stranger = store.enroll(gallery, None, [sample("stranger")]).speaker
    store.add_consent(people["alice"], NewConsent(CALLS))
    assert len(matched(store, gallery)) == 3
    assert names(store.require_consent(gallery, CALLS)) == ["bob", stranger.label]
    assert matched(store, gallery) == ["alice"]
    assert names(store.lacking_consent(gallery)) == ["bob", stranger.label]
    with pytest.raises(NotFoundError, match="bob cannot be recognised without consent"):
        store.profile(people["bob"], MODEL)
    assert store.require_consent(gallery, None) == []
    assert len(matched(store, gallery)) == 3


@pytest.mark.parametrize("end", ["withdrawn", "expired", "of another purpose"])
def test_who_ended_it_is_not_matched_and_gets_nothing(
    store: Store, strict: Gallery, sample: Callable, end: str
) -> None:
    alice = store.enroll(strict, "alice", [sample()], consent=NewConsent(until=now() + SOON)).speaker
    if end == "withdrawn":
        store.withdraw_consent(alice, CALLS)
    elif end == "expired":
        expire(store, alice)
    else:
        store.require_consent(strict, "research")
    assert matched(store, strict) == []
    with pytest.raises(ConflictError, match="alice"):
        store.enroll(strict, "alice", [sample("more")])
    with pytest.raises(ConflictError, match="alice"):  # of the same speech, by another model
        store.enroll(strict, "alice", [sample(models=("another",))])
    store.add_consent(alice, NewConsent())
    assert matched(store, strict) == ["alice"]
    assert len(store.consents(alice)) == 2


def test_withdrawing_twice_says_so(store: Store, gallery: Gallery) -> None:
    store.give_consent(gallery, "alice", NewConsent(CALLS))
    store.give_consent(gallery, "alice", NewConsent("research"))
    alice = store.speaker(gallery, "alice")
    assert [one.purpose for one in store.withdraw_consent(alice, "research")] == ["research"]
    with pytest.raises(NotFoundError, match='not consented to "research"'):
        store.withdraw_consent(alice, "research")
    assert [one.state() for one in store.consents(alice)] == ["valid", "withdrawn"]


def test_what_runs_out_is_told_in_time(store: Store, gallery: Gallery) -> None:
    for name, days in (("alice", 20), ("bob", 5), ("carol", 5), ("carol", 300), ("dave", None)):
        until = None if days is None else now() + timedelta(days=days)
        store.give_consent(gallery, name, NewConsent(CALLS, until=until))
    people = {person.id: person.label for person in store.speakers(gallery)}
    assert [people[one.speaker] for one in store.expiring(gallery, 30)] == ["bob", "alice"]
    assert [people[one.speaker] for one in store.expiring(gallery, 10)] == ["bob"]


def test_naming_and_merging_need_consent(store: Store, gallery: Gallery, sample: Callable) -> None:
    stranger, other = (store.enroll(gallery, None, [sample(name)]).speaker for name in ("one", "two"))
    bob = store.enroll(gallery, "bob", [sample("bob")]).speaker
    store.require_consent(gallery, CALLS)
    for attempt in (lambda: store.rename(stranger, "alice"), lambda: store.merge(stranger, bob)):
        with pytest.raises(ConflictError, match="no valid consent"):
            attempt()
    store.give_consent(gallery, stranger.label, NewConsent())
    assert store.rename(stranger, "alice").name == "alice"
    assert store.rename(bob, "robert").name == "robert"  # he had a name before
    store.merge(other, store.speaker(gallery, "alice"))
    assert matched(store, gallery) == ["alice"]


def test_a_preview_is_refused_as_the_change_is(store: Store, gallery: Gallery, sample: Callable) -> None:
    stranger = store.enroll(gallery, None, [sample()]).speaker
    store.require_consent(gallery, CALLS)
    with pytest.raises(ConflictError), store.change(gallery, "name", dry_run=True) as change:
        change.rename(stranger, "alice")
    with store.change(gallery, "name", dry_run=True) as change:
        change.add_consent(stranger, NewConsent())
        change.rename(stranger, "alice")
    assert store.consents(gallery) == []


def test_consents_follow_a_merger_and_its_undo(store: Store, gallery: Gallery, sample: Callable) -> None:
    phone, alice = (store.enroll(gallery, name, [sample(name)]).speaker for name in ("alice-phone", "alice"))
    kept = store.add_consent(phone, NewConsent(CALLS))
    store.require_consent(gallery, CALLS)
    store.merge(phone, alice)
    assert [one.id for one in store.consents(alice)] == [kept.id]
    assert matched(store, gallery) == ["alice"]
    store.undo(gallery)
    assert matched(store, gallery) == ["alice-phone"]


def test_who_withdrew_is_not_matched_by_a_merger(store: Store, gallery: Gallery, sample: Callable) -> None:
    phone, alice = (store.enroll(gallery, name, [sample(name)]).speaker for name in ("alice-phone", "alice"))
    store.add_consent(phone, NewConsent(CALLS))
    store.add_consent(alice, NewConsent(CALLS))
    store.withdraw_consent(alice)
    store.require_consent(gallery, CALLS)
    with pytest.raises(ConflictError, match="alice"):
        store.merge(phone, alice)
    store.add_consent(alice, NewConsent())
    store.merge(phone, alice)
    assert sorted(one.state() for one in store.consents(alice)) == ["valid", "withdrawn", "withdrawn"]
    store.undo(gallery)
    assert matched(store, gallery) == ["alice", "alice-phone"]


def test_an_undo_takes_no_consent_back(store: Store, gallery: Gallery, sample: Callable) -> None:
    alice = store.enroll(gallery, "alice", [sample()]).speaker
    store.enroll(gallery, "alice", [sample("more")], consent=NewConsent(CALLS))
    store.withdraw_consent(alice)
    store.undo(gallery)
    assert [one.state() for one in store.consents(alice)] == ["withdrawn"]


def test_what_is_heard_keeps_nobody_without_consent(store: Store, strict: Gallery, hearing: Callable) -> None:
    with store.change(strict, "identify") as change:
        change.hear(hearing(said={"S0": Label()}))
        assert not change.keeps_strangers()
    with pytest.raises(ConflictError, match="enroll-unknown"):
        store.check_strangers(strict)
    assert store.speakers(strict) == []


def test_bundles_carry_consents(store: Store, strict: Gallery, sample: Callable, tmp_path: Path) -> None:
    for name in ("alice", "bob", "carol"):
        store.enroll(strict, name, [sample(name)], consent=NewConsent(given_by="a parent"))
    expire(store, store.speaker(strict, "bob"))
    store.withdraw_consent(store.speaker(strict, "carol"))
    exported = store.export_bundle(strict, tmp_path / "team.spk")
    with Store.open(tmp_path / "other") as other:
        team = other.import_bundle(exported.path, "team").gallery
        assert other.required_consent(team) == CALLS
        assert matched(other, team) == ["alice"]
        assert other.consents(team) == store.consents(strict)
        again = other.export_bundle(team, tmp_path / "again.spk").bundle
    assert again.consents == exported.bundle.consents
    assert Bundle.read(exported.path).format == "spk-bundle/2"


def test_a_bundle_without_consent_stays_out(store: Store, gallery: Gallery, sample: Callable, tmp_path: Path) -> None:
    store.enroll(gallery, "alice", [sample()])
    exported = store.export_bundle(gallery, tmp_path / "team.spk")
    assert Bundle.read(exported.path).format == "spk-bundle/1"
    with Store.open(tmp_path / "other") as other:
        into = other.gallery("strict", create=True)
        other.require_consent(into, CALLS)
        with pytest.raises(ConflictError, match="alice: no valid consent"):
            other.import_bundle(exported.path, "strict")
        assert other.speakers(into) == []


def test_erasure_takes_consents_along(
    store: Store, gallery: Gallery, sample: Callable, tmp_path: Path, files_with: Callable
) -> None:
    zoe = store.enroll(gallery, "Zoe Quintilia", [sample()]).speaker
    bob = store.enroll(gallery, "bob", [sample("bob")]).speaker
    store.add_consent(zoe, NewConsent(CALLS, reference="cabinet Q, Zoe Quintilia.pdf"))
    store.add_consent(bob, NewConsent(CALLS, given_by="Zoe Quintilia, his mother", reference="zoe-quintilia.pdf"))
    store.export_bundle(gallery, tmp_path / "team.spk")
    receipt = store.erase([zoe])
    assert receipt.proved, receipt.checks
    assert receipt.counts.consents == 1
    [left] = store.consents(gallery)
    assert (left.speaker, left.given_by, left.reference) == (bob.id, "a representative", None)
    assert [one.given_by for one in Bundle.read(tmp_path / "team.spk").consents] == ["a representative"]
    assert files_with(store.path, "Zoe Quintilia") == []
    actions = [entry.action for entry in store.audit_log(about=zoe.id)]
    assert actions == ["enroll", "consent", "erase"]


def test_a_user_may_be_called_like_who_is_erased(store: Store, gallery: Gallery, sample: Callable) -> None:
    zoe = store.enroll(gallery, "quintilia", [sample()]).speaker
    bob = store.enroll(gallery, "bob", [sample("bob")]).speaker
    with audit.acting("quintilia"):
        store.add_consent(bob, NewConsent(CALLS))
        store.withdraw_consent(bob)
    assert store.erase([zoe]).proved
    assert [one.recorded_by for one in store.consents(bob)] == ["quintilia"]


def test_all_of_it_is_in_the_audit_log(store: Store, strict: Gallery) -> None:
    consent = store.give_consent(strict, "alice", NewConsent(given_by="her mother"))
    store.withdraw_consent(store.speaker(strict, "alice"))
    entries = [(entry.action, entry.detail) for entry in store.audit_log()][-3:]
    assert [action for action, _ in entries] == ["require consent", "consent", "withdraw consent"]
    assert entries[1][1]["consent"] == entries[2][1]["consent"] == str(consent.id)
    assert "mother" not in str(entries)


def test_what_was_given_before_a_withdrawal_is_not_noted(store: Store, strict: Gallery, sample: Callable) -> None:
    asked = now()
    alice = store.give_consent(strict, "alice", NewConsent())
    store.give_consent(strict, "alice", NewConsent("research"))
    person = store.speaker(strict, "alice")
    store.withdraw_consent(person, CALLS)
    for attempt in (
        lambda: store.add_consent(person, NewConsent(CALLS, given=asked)),
        lambda: store.enroll(strict, "alice", [sample()], consent=NewConsent(given=asked)),
    ):
        with pytest.raises(ConflictError, match=f'alice withdrew consent to "{CALLS}" on .* UTC, after this one'):
            attempt()
    assert store.consents(person)[0].id == alice.id
    assert len(store.consents(person)) == 2
    assert store.samples(person) == []
    store.add_consent(person, NewConsent("research", given=asked))
    store.enroll(strict, "alice", [sample()], consent=NewConsent(given=now()))
    assert matched(store, strict) == ["alice"]


@pytest.mark.parametrize("end", ["required", "withdrawn"])
def test_answers_from_before_are_given_to_nobody(store: Store, gallery: Gallery, end: str) -> None:
    store.give_consent(gallery, "alice", NewConsent(CALLS))
    store.gallery("other", create=True)
    keys = {"k1": "default", "k2": "other"}
    for key, about in keys.items():
        store.finish_request(store.begin_request("desk", key, "hash", gallery=about), Answer(200, {}, b"alice"))
    this = store.begin_request("desk", "k3", "hash", gallery="default")
    if end == "required":
        store.require_consent(gallery, CALLS)
    else:
        store.withdraw_consent(store.speaker(gallery, "alice"))
    store.finish_request(this, Answer(200, {}, b"withdrawn"))
    with pytest.raises(ConflictError, match="consent changed"):
        store.begin_request("desk", "k1", "hash", gallery="default")
    for key, body in (("k2", b"alice"), ("k3", b"withdrawn")):
        assert store.begin_request("desk", key, "hash").answer.body == body


def test_who_has_not_consented_can_be_as_if_not_there(store: Store, gallery: Gallery, sample: Callable) -> None:
    people = {name: store.enroll(gallery, name, [sample(name)]).speaker for name in ("alice", "b-robert")}
    store.add_consent(people["alice"], NewConsent(CALLS))
    assert store.speaker(gallery, "b-robert", consented=True) == people["b-robert"]
    store.require_consent(gallery, CALLS)
    assert store.speaker(gallery, "alice", consented=True) == people["alice"]
    robert = people["b-robert"].id
    for who in ("nobody at all", "b-rober", "b-robert", f"unknown-{robert.hex[:8]}"):
        with pytest.raises(NotFoundError) as raised:
            store.speaker(gallery, who, consented=True)
        assert str(raised.value) == (
            f'no speaker "{who}" in the gallery "default": check the spelling, or enroll some speech first'
        )
    with pytest.raises(NotFoundError, match="nobody has this id"):
        store.speaker(gallery, str(robert), consented=True)
    assert store.speaker(gallery, "b-robert") == people["b-robert"]
    with pytest.raises(NotFoundError, match='did you mean "b-robert"'):
        store.speaker(gallery, "b-rober")
