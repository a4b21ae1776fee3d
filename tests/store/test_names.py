"""Names of people are data, never paths."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.errors import InputError, NotFoundError
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
