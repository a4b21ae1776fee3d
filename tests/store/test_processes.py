"""Several processes on one home at the same time."""

from __future__ import annotations

import pytest

from spk.store import Store

pytestmark = pytest.mark.usefixtures("either_database")

OPEN_AND_ENROLL = """
store = Store.open(home)
gallery = store.gallery("default", create=True)
for take in range(int(sys.argv[3])):
    store.enroll(gallery, sys.argv[2], [sample(f"{os.getpid()} {take}")])
print("done")
"""

MIXED = """
store = Store.open(home)
gallery = store.gallery("default", create=True)
for take in range(12):
    name = f"{os.getpid()} {take}"
    new = sample(name, clip=b"shared by all")
    mine = store.enroll(gallery, name, [new]).speaker
    found = store.candidates(gallery, "a model", new.vectors["a model"], 1)
    assert found[0].speaker == mine.id, found
    if take % 3 == 0:
        store.delete(mine)
    elif take % 3 == 1:
        store.rename(mine, f"renamed {name}")
print("done")
"""


def finish(*processes):
    for said in [process.communicate(timeout=120) for process in processes]:
        assert said == ("done\n", "")


def test_two_open_a_new_home_and_enroll_the_same_new_name(home, start):
    """Whoever is first makes the tables, the gallery and the speaker; all samples are there."""
    finish(*(start(OPEN_AND_ENROLL, home, "alice", 5) for _ in range(3)))
    with Store.open(home) as store:
        gallery = store.gallery("default")
        (alice,) = store.speakers(gallery)
        assert alice.name == "alice"
        assert store.profile(alice, "a model").vectors.shape == (15, 16)
        actions = [entry.action for entry in store.audit_log()]
        assert sorted(set(actions)) == ["create gallery", "enroll"]
        assert actions.count("create gallery") == 1
        store.verify_audit()


@pytest.mark.parametrize("engine", ["exact", "faiss"])
def test_enrolling_renaming_and_erasing_side_by_side(home, start, engine):
    setup = ""
    if engine == "faiss":
        setup = "import spk.store.inprocess as engines\nengines.SMALL = engines.SAVE_AFTER = 0\n"
    finish(*(start(setup + MIXED, home) for _ in range(2)))
    with Store.open(home) as store:
        gallery = store.gallery("default")
        speakers = store.speakers(gallery)
        assert len(speakers) == 2 * 8
        assert sum(speaker.label.startswith("renamed") for speaker in speakers) == 2 * 4
        assert [clip.read_bytes() for clip in store.clips(speakers[0])] == [b"shared by all"]
        assert len(list((home / "clips").iterdir())) == 1
        assert not (home / ".erasing").exists()
        store.verify_audit()


def test_two_open_stores_see_each_other_at_once(home, sample, vector):
    with Store.open(home) as one, Store.open(home) as two:
        gallery = one.gallery("default", create=True)
        for number in range(5):
            writer, reader = (one, two) if number % 2 else (two, one)
            new = writer.enroll(gallery, f"p{number}", [sample(f"{number}", seed=number)]).speaker
            found = reader.candidates(gallery, "a model", vector(number), 1)
            assert found[0].speaker == new.id
            assert found[0].cosine == pytest.approx(1.0)
        writer.delete(new)
        assert new.id not in {c.speaker for c in reader.candidates(gallery, "a model", vector(number), 9)}
