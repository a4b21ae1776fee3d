"""What was heard in recordings: found a page at a time, drawn, kept again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spk.errors import NotFoundError
from spk.store import Store

pytestmark = pytest.mark.usefixtures("either_database")

KEPT = {"audio_days": 1000, "decision_days": 1000, "undo_days": 0}


@pytest.fixture
def gallery(store: Store):
    return store.gallery("default", create=True)


def keep(store, gallery, new):
    with store.change(gallery, "hear") as change:
        return change.hear(new)


def test_pages(store: Store, gallery, hearing) -> None:
    kept = [keep(store, gallery, hearing(name)) for name in ("Über", "call-1", "call-2", "Call-3", "talk")]
    keep(store, store.gallery("other", create=True), hearing("call-9"))
    names = [one.recording.source for one in kept]

    def page(**how):
        return [one.recording.source for one in store.find_hearings(gallery, **how)]

    assert page() == names
    assert page(newest=True) == names[::-1]
    assert page(q=" CALL") == names[1:4]
    assert page(q="über") == names[:1]
    assert page(q="%") == []
    assert page(limit=2) == names[:2]
    assert page(limit=2, after=kept[1].recording.id) == names[2:4]
    assert page(limit=2, after=kept[1].recording.id, newest=True) == names[:1]
    assert page(q="call", limit=1, after=kept[1].recording.id) == names[2:3]
    again = keep(store, gallery, hearing("call-1", seed=7))  # heard anew: in its place
    assert page(limit=1, after=kept[0].recording.id) == ["call-1.wav"]
    assert store.find_hearings(gallery)[1].id == again.id
    with store.change(gallery, "forget") as change:
        change.put_aside([again.id])
    with pytest.raises(NotFoundError, match="begin the list anew"):
        page(after=kept[1].recording.id)


def test_no_name_hides_an_id_or_a_hash(store: Store, gallery, hearing) -> None:
    talk = keep(store, gallery, hearing("talk"))
    ids = (talk.id.hex, talk.recording.id.hex, talk.recording.sha256)
    addresses = [str(talk.id), str(talk.recording.id), *ids, *(one[:16] for one in ids)]
    for number, called in enumerate(addresses):
        new = hearing(f"other {number}")
        keep(store, gallery, replace(new, recording=replace(new.recording, source=called)))
    assert [store.hearing(gallery, address).id for address in addresses] == [talk.id] * len(addresses)
    short = hearing("short")
    called = talk.recording.sha256[:8]
    keep(store, gallery, replace(short, recording=replace(short.recording, source=called)))
    assert store.hearing(gallery, called).recording.source == called  # digits too few for an address
    assert store.hearing(gallery, ids[2][:10]).id == talk.id
    assert store.hearing(gallery, "talk.wav").id == talk.id


def test_levels_go_with_what_was_heard(store: Store, gallery, hearing) -> None:
    first = keep(store, gallery, hearing("talk"))
    assert store.levels(first) is None
    second = keep(store, gallery, hearing("talk", seed=3, levels=b"\0\xff"))
    third = keep(store, gallery, hearing("talk", seed=5))
    assert [store.levels(one) for one in (second, third)] == [b"\0\xff"] * 2
    store.prune(**KEPT, recording_days=1000)
    assert store.levels(third) == b"\0\xff"
    store.prune(**KEPT, recording_days=0)
    assert store.levels(third) is None


def test_voices_are_kept_again(store: Store, gallery, hearing) -> None:
    new = hearing("talk", voices=("a", "b"), clips=(b"fLaC a", b"fLaC b"))
    kept = keep(store, gallery, new)
    with store.change(gallery, "again") as change:
        voices = change.heard_voices(kept)
        for voice, was, now in zip(new.voices, kept.voices, voices, strict=True):
            assert (now.label, now.parts, now.sha256) == (voice.label, voice.parts, voice.sha256)
            assert np.array_equal(now.vector, voice.vector)
            assert [piece.parts for piece in now.pieces] == [piece.parts for piece in voice.pieces]
            assert now.sample == was.sample is not None
        again = change.hear(replace(new, voices=tuple(voices)))
    assert [voice.sample for voice in again.voices] == [voice.sample for voice in kept.voices]
    assert len(store.sample_clips(voice.sample for voice in again.voices)) == 2
    store.undo(gallery)
    assert store.heard(gallery, new.recording.sha256).id == kept.id
