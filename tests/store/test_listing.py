"""Lists of people, a page at a time, and their clips."""

from __future__ import annotations

import pytest

from spk.errors import NotFoundError
from spk.store import SpeakerState

pytestmark = pytest.mark.usefixtures("either_database")

NAMES = ["Zoë", "anna", "Élan", "b_1", "b%1", "b/1", "ANNA K."]


@pytest.fixture
def people(store, gallery, sample):
    """Seven people and three strangers, in the order of the store."""
    for number, name in enumerate([*NAMES, None, None, None]):
        store.enroll(gallery, name, [sample(f"r{number}")])
    store.enroll(gallery, "anna", [sample("r1", 100.0, 130.0)])
    other = store.gallery("other", create=True)
    store.enroll(other, "anna", [sample("elsewhere")])
    return store.speakers(gallery)


@pytest.mark.parametrize("limit", [1, 3, 7, 20])
def test_pages_are_the_whole_list(store, gallery, people, limit):
    found, last = [], None
    while page := store.find_speakers(gallery, limit=limit, after=last):
        assert len(page) <= limit
        found += page
        last = page[-1].speaker
    assert [one.speaker for one in found] == people


def test_somebody_who_goes_meanwhile_breaks_no_list(store, gallery, people):
    page = store.find_speakers(gallery, limit=4)
    store.delete(page[-1].speaker)
    rest = store.find_speakers(gallery, limit=20, after=page[-1].speaker)
    assert [one.speaker for one in rest] == people[4:]


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("anna", ["ANNA K.", "anna"]),
        ("éLA", ["Élan"]),
        ("zoe\u0308", ["Zoë"]),
        ("_", ["b_1"]),
        ("%", ["b%1"]),
        ("/", ["b/1"]),
        ("nobody", []),
    ],
)
def test_a_part_of_a_name_finds_people(store, gallery, people, q, names):
    assert [one.speaker.name for one in store.find_speakers(gallery, q=q)] == names


def test_labels_and_states_find_strangers(store, gallery, people):
    strangers = [one for one in people if one.state is SpeakerState.UNKNOWN]
    assert [one.speaker for one in store.find_speakers(gallery, q="Unknown-")] == strangers
    assert [one.speaker for one in store.find_speakers(gallery, state=SpeakerState.UNKNOWN)] == strangers
    assert strangers[1] in [one.speaker for one in store.find_speakers(gallery, q=strangers[1].label)]
    enrolled = store.find_speakers(gallery, state=SpeakerState.ENROLLED)
    assert [one.speaker for one in enrolled] == people[:7]


def test_samples_are_summed_up(store, gallery, people):
    for one in store.find_speakers(gallery):
        samples = store.samples(one.speaker)
        assert one.samples == len(samples)
        assert one.recordings == len({sample.recording.id for sample in samples})
        assert one.net_seconds == pytest.approx(sum(sample.net_seconds for sample in samples))


def test_people_are_counted(store, gallery, people):
    assert (store.census(gallery).people, store.census(gallery).unknown) == (10, 3)


def test_a_clip_is_found_by_its_sample(store, gallery, sample):
    first = store.enroll(gallery, "ann", [sample("a", clip=b"fLaC a"), sample("b", 50.0, 60.0)]).added
    kept, other = first
    assert store.clip(gallery, str(kept.id)).read_bytes() == b"fLaC a"
    assert store.clip(gallery, kept.id.hex[:12]) == store.sample_clips([kept.id, other.id])[kept.id]
    assert other.id not in store.sample_clips([kept.id, other.id])
    elsewhere = store.gallery("elsewhere", create=True)
    for where, which in ((gallery, str(other.id)), (gallery, "what"), (elsewhere, str(kept.id))):
        with pytest.raises(NotFoundError):
            store.clip(where, which)
