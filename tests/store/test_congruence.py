"""Whatever happens in whatever order, every engine finds what SQL holds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spk.errors import ConflictError
from spk.store import Store

pytestmark = pytest.mark.usefixtures("either_database")

MODEL = "a model"  # whose vectors the `sample` fixture makes
NAMES = ["alice", "dörte", "李雷", "אלה", None]

change = st.one_of(
    st.tuples(st.just("enroll"), st.sampled_from(NAMES), st.lists(st.integers(0, 15), min_size=1, max_size=4)),
    st.tuples(st.just("rename"), st.integers(0, 9), st.sampled_from(NAMES[:-1])),
    st.tuples(st.just("merge"), st.integers(0, 9), st.integers(0, 9)),
    st.tuples(st.just("delete"), st.integers(0, 9), st.none()),
    st.tuples(st.just("search"), st.none(), st.none()),
)


def perform(store, gallery, sample, step):
    action, one, two = step
    everybody = store.speakers(gallery)
    if action == "enroll":
        store.enroll(gallery, one, [sample(f"take {number}") for number in two], force=True)
    elif action == "search" or not everybody:
        store.candidates(gallery, MODEL, sample("query").vectors[MODEL], 3)
    elif action == "rename":
        store.rename(everybody[one % len(everybody)], two)
    elif action == "merge":
        store.merge(everybody[one % len(everybody)], everybody[two % len(everybody)])
    else:
        store.delete(everybody[one % len(everybody)])


@pytest.mark.parametrize("engine", ["exact", "faiss", "qdrant"])
def test_any_sequence_of_changes(request, tmp_path_factory, monkeypatch, sample, engine, either_database):
    if engine == "faiss":
        monkeypatch.setattr("spk.store.inprocess.SMALL", 0)
        monkeypatch.setattr("spk.store.inprocess.SAVE_AFTER", 0)
    address = request.getfixturevalue("qdrant_address") if engine == "qdrant" else None

    @settings(max_examples=5 if address or either_database == "postgresql" else 25)
    @given(steps=st.lists(st.tuples(st.booleans(), change), max_size=14))
    def run(steps):
        perform_all(tmp_path_factory.mktemp("home"), address and address(), sample, steps)

    run()


def perform_all(home, address, sample, steps):
    with Store.open(home, engine_down="refuse") as one, Store.open(home, engine_down="refuse") as two:
        gallery = one.gallery("default", create=True)
        if address:
            one.move_engine(address)
        for first, step in steps:
            try:
                perform(one if first else two, gallery, sample, step)
            except ConflictError:
                assert step[0] in {"rename", "merge"}
        with Store.open(home, engine_down="refuse") as three:
            for store in (one, two, three):
                check(store, gallery, sample)


def check(store, gallery, sample):
    query = sample("query").vectors[MODEL]
    profiles = store.profiles(gallery, MODEL)
    wanted = {profile.speaker.id: float((profile.vectors @ query).max()) for profile in profiles}
    found = {candidate.speaker: candidate.cosine for candidate in store.candidates(gallery, MODEL, query, 99)}
    assert found == pytest.approx(wanted, abs=1e-6)
    speakers = {speaker.id for speaker in store.speakers(gallery)}
    assert wanted.keys() == speakers, "everybody was enrolled by this model"
    samples = store.samples(gallery)
    assert {one.speaker for one in samples} == speakers
    assert sum(len(profile.vectors) for profile in profiles) == len(samples)
    for profile in profiles:
        assert len({one.sha256 for one in profile.samples}) == len(profile.samples)
    store.verify_audit()
