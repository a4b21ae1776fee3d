"""Names of people are data, never paths."""

from __future__ import annotations

import unicodedata
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from spk.errors import InputError, NotFoundError
from spk.store import NewConsent, Store, tables
from spk.store.names import clean_name

pytestmark = pytest.mark.usefixtures("either_database")


@given(st.text())
def test_a_clean_name_is_clean_or_refused(text):
    try:
        name = clean_name(text)
    except InputError:
        return
    assert clean_name(name) == name
    assert unicodedata.is_normalized("NFC", name)
    assert 0 < len(name) <= 200
    name.encode()


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00b", "a\x1b[2Jb", "x" * 201, "\udcff", "a\u2028b"])
def test_refused(store, gallery, sample, name):
    with pytest.raises(InputError):
        store.enroll(gallery, name, [sample()])
    with pytest.raises(InputError):
        store.gallery(name, create=True)
    assert store.speakers(gallery) == []


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/passwd",
        "a/b",
        "..",
        "-rf",
        'O\'Brien "Bob"',
        "%s",
        "'; DROP TABLE speakers; --",
        "山田 太郎",
        "👩🏽‍🚀",
        "x" * 200,
    ],
)
def test_harmless_because_no_file_is_named_after_a_person(store, gallery, sample, home, name):

    speaker = store.enroll(gallery, name, [sample(clip=b"clip")]).speaker
    assert speaker.name == name
    assert store.speaker(gallery, name) == speaker
    other = store.gallery(name, create=True)
    assert other.name == name
    new = {path.relative_to(home.parent) for path in home.parent.rglob("*")}
    assert {path.parts[0] for path in new} == {"home"}
    assert not any(name == path.name for path in new)
    assert not (home.parent / "x").exists()


def test_the_same_name_in_two_unicode_forms_is_one_speaker(store, gallery, sample):
    composed = store.enroll(gallery, "Zo\u00e9", [sample("a")]).speaker
    assert store.enroll(gallery, " Zoe\u0301 ", [sample("b")]).speaker == composed
    assert store.speaker(gallery, "Zoe\u0301") == composed
    assert store.speakers(gallery) == [composed]


def test_a_misspelt_name_is_answered_with_what_is_close(store, gallery, sample):
    store.enroll(gallery, "Alice", [sample()])
    with pytest.raises(NotFoundError, match='did you mean "Alice"'):
        store.speaker(gallery, "alcie")
    with pytest.raises(NotFoundError, match='did you mean "default"'):
        store.gallery("defalt")


def test_our_own_labels_are_no_names(store, gallery, sample):
    with pytest.raises(NotFoundError):
        store.enroll(gallery, "unknown-7f3a", [sample()])
    alice = store.enroll(gallery, "alice", [sample()]).speaker
    with pytest.raises(InputError, match="stand for people without a name"):
        store.rename(alice, "unknown-7f3a")


def written(id_) -> list[str]:
    """An id as it is shown, and as people copy it."""
    return [str(id_), str(id_).upper(), f" {id_} "]


def test_nobody_new_is_called_by_an_id(store, gallery, sample):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    bob = store.enroll(gallery, "bob", [sample("b")]).speaker
    consent = NewConsent("calls")
    for nobody in written(uuid4()):
        with pytest.raises(InputError, match="such ids stand for people"):
            store.make_speaker(gallery, nobody)
        with pytest.raises(InputError, match="such ids stand for people"):
            store.rename(bob, nobody)
        with pytest.raises(NotFoundError, match="nobody has this id"):
            store.enroll(gallery, nobody, [sample("c")])
        with pytest.raises(NotFoundError, match="nobody has this id"):
            store.give_consent(gallery, nobody, consent)
    for number, who in enumerate(written(alice.id)):
        with pytest.raises(InputError, match="such ids stand for people"):
            store.rename(bob, who)
        assert store.speaker(gallery, who) == alice
        assert store.enroll(gallery, who, [sample(f"more {number}")]).speaker == alice
        assert store.give_consent(gallery, who, consent).speaker == alice.id
    assert store.speakers(gallery) == [alice, bob]
    assert store.make_speaker(gallery, uuid4().hex)  # which may be a hash
    assert store.gallery(str(uuid4()), create=True)  # nobody looks for galleries by their ids


def call(store: Store, speaker, name: str) -> None:
    """Somebody has a name from a time when it was one."""
    with store._database.write() as tx:
        tx.execute(update(tables.speakers).where(tables.speakers.c.id == speaker.id).values(name=name))


def test_a_name_from_before_that_is_an_id(store, gallery, sample, tmp_path):
    alice, bob, carol = (store.enroll(gallery, name, [sample(name)]).speaker for name in ("alice", "bob", "carol"))
    free = str(uuid4())
    call(store, bob, str(alice.id))
    call(store, carol, free)
    assert [store.speaker(gallery, who).id for who in (str(alice.id), bob.id, free)] == [alice.id, bob.id, carol.id]
    assert store.enroll(gallery, free, [sample("more")]).speaker.id == carol.id

    store.export_bundle(gallery, tmp_path / "all.spkbundle")
    with Store.open(tmp_path / "other") as other:
        other.import_bundle(tmp_path / "all.spkbundle")
        there = other.gallery("default")
        assert [other.speaker(there, who).id for who in (str(alice.id), free)] == [alice.id, carol.id]

    store.rename(store.speaker(gallery, free), "carol")
    store.undo(gallery)
    stranger = store.enroll(gallery, None, [sample("stranger")]).speaker
    assert store.merge(store.speaker(gallery, free), stranger).name == free
