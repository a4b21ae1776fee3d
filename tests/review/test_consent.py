"""A gallery that requires consent: nobody is recognised, named or taught without it, now or when judged again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from spk.embed.fake import FakeEmbedder
from spk.errors import ConflictError, NotFoundError
from spk.evaluate.checkup import Concern
from spk.evaluate.doctor import examine
from spk.identify import GalleryScorer
from spk.store import NewConsent

CALLS = "recognition in calls"


@pytest.fixture
def strict(world):
    """Two people who consented, and one who has not."""
    for person, name in enumerate(("alice", "bob", "carol")):
        world.enroll(name, person)
    for name in ("alice", "bob"):
        world.store.add_consent(world.person(name), NewConsent(CALLS))
    world.hear("before", 0, 1, 2, 3)
    world.store.require_consent(world.gallery, CALLS)
    return world


def named(found) -> list[str | None]:
    return [voice.named.label if voice.named else None for voice in found.voices]


def test_nobody_is_recognised_without_consent(strict):
    assert named(strict.hear("after", 0, 1, 2, strangers=False)) == ["alice", "bob", None]
    strict.store.withdraw_consent(strict.person("bob"))
    assert named(strict.hear("later", 0, 1, 2, strangers=False)) == ["alice", None, None]
    with pytest.raises(NotFoundError, match="carol cannot be recognised without consent"):
        strict.hear("invited", 0, 2, attendees=["alice", "carol"], strangers=False)


def test_strangers_are_not_kept(strict):
    with pytest.raises(ConflictError, match="strangers are not kept"):
        strict.hear("after", 0, 5)
    with pytest.raises(NotFoundError):
        strict.store.hearing(strict.gallery, "after.wav")


def test_what_is_judged_again_is_as_it_would_be_heard(strict):
    [stranger] = strict.strangers()
    assert strict.who("before") == {
        "SPEAKER_00": "alice",
        "SPEAKER_01": "bob",
        "SPEAKER_02": "carol",
        "SPEAKER_03": stranger.label,
    }
    strict.store.withdraw_consent(strict.person("bob"))
    strict.corrections().again()
    assert list(strict.who("before").values()) == ["alice", None, None, None]
    assert strict.strangers() == []
    before = strict.picture()
    strict.hear("before", 0, 1, 2, 3, strangers=False)
    assert strict.picture() == before


def test_a_voice_is_given_to_nobody_without_consent(strict):
    [stranger] = strict.strangers()
    hearing = strict.store.hearing(strict.gallery, "before.wav")
    corrections = strict.corrections()
    for attempt in (
        lambda: corrections.name(stranger, "dave"),
        lambda: corrections.name(stranger, "carol"),
        lambda: corrections.say(hearing, ["SPEAKER_03"], "dave"),
        lambda: corrections.say(hearing, ["SPEAKER_02"], "carol"),
        lambda: strict.corrections(dry_run=True).name(stranger, "dave"),
    ):
        with pytest.raises(ConflictError, match="no valid consent"):
            attempt()
    assert strict.strangers() == [stranger]


def test_an_unknown_is_named_once_consent_is_there(strict):
    [stranger] = strict.strangers()
    strict.store.give_consent(strict.gallery, stranger.label, NewConsent())
    strict.corrections().name(stranger, "dave")
    assert strict.who("before")["SPEAKER_03"] == "dave"
    assert named(strict.hear("after", 0, 3, strangers=False)) == ["alice", "dave"]


def test_one_who_is_named_may_have_consented_before(strict):
    [stranger] = strict.strangers()
    strict.store.give_consent(strict.gallery, "dave", NewConsent())
    strict.corrections().name(stranger, "dave")
    assert strict.who("before")["SPEAKER_03"] == "dave"
    assert [one.state() for one in strict.store.consents(strict.person("dave"))] == ["valid"]


def test_the_queue_names_nobody_without_consent(strict):
    [unknown] = strict.queue().unknowns
    assert unknown.nearest == ()
    strict.store.give_consent(strict.gallery, unknown.speaker.label, NewConsent())
    [unknown] = strict.queue().unknowns
    assert {one.speaker.label for one in unknown.nearest} == {"alice", "bob"}


def test_the_doctor_tells_whose_consent_is_missing(strict):
    strict.store.add_consent(strict.person("alice"), NewConsent(until=datetime.now(UTC) + timedelta(days=9)))
    scorer = GalleryScorer(strict.store, strict.gallery, FakeEmbedder().model, strict.judge.calibration)
    first, *others = examine(scorer)
    assert (first.speaker.label, first.advice[0].concern) == ("carol", Concern.NO_CONSENT)
    assert all(advice.concern is not Concern.NO_CONSENT for checkup in others for advice in checkup.advice)
